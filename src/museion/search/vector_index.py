"""The contract of a vector index: embeddings of one space under ids, and the nearest of them.

Engines stand beside this module (`exact_index`); whoever uses an index sees only what is written
here. An index is derived: its owner feeds it from a log, and rebuilds it from there when it is
damaged.

An engine is exact or approximate. An approximate one may miss some of the true nearest; it says how
many at most it aims to miss, and every similarity that it returns is still exact.

Letters: `D` width of the embedding space. Embeddings are unit vectors, so the dot product is the
cosine similarity, in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from museion.search.selection import Allowed, Numbers

Embedding: TypeAlias = NDArray[np.float32]
"""A unit vector of shape [D]."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One entry near a query.

    Attributes:
        id: the id under which it was added.
        similarity: cosine similarity to the query, in [-1, 1]; larger is nearer.
    """

    id: str
    similarity: float


def group_of(entry_id: str) -> str:
    """Return the record that an entry belongs to: `film` for `film@83000`, else the entry itself.

    A record may have any number of entries, each for a moment of it in milliseconds.
    """
    record, at, moment = entry_id.rpartition("@")
    return record if at and record and moment.isdecimal() else entry_id


class VectorIndex(Protocol):
    """Embeddings of one space under ids.

    Changes wait until `commit` and become visible, durable and covered by `position` all at once:
    no reader, in this process or another, ever sees half of a commit. After a crash the index holds
    exactly what the last successful commit held. Changes may be repeated: adding and removing the
    same things again leads to the same content, so an owner goes on from `position` without asking
    what was already there.

    One writer at a time; readers from any thread.
    """

    @property
    def dimension(self) -> int:
        """The width `D` of every embedding."""

    @property
    def numbers(self) -> Numbers:
        """The numbers of the records here; a selection over these very numbers is the fastest."""

    @property
    def position(self) -> int:
        """The log position given to the last commit that is visible here; 0 before the first."""

    def add(self, entries: Sequence[tuple[str, Embedding]]) -> None:
        """Keep embeddings under their ids from the next commit on; an id already here is replaced.

        Within one commit the last word on an id counts.

        Raises:
            InvalidInput: an embedding has another width, is not finite or not of unit length, or
                an id is unfit; nothing of `entries` was taken.
        """

    def remove(self, ids: Iterable[str]) -> None:
        """Forget ids from the next commit on; unknown ids are passed over."""

    def commit(self, position: int) -> None:
        """Make all changes since the last commit durable and visible, and remember `position`.

        Raises:
            Unavailable: it could not be written (disk full). The last commit is unharmed and still
                visible, the waiting changes are kept, and the commit may be tried again.
        """

    def search(
        self, query: Embedding, *, limit: int, allowed: Allowed | None = None
    ) -> list[Neighbour]:
        """Return the entries nearest to `query`, nearest first, equal similarities ordered by id.

        Args:
            query: unit vector of shape [D].
            limit: how many at most.
            allowed: the records whose entries alone may be returned (see `group_of`); ids not in
                the index do no harm. None means all. The filter is applied inside the search: when
                `limit` allowed entries exist, `limit` are returned.

        Raises:
            InvalidInput: `query` has another width, is not finite or not of unit length, or
                `limit` is below 1.
        """

    def get(self, entry_id: str) -> Embedding | None:
        """Return the embedding kept under an id, bit for bit as it was added, or None."""

    def __len__(self) -> int:
        """Count the ids that a search can return."""

    def close(self) -> None:
        """Give back files and locks; changes that were not committed are forgotten."""
