"""Records found by their words: BM25 over weighted fields, phrases, exclusions, exact filters.

Built on tantivy (`lexical_commits` holds its files). Like every index of this layer it is derived:
on damage its owner drops the folder and fills a new one from the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import tantivy

from museion.base.errors import InvalidInput
from museion.search.lexical_commits import Commits, readable
from museion.search.lexical_errors import UnfitRecordId
from museion.search.lexical_fields import (
    ID_FIELD,
    Field,
    Seen,
    Texts,
    build_record,
    build_schema,
    checked_fields,
    read_record,
)
from museion.search.word_matching import Asked
from museion.search.word_query import parse_phrase, parse_words, phrase_in_any, whole_question

__all__ = ["Field", "LexicalHit", "LexicalIndex", "Texts"]

_MOST_IDS_ASKED_FOR = 2_000
"""Up to so many allowed ids are part of the question; more are looked up in longer answers."""
_FIRST_DEPTH = 4


@dataclass(frozen=True, slots=True)
class LexicalHit:
    """One record that answers a query in words, and why.

    Attributes:
        id: the record.
        score: BM25 over all fields, comparable within one answer.
        matched: for each field in which something was found, words of the query, folded, in the
            order asked. A word counts as found in another inflection too.
        coverage: share of the query's words that were found anywhere, in [0, 1]; stop words do not
            count, and phrases, which are always found, neither.
        is_exact: all words were found whole in certain fields.
    """

    id: str
    score: float
    matched: Mapping[str, tuple[str, ...]]
    coverage: float
    is_exact: bool


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
        self._commits = Commits(directory, self._schema, read_only=read_only)

    @classmethod
    def open(
        cls, directory: Path | str, fields: Iterable[Field], *, read_only: bool = False
    ) -> Self:
        """Open the index in a folder; made empty where there is none.

        Args:
            directory: belongs to the index alone.
            fields: what records may say. Names and kinds are those with which the index was made;
                weights may change from one opening to the next.
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
        built = [(_fit(id_), build_record(id_, texts, self._fields)) for id_, texts in records]
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
        allowed: Set[str] | None = None,
        completes: bool = False,
    ) -> list[LexicalHit]:
        """Return the records that answer best, best first; records of equal score keep their order.

        Args:
            text: any of its words will do; stop words are looked for only where nothing else is.
            limit: how many at most, at least 1.
            phrases: must all occur, their words one after the other in one field.
            excluded: words (in any inflection) and phrases of which none may occur.
            allowed: the only ids that may be returned; the filter is exact, so if `limit` allowed
                records match, `limit` are returned. None means all.
            completes: the last word of `text` may be the beginning of a longer one (of the 32 most
                frequent). Such a match makes no hit exact.

        Raises:
            InvalidInput: `limit` is below 1.
        """
        if limit < 1:
            raise InvalidInput(f"Expected a limit of at least 1; came {limit}.", remedy="Raise it.")
        searcher = self._commits.last().searcher
        words = parse_words(text, phrases, completes=completes)
        if searcher is None or words.is_empty or (allowed is not None and not allowed):
            return []
        unwanted = [parsed for each in excluded if (parsed := parse_phrase(each)).words]
        question = whole_question(words, unwanted, self._fields.values(), self._schema, searcher)
        with readable(self._directory):
            found = self._find(searcher, question, limit, allowed)
        asked = Asked.of(words, self._fields.values())
        return [_hit(asked, *each) for each in found]

    def ids_containing(self, phrase: str, *, inflected: bool = False) -> set[str]:
        """Return all records that hold a word or phrase in one field; about 10 µs each.

        Args:
            phrase: a word, or words that must stand one after the other; without any word, nothing
                is found.
            inflected: a single word is found in its other inflections too. What `search` excludes
                is what is found with it.
        """
        commit, parsed = self._commits.last(), parse_phrase(phrase)
        searcher = commit.searcher
        if searcher is None or not parsed.words:
            return set()
        fields = self._fields.values()
        question = phrase_in_any(parsed, fields, self._schema, inflected=inflected)
        with readable(self._directory):
            return {entry_id for _, entry_id, _ in _read(searcher, question, commit.count + 1)}

    def close(self) -> None:
        """Give back the lock; changes that were not committed are forgotten. May be repeated."""
        self._commits.close()

    def _find(
        self,
        searcher: tantivy.Searcher,
        question: tantivy.Query,
        limit: int,
        allowed: Set[str] | None,
    ) -> list[tuple[float, str, Seen]]:
        """Return score, id and content of the best `limit` that are allowed."""
        if allowed is None:
            return list(_read(searcher, question, limit))
        depth = limit * _FIRST_DEPTH
        while len(allowed) > max(depth, _MOST_IDS_ASKED_FOR):
            answers = list(_read(searcher, question, depth))
            kept = [each for each in answers if each[1] in allowed]
            if len(kept) >= limit or len(answers) < depth:
                return kept[:limit]
            depth *= 4
        among = tantivy.Query.term_set_query(self._schema, ID_FIELD, list(allowed))
        both = [
            (tantivy.Occur.Must, question),
            (tantivy.Occur.Must, tantivy.Query.const_score_query(among, 0.0)),
        ]
        return list(_read(searcher, tantivy.Query.boolean_query(both), limit))


def _read(
    searcher: tantivy.Searcher, question: tantivy.Query, limit: int
) -> Iterator[tuple[float, str, Seen]]:
    """Yield score, id and content of the best `limit` records."""
    for score, address in searcher.search(question, limit, count=False).hits:
        yield score, *read_record(searcher.doc(address))


def _hit(asked: Asked, score: float, entry_id: str, seen: Seen) -> LexicalHit:
    told = asked.answered_by(seen)
    return LexicalHit(entry_id, score, told.matched, told.coverage, told.is_exact)


def _fit(entry_id: str) -> str:
    if not entry_id or entry_id.startswith("\x00"):
        raise UnfitRecordId(entry_id)
    return entry_id
