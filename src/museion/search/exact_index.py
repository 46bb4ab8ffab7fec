"""Exact scan behind the `vector_index` contract: compares all, misses nothing.

It is the judge of approximate engines and the path for collections and filters up to some ten
thousand rows; see `vector_scan` for what makes an answer depend on the content alone.

The files are those of `vector_segment`; rows are mapped, not read, so processes share one copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from museion.search.selection import Allowed, Numbers
from museion.search.vector_errors import BadLimit
from museion.search.vector_index import Embedding, Neighbour
from museion.search.vector_scan import live_rows, nearest_rows, ranked, unit
from museion.search.vector_store import VectorStore


class ExactIndex:
    """All embeddings of one space, compared one by one; see `VectorIndex` for what is guaranteed.

    A search costs 0.05 to 0.2 ms per 1,000 entries of 512 numbers, on one processor; with a filter,
    per 1,000 of those that it allows. Embeddings are brought to length 1 as closely as float32 can.

    Example:
        >>> import numpy as np, tempfile
        >>> index = ExactIndex.open(tempfile.mkdtemp(), space="tiny", dimension=2)
        >>> index.add([("east", np.float32([1, 0])), ("north", np.float32([0, 1]))])
        >>> index.commit(position=7)
        >>> index.search(np.float32([0.6, 0.8]), limit=1)[0].id
        'north'
        >>> index.close()
    """

    def __init__(self, store: VectorStore) -> None:
        self._store = store

    @classmethod
    def open(
        cls,
        directory: Path | str,
        *,
        space: str,
        dimension: int,
        read_only: bool = False,
        numbers: Numbers | None = None,
    ) -> Self:
        """Open the index in a folder; made empty where there is none.

        Args:
            directory: belongs to the index alone.
            space: identifies the embedding space; an index of another space is refused.
            dimension: width of an embedding.
            read_only: follow the commits of whoever writes; nothing is touched, and a folder
                without an index, or none, reads as an empty one.
            numbers: to share with the facets whose selections are to be searched within.

        Raises:
            IndexBusy: someone else has it open for writing.
            OtherSpace: the folder holds embeddings of another space.
            SegmentDamaged: the files are not what was committed.
            OSError: the folder cannot be used.
        """
        return cls(
            VectorStore.open(
                directory, space=space, dimension=dimension, read_only=read_only, numbers=numbers
            )
        )

    @property
    def dimension(self) -> int:
        """The width `D` of every embedding."""
        return self._store.dimension

    @property
    def numbers(self) -> Numbers:
        """The numbers of the records here."""
        return self._store.current().numbers

    @property
    def position(self) -> int:
        """The log position given to the last commit that is visible here; 0 before the first."""
        return self._store.current().manifest.position

    def add(self, entries: Sequence[tuple[str, Embedding]]) -> None:
        """Keep embeddings under their ids from the next commit on; see `VectorIndex.add`."""
        self._store.add(entries)

    def remove(self, ids: Iterable[str]) -> None:
        """Forget ids from the next commit on; unknown ids are passed over."""
        self._store.remove(ids)

    def commit(self, position: int) -> None:
        """Make the changes durable and visible; see `VectorIndex.commit`.

        Raises:
            IndexNotWritten: the disk refused.
            ReadOnlyIndex: it is not open for writing.
        """
        self._store.commit(position)

    def search(
        self, query: Embedding, *, limit: int, allowed: Allowed | None = None
    ) -> list[Neighbour]:
        """Return the nearest entries, nearest first, equal ones by id; see `VectorIndex.search`."""
        if limit < 1:
            raise BadLimit(limit)
        asked = unit(query, self.dimension, "the query")
        segment = self._store.current()
        rows = np.flatnonzero(live_rows(segment, allowed))
        return ranked(segment, asked, nearest_rows(segment, asked, limit, rows))[:limit]

    def get(self, entry_id: str) -> Embedding | None:
        """Return the embedding kept under an id, or None."""
        return self._store.get(entry_id)

    def __len__(self) -> int:
        return len(self._store.current().row_of)

    def close(self) -> None:
        """Give back the lock; changes that were not committed are forgotten. May be repeated."""
        self._store.close()
