"""The embeddings of one space in a folder: changes, commits, one writer, readers that follow.

What every engine of this kind has in common; how the rows are searched is the engine's own.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from museion.search import vector_segment
from museion.search.selection import Numbers
from museion.search.vector_errors import IndexBusy, IndexNotWritten, ReadOnlyIndex, UnfitId
from museion.search.vector_index import Embedding
from museion.search.vector_scan import unit
from museion.search.vector_segment import Segment


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit led to.

    Attributes:
        segment: the new state.
        moved: where each of its rows was before, ascending, if rows were moved together.
    """

    segment: Segment
    moved: NDArray[np.intp] | None


class VectorStore:
    """Committed embeddings, and the changes that wait; see `VectorIndex` for what is guaranteed."""

    def __init__(self, directory: Path, segment: Segment, lock: int | None) -> None:
        self.directory = directory
        self._segment = segment
        self._lock = lock
        self._seen: tuple[int, int] | None = None
        self._changes: dict[str, Embedding | None] = {}
        self._one_at_a_time = threading.RLock()

    @classmethod
    def open(
        cls,
        directory: Path | str,
        *,
        space: str,
        dimension: int,
        read_only: bool,
        numbers: Numbers | None,
    ) -> Self:
        """Open the store in a folder; made empty where there is none; see `ExactIndex.open`."""
        path = Path(directory)
        lock = None if read_only else _take_lock(path)
        numbers = Numbers() if numbers is None else numbers
        store = cls(path, vector_segment.empty_segment(space, dimension, numbers), lock)
        try:
            store._refresh()
            if lock is not None:
                vector_segment.remove_strays(path, store._segment.manifest)
        except BaseException:
            store.close()
            raise
        return store

    @property
    def dimension(self) -> int:
        """The width of every embedding."""
        return self._segment.manifest.dimension

    @property
    def is_writing(self) -> bool:
        """Whether it is open for writing."""
        return self._lock is not None

    def add(self, entries: Sequence[tuple[str, Embedding]]) -> None:
        """Keep embeddings under their ids from the next commit on; see `VectorIndex.add`."""
        self.check_writable()
        fit = {_fit_id(id_): unit(row, self.dimension, repr(id_)) for id_, row in entries}
        with self._one_at_a_time:
            self._changes.update(fit)

    def remove(self, ids: Iterable[str]) -> None:
        """Forget ids from the next commit on; unknown ids are passed over."""
        self.check_writable()
        with self._one_at_a_time:
            self._changes.update(dict.fromkeys(ids))

    def commit(self, position: int) -> Committed:
        """Make the changes durable and visible and return the new state.

        Raises:
            IndexNotWritten: the disk refused.
            ReadOnlyIndex: it is not open for writing.
        """
        self.check_writable()
        with self._one_at_a_time:
            try:
                return self._commit(position)
            except OSError as reason:
                raise IndexNotWritten(self.directory, reason) from reason

    def current(self) -> Segment:
        """Return the state that is visible now."""
        if self._lock is None:
            with self._one_at_a_time:
                self._refresh()
        return self._segment

    def get(self, entry_id: str) -> Embedding | None:
        """Return the embedding kept under an id, or None."""
        return self.current().embedding(entry_id)

    def close(self) -> None:
        """Give back the lock; changes that were not committed are forgotten. May be repeated."""
        with self._one_at_a_time:
            self._changes.clear()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def check_writable(self) -> None:
        """Refuse a change of what is open for reading only, or closed.

        Raises:
            ReadOnlyIndex: it is.
        """
        if self._lock is None:
            raise ReadOnlyIndex(self.directory)

    def _refresh(self) -> None:
        try:
            found = vector_segment.manifest_path(self.directory).stat()
        except FileNotFoundError:
            return
        if (seen := (found.st_ino, found.st_mtime_ns)) != self._seen:
            self._segment = vector_segment.read_segment(self.directory, self._segment)
            self._seen = seen

    def _commit(self, position: int) -> Committed:
        # A commit that failed after its renaming did take effect: the manifest knows.
        segment = vector_segment.read_segment(self.directory, self._segment)
        segment = vector_segment.append(self.directory, segment, self._changes, position)
        moved = None
        if vector_segment.is_wasteful(segment):
            moved = np.flatnonzero(segment.is_live)
            segment = vector_segment.compact(self.directory, segment)
        self._segment = segment
        self._changes.clear()
        return Committed(segment, moved)


def _take_lock(directory: Path) -> int:
    directory.mkdir(parents=True, exist_ok=True)
    lock = os.open(directory / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as taken:
        os.close(lock)
        raise IndexBusy(directory) from taken
    return lock


def _fit_id(entry_id: str) -> str:
    if not entry_id or "\n" in entry_id or any("\ud800" <= c <= "\udfff" for c in entry_id):
        raise UnfitId(entry_id)
    return entry_id
