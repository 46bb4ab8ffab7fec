"""Records found by their words: BM25 over weighted fields, phrases, exclusions, exact filters.

Built on tantivy (`lexical_commits` holds its files). Like every index of this layer it is derived:
on damage its owner drops the folder and fills a new one from the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import tantivy

from museion.base.errors import InvalidInput
from museion.search.lexical_commits import Commits, readable
from museion.search.lexical_fields import (
    ID_FIELD,
    Field,
    Seen,
    Texts,
    UnknownField,
    build_record,
    build_schema,
    checked_fields,
    read_record,
)
from museion.search.lexical_filter import RecordFilter, ids_of_all
from museion.search.selection import Allowed, Numbers, Selection
from museion.search.word_asking import (
    Said,
    corrected,
    likely_answers,
    phrase_in_any,
    said_in_field,
    whole_question,
)
from museion.search.word_matching import Asked
from museion.search.word_query import WordQuery, parse_phrase, parse_words

__all__ = ["Field", "LexicalHit", "LexicalIndex", "Texts"]


@dataclass(frozen=True, slots=True)
class LexicalHit:
    """One record that answers a query in words, and why.

    Attributes:
        id: the record.
        score: BM25 over all fields, comparable within one answer.
        matched: for each field in which something was found, words of the query, folded, in the
            order asked. A word counts as found in another inflection too, as part of a longer word
            in a field of trigrams, and under a word that it may be a typo of.
        coverage: share of the query's words that were found anywhere, in [0, 1]; stop words do not
            count, and phrases, which are always found, neither.
        is_exact: all words were found whole in certain fields, and those of phrases whole in any.
            Another inflection is whole if it is one in every language that the text and the query
            may be in.
        corrected: for each word that occurs in no record, the words found in its place in this one.
    """

    id: str
    score: float
    matched: Mapping[str, tuple[str, ...]]
    coverage: float
    is_exact: bool
    corrected: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class LexicalIndex:
    """Records of declared fields, found by their words.

    Changes wait until `commit` and become visible, durable and covered by `position` all at once.
    Adding and removing the same things again leads to the same content, so an owner goes on from
    `position` after a crash. One writer at a time; readers from any thread and process.

    Example:
        >>> import tempfile
        >>> fields = [Field("caption"), Field("filename", kind="keyword")]
        >>> index = LexicalIndex.open(tempfile.mkdtemp(), fields)
        >>> index.add([("a", {"caption": "Two dogs on a beach", "filename": "IMG_1.JPG"})])
        >>> index.commit(position=1)
        >>> index.search("a dog", limit=10)[0].matched
        {'caption': ('dog',)}
        >>> index.close()
    """

    def __init__(self, directory: Path, fields: Mapping[str, Field], *, read_only: bool) -> None:
        self._directory = directory
        self._fields = fields
        self._schema = build_schema(fields.values())
        self._languages = tuple(
            dict.fromkeys(each for f in fields.values() for each in f.languages)
        )
        self._commits = Commits(directory, self._schema, read_only=read_only)
        self._filter = RecordFilter(self._schema)

    @classmethod
    def open(
        cls, directory: Path | str, fields: Iterable[Field], *, read_only: bool = False
    ) -> Self:
        """Open the index in a folder; made empty where there is none.

        Args:
            directory: belongs to the index alone.
            fields: what records may say. Names, kinds and languages are those with which the index
                was made; weights may change from one opening to the next.
            read_only: follow the commits of whoever writes; a folder without an index, or none,
                reads as an empty one.

        Raises:
            BadFields: the fields cannot be declared like this.
            LexicalBusy: someone else has it open for writing.
            LexicalDamaged: it cannot be read, or was made for other fields.
            OSError: the folder cannot be made.
        """
        return cls(Path(directory), checked_fields(fields), read_only=read_only)

    @property
    def position(self) -> int:
        """The log position given to the last commit that is visible here; 0 before the first."""
        return self._commits.last().position

    def __len__(self) -> int:
        return self._commits.last().count

    def add(self, records: Iterable[tuple[str, Mapping[str, Texts]]]) -> None:
        """Take records from the next commit on; one of the same id is replaced as a whole.

        Args:
            records: id, and by field what it says.

        Raises:
            UnknownField: a record speaks of a field that is not declared; no record was taken.
            UnfitRecordId: an id is empty or begins with NUL; no record was taken.
            LexicalNotWritten: the disk refused; all since the last commit is forgotten.
        """
        built = [(id_, build_record(id_, texts, self._fields)) for id_, texts in records]
        with self._commits.writing() as writer:
            for entry_id, record in built:
                writer.delete_documents_by_term(ID_FIELD, entry_id)
                writer.add_document(record)

    def remove(self, ids: Iterable[str]) -> None:
        """Forget records from the next commit on; unknown ids are passed over.

        Raises:
            LexicalNotWritten: the disk refused; all since the last commit is forgotten.
        """
        listed = list(ids)
        with self._commits.writing() as writer:
            for entry_id in listed:
                if not entry_id.startswith("\x00"):
                    writer.delete_documents_by_term(ID_FIELD, entry_id)

    def commit(self, position: int) -> None:
        """Make all changes since the last commit durable and visible, and remember `position`.

        It costs tens of milliseconds however little has changed: commit in batches.

        Raises:
            LexicalNotWritten: the disk refused; all since the last commit is forgotten.
        """
        self._commits.commit(position)

    def search(
        self,
        text: str,
        *,
        limit: int,
        phrases: Sequence[str] = (),
        excluded: Sequence[str] = (),
        allowed: Allowed | None = None,
        completes: bool = False,
        corrects: bool = True,
        is_word: Callable[[str], bool] = lambda _: False,
    ) -> list[LexicalHit]:
        """Return the records that answer best, best first; records of equal score keep their order.

        Args:
            text: any of its words will do; stop words are looked for only where nothing else is.
            limit: how many at most, at least 1.
            phrases: must all occur, their words one after the other in one field.
            excluded: words (in any inflection) and phrases of which none may occur.
            allowed: the only records that may be returned; the filter is exact, so if `limit`
                allowed records match, `limit` are returned. None means all. A selection is faster
                than a set of more than a few thousand ids.
            completes: the last word of `text` may be the beginning of a longer one (of the 32 most
                frequent). Such a match makes no hit exact.
            corrects: a word that occurs in no record is looked for under the words that it may be a
                typo of. Such a match makes no hit exact.
            is_word: tells of a folded word whether it is known not to be a typo, though it may
                occur in no record.

        Raises:
            InvalidInput: `limit` is below 1.
        """
        if limit < 1:
            raise InvalidInput(f"Expected a limit of at least 1; came {limit}.", remedy="Raise it.")
        searcher = self._commits.last().searcher
        words = parse_words(text, phrases, completes=completes, among=self._languages)
        if searcher is None or words.is_empty or (allowed is not None and not allowed):
            return []
        with readable(self._directory):
            if corrects:
                words = corrected(words, self._fields, self._schema, searcher, is_word)
            question = self._question(words, excluded, searcher)
            likely = likely_answers(words, searcher)
            addresses = self._filter.best(searcher, question, limit, allowed, likely=likely)
            asked = Asked(words, self._fields.values())
            return [
                _hit(asked, score, *read_record(searcher.doc(address)))
                for score, address in addresses
            ]

    def ids_containing(
        self, phrase: str, *, inflected: bool = False, over: Numbers | None = None
    ) -> set[str]:
        """Return all records that hold a word or phrase in one field; about 10 µs each.

        Args:
            phrase: a word, or words that must stand one after the other; without any word, nothing
                is found.
            inflected: a single word is found in its other inflections too. What `search` excludes
                is what is found with it.
            over: numbers of the records, if the caller has them: 2 µs each then.
        """
        question = self._containing(phrase, inflected)
        return self._ids(question) if over is None else set(self._selected(question, over).ids())

    def select_containing(
        self, phrase: str, over: Numbers, *, inflected: bool = False
    ) -> Selection:
        """Return what `ids_containing` does, as a selection over some numbers; 1 µs a record."""
        return self._selected(self._containing(phrase, inflected), over)

    def ids_with(self, field: str, said: str = "", *, how: Said = "words") -> set[str]:
        """Return all records of which one field says something; about 10 µs each.

        Args:
            field: name of the field.
            said: what it says, as typed.
            how: "words": all of them, in any inflection (in a keyword field: the whole value);
                "phrase": one after the other; "prefix": so, and the last may be the beginning of a
                longer one; "any": whatever it is.

        Raises:
            UnknownField: the index has no such field.
        """
        return self._ids(self._with(field, said, how))

    def select_with(
        self, field: str, said: str, over: Numbers, *, how: Said = "words"
    ) -> Selection:
        """Return what `ids_with` does, as a selection over some numbers; 1 µs a record.

        Raises:
            UnknownField: the index has no such field.
        """
        return self._selected(self._with(field, said, how), over)

    def close(self) -> None:
        """Give back the lock; changes that were not committed are forgotten. May be repeated."""
        self._commits.close()

    def _question(
        self, words: WordQuery, excluded: Sequence[str], searcher: tantivy.Searcher
    ) -> tantivy.Query:
        unwanted = [parsed for parsed in map(parse_phrase, excluded) if parsed.words]
        return whole_question(words, unwanted, self._fields.values(), self._schema, searcher)

    def _containing(self, phrase: str, inflected: bool) -> tantivy.Query | None:
        parsed = parse_phrase(phrase)
        languages = self._languages if inflected else ()
        fields = self._fields.values()
        return phrase_in_any(parsed, fields, self._schema, languages) if parsed.words else None

    def _with(self, name: str, said: str, how: Said) -> tantivy.Query | None:
        if name not in self._fields:
            raise UnknownField(name, self._fields)
        return said_in_field(self._fields[name], said, how, self._schema, languages=self._languages)

    def _ids(self, question: tantivy.Query | None) -> set[str]:
        commit = self._commits.last()
        if commit.searcher is None or question is None:
            return set()
        with readable(self._directory):
            return ids_of_all(commit.searcher, question, commit.count + 1)

    def _selected(self, question: tantivy.Query | None, over: Numbers) -> Selection:
        commit = self._commits.last()
        if commit.searcher is None or question is None:
            return Selection.of(over, ())
        with readable(self._directory):
            return self._filter.all(commit.searcher, question, commit.count + 1, over)


def _hit(asked: Asked, score: float, entry_id: str, seen: Seen) -> LexicalHit:
    told = asked.answered_by(seen)
    return LexicalHit(entry_id, score, told.matched, told.coverage, told.is_exact, told.corrected)
