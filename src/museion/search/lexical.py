"""Records found by their words: BM25 over weighted fields, phrases, exclusions, exact filters.

Built on tantivy. The log position that the content covers lies inside the index, so both are
committed by one renaming and cannot disagree. Like every index of this layer it is derived: on
damage its owner drops the folder and fills a new one from the log.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import msgspec
import tantivy

from museion.base.errors import InvalidInput
from museion.search.lexical_errors import (
    LexicalBusy,
    LexicalDamaged,
    LexicalNotWritten,
    UnfitRecordId,
)
from museion.search.lexical_fields import (
    ID_FIELD,
    SEEN_FIELD,
    Field,
    Seen,
    Texts,
    build_record,
    build_schema,
    checked_fields,
    read_record,
)
from museion.search.word_query import (
    WordQuery,
    answer,
    parse_phrase,
    parse_words,
    phrase_in_any,
    whole_question,
)

__all__ = ["Field", "LexicalHit", "LexicalIndex", "Texts"]

T = TypeVar("T")

_POSITION_ID = "\x00position"
_MOST_IDS_ASKED_FOR = 2_000
"""Up to so many allowed ids are part of the question; more are looked up in longer answers."""
_FIRST_DEPTH = 4
_WRITER_MEMORY_BYTES = 64_000_000


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


@dataclass(frozen=True, slots=True)
class _Committed:
    """One commit, open for reading."""

    searcher: tantivy.Searcher | None = None
    position: int = 0
    count: int = 0


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
        self._read_only = read_only
        self._index: tantivy.Index | None = None
        self._writer: tantivy.IndexWriter | None = None
        self._committed = _Committed()
        self._seen: tuple[int, int] | None = None
        self._one_at_a_time = threading.Lock()

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
        opened = cls(Path(directory), checked_fields(fields), read_only=read_only)
        if not read_only:
            opened._directory.mkdir(parents=True, exist_ok=True)
            opened._index = opened._readable(
                lambda: tantivy.Index(opened._schema, str(opened._directory))
            )
            opened._writer = opened._new_writer(opened._index)
        opened._refresh()
        return opened

    @property
    def position(self) -> int:
        """The log position given to the last commit that is visible here; 0 before the first."""
        return self._current().position

    def __len__(self) -> int:
        return self._current().count

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
        with self._writing() as writer:
            for entry_id, record in built:
                writer.delete_documents_by_term(ID_FIELD, entry_id)
                writer.add_document(record)

    def remove(self, ids: Iterable[str]) -> None:
        """Forget records from the next commit on; unknown ids are passed over.

        Raises:
            LexicalNotWritten: the disk refused; all since the last commit is forgotten.
        """
        listed = list(ids)
        with self._writing() as writer:
            for entry_id in listed:
                if not entry_id.startswith("\x00"):
                    writer.delete_documents_by_term(ID_FIELD, entry_id)

    def commit(self, position: int) -> None:
        """Make all changes since the last commit durable and visible, and remember `position`.

        It costs tens of milliseconds however little has changed: commit in batches.

        Raises:
            LexicalNotWritten: the disk refused; all since the last commit is forgotten.
        """
        with self._writing() as writer:
            writer.delete_documents_by_term(ID_FIELD, _POSITION_ID)
            record = tantivy.Document()
            record.add_text(ID_FIELD, _POSITION_ID)
            record.add_bytes(SEEN_FIELD, msgspec.msgpack.encode(position))
            writer.add_document(record)
            writer.commit()
        self._refresh()

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
        searcher = self._current().searcher
        words = parse_words(text, phrases, completes=completes)
        if searcher is None or words.is_empty or (allowed is not None and not allowed):
            return []
        unwanted = [parsed for each in excluded if (parsed := parse_phrase(each)).words]
        question = whole_question(words, unwanted, self._fields.values(), self._schema, searcher)
        found = self._readable(lambda: self._find(searcher, question, limit, allowed))
        return [self._hit(words, *each) for each in found]

    def ids_containing(self, phrase: str, *, inflected: bool = False) -> set[str]:
        """Return all records that hold a word or phrase in one field; about 10 µs each.

        Args:
            phrase: a word, or words that must stand one after the other; without any word, nothing
                is found.
            inflected: a single word is found in its other inflections too. What `search` excludes
                is what is found with it.
        """
        committed, parsed = self._current(), parse_phrase(phrase)
        searcher = committed.searcher
        if searcher is None or not parsed.words:
            return set()
        fields = self._fields.values()
        question = phrase_in_any(parsed, fields, self._schema, inflected=inflected)
        hits = searcher.search(question, committed.count + 1, count=False).hits
        return {read_record(searcher.doc(address))[0] for _, address in hits}

    def close(self) -> None:
        """Give back the lock; changes that were not committed are forgotten. May be repeated."""
        with self._one_at_a_time:
            writer, self._writer, self._read_only = self._writer, None, True
            if writer is not None:
                _give_up(writer)

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

    def _hit(self, words: WordQuery, score: float, entry_id: str, seen: Seen) -> LexicalHit:
        told = answer(words, seen, self._fields.values())
        return LexicalHit(entry_id, score, told.matched, told.coverage, told.is_exact)

    def _current(self) -> _Committed:
        if self._read_only:
            self._refresh()
        return self._committed

    def _refresh(self) -> None:
        with self._one_at_a_time:
            try:
                found = (self._directory / "meta.json").stat()
            except FileNotFoundError:
                return
            if (seen := (found.st_ino, found.st_mtime_ns)) != self._seen:
                self._committed = self._readable(self._read_commit)
                self._seen = seen

    def _read_commit(self) -> _Committed:
        if self._index is None:
            self._index = tantivy.Index(self._schema, str(self._directory))
        self._index.reload()
        searcher = self._index.searcher()
        question = tantivy.Query.term_query(self._schema, ID_FIELD, _POSITION_ID, "basic")
        found = searcher.search(question, 1).hits
        if not found:
            return _Committed(searcher, 0, searcher.num_docs)
        stored: bytes = searcher.doc(found[0][1]).get_first(SEEN_FIELD)  # type: ignore[assignment]  # by commit
        return _Committed(searcher, msgspec.msgpack.decode(stored, type=int), searcher.num_docs - 1)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[tantivy.IndexWriter]:
        with self._one_at_a_time:
            if self._read_only or self._index is None:
                raise LexicalBusy(self._directory, "is not open for writing")
            self._writer = writer = self._writer or self._new_writer(self._index)
            try:
                yield writer
            except (ValueError, OSError) as reason:
                # tantivy gives up a writer whose disk refused; the next change gets a new one.
                self._writer = None
                _give_up(writer)
                raise LexicalNotWritten(self._directory, reason) from reason

    def _new_writer(self, index: tantivy.Index) -> tantivy.IndexWriter:
        try:
            return index.writer(heap_size=_WRITER_MEMORY_BYTES, num_threads=1)
        except ValueError as reason:
            if "LockBusy" in str(reason):
                why = "is being written by someone else"
                raise LexicalBusy(self._directory, why) from reason
            raise LexicalNotWritten(self._directory, reason) from reason

    def _readable(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except (ValueError, msgspec.MsgspecError) as reason:
            raise LexicalDamaged(self._directory, reason) from reason


def _read(
    searcher: tantivy.Searcher, question: tantivy.Query, limit: int
) -> Iterator[tuple[float, str, Seen]]:
    """Yield score, id and content of the best `limit` records."""
    for score, address in searcher.search(question, limit, count=False).hits:
        yield score, *read_record(searcher.doc(address))


def _give_up(writer: tantivy.IndexWriter) -> None:
    """Forget what was not committed and give back the lock."""
    with contextlib.suppress(ValueError, OSError):
        writer.rollback()
    # NOTE: this consumes the writer, and with it the lock, even when a merge has failed.
    with contextlib.suppress(ValueError, OSError):
        writer.wait_merging_threads()


def _fit(entry_id: str) -> str:
    if not entry_id or entry_id.startswith("\x00"):
        raise UnfitRecordId(entry_id)
    return entry_id
