"""The commits of one tantivy folder: written by one, read by many, each with its log position.

The position is a record of its own inside the index, so it and the content that it covers are
committed by the same renaming.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import tantivy

from museion.search.lexical_errors import LexicalBusy, LexicalDamaged, LexicalNotWritten
from museion.search.lexical_fields import ID_FIELD, SEEN_FIELD

_POSITION_ID = "\x00position"
_WRITER_MEMORY_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit, open for reading; it stays readable after later ones.

    Attributes:
        searcher: None before the first commit.
        position: log position that the content covers.
        count: how many records it holds.
    """

    searcher: tantivy.Searcher | None = None
    position: int = 0
    count: int = 0


class Commits:
    """What a folder holds now, and the way to change it.

    Opened for writing it is the only one that may; opened for reading it follows whoever writes,
    and reads a folder without an index, or none, as an empty one.
    """

    def __init__(self, directory: Path, schema: tantivy.Schema, *, read_only: bool) -> None:
        self._directory = directory
        self._schema = schema
        self._read_only = read_only
        self._index: tantivy.Index | None = None
        self._writer: tantivy.IndexWriter | None = None
        self._last = Commit()
        self._seen: tuple[int, int] | None = None
        self._one_at_a_time = threading.Lock()
        if not read_only:
            directory.mkdir(parents=True, exist_ok=True)
            with readable(directory):
                self._index = tantivy.Index(schema, str(directory))
            self._writer = self._new_writer(self._index)
        self._refresh()

    def last(self) -> Commit:
        """Return the last commit; a reader looks whether there is a newer one.

        Raises:
            LexicalDamaged: it cannot be read.
        """
        if self._read_only:
            self._refresh()
        return self._last

    @contextlib.contextmanager
    def writing(self) -> Iterator[tantivy.IndexWriter]:
        """Give the writer to one thread at a time.

        Raises:
            LexicalBusy: this is not open for writing.
            LexicalNotWritten: the disk refused; all since the last commit is forgotten.
        """
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

    def commit(self, position: int) -> None:
        """Commit what was written, and the position with it.

        Raises:
            LexicalNotWritten: the disk refused; all since the last commit is forgotten.
        """
        with self.writing() as writer:
            writer.delete_documents_by_term(ID_FIELD, _POSITION_ID)
            record = tantivy.Document()
            record.add_text(ID_FIELD, _POSITION_ID)
            record.add_bytes(SEEN_FIELD, msgspec.msgpack.encode(position))
            writer.add_document(record)
            writer.commit()
        self._refresh()

    def close(self) -> None:
        """Give back the lock and forget what was not committed; what was stays readable."""
        with self._one_at_a_time:
            writer, self._writer, self._read_only = self._writer, None, True
            if writer is not None:
                _give_up(writer)

    def _refresh(self) -> None:
        with self._one_at_a_time:
            try:
                found = (self._directory / "meta.json").stat()
            except FileNotFoundError:
                return
            if (seen := (found.st_ino, found.st_mtime_ns)) != self._seen:
                with readable(self._directory):
                    self._last = self._read()
                self._seen = seen

    def _read(self) -> Commit:
        if self._index is None:
            self._index = tantivy.Index(self._schema, str(self._directory))
        self._index.reload()
        searcher = self._index.searcher()
        question = tantivy.Query.term_query(self._schema, ID_FIELD, _POSITION_ID, "basic")
        found = searcher.search(question, 1).hits
        if not found:
            return Commit(searcher, 0, searcher.num_docs)
        record = searcher.doc(found[0][1])
        stored: bytes = record.get_first(SEEN_FIELD)  # type: ignore[assignment]  # by commit
        return Commit(searcher, msgspec.msgpack.decode(stored, type=int), searcher.num_docs - 1)

    def _new_writer(self, index: tantivy.Index) -> tantivy.IndexWriter:
        try:
            return index.writer(heap_size=_WRITER_MEMORY_BYTES, num_threads=1)
        except ValueError as reason:
            if "LockBusy" in str(reason):
                why = "is being written by someone else"
                raise LexicalBusy(self._directory, why) from reason
            raise LexicalNotWritten(self._directory, reason) from reason


@contextlib.contextmanager
def readable(directory: Path) -> Iterator[None]:
    """Tell what tantivy cannot read as damage.

    Raises:
        LexicalDamaged: instead of the reason that tantivy gives.
    """
    try:
        yield
    except (ValueError, msgspec.MsgspecError) as reason:
        raise LexicalDamaged(directory, reason) from reason


def _give_up(writer: tantivy.IndexWriter) -> None:
    with contextlib.suppress(ValueError, OSError):
        writer.rollback()
    # NOTE: this consumes the writer, and with it the lock, even when a merge has failed.
    with contextlib.suppress(ValueError, OSError):
        writer.wait_merging_threads()
