"""Moments of films among the nearest: entries of one film become one, with where it fits best.

An entry of a moment is named `RECORD@MILLISECONDS` by the beginning of the moment (see `group_of`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from museion.search.vector_index import Neighbour, group_of

MOST_MOMENTS = 5


@dataclass(frozen=True, slots=True)
class FoundMoment:
    """A moment near a query: when it begins, and its similarity in [-1, 1]."""

    start_ms: int
    similarity: float


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record near a query.

    Attributes:
        similarity: of its nearest entry, in [-1, 1].
        moments: its nearest moments, the nearest first; empty where only the record itself came.
    """

    id: str
    similarity: float
    moments: tuple[FoundMoment, ...] = ()


def entry_of_moment(record_id: str, start_s: float) -> str:
    """Return the id under which a moment of a record is kept; it begins at a second."""
    return f"{record_id}@{round(start_s * 1000)}"


def best_moments(neighbours: Iterable[Neighbour], *, most: int = MOST_MOMENTS) -> list[FoundRecord]:
    """Return one record for all its entries, nearest first, with its nearest moments.

    The order of records is that of their nearest entries. O(entries).

    Args:
        neighbours: nearest first, as an index returns them.
        most: how many moments of a record are kept, at least 0.
    """
    similarity: dict[str, float] = {}
    moments: dict[str, list[FoundMoment]] = {}
    for neighbour in neighbours:
        record = group_of(neighbour.id)
        similarity.setdefault(record, neighbour.similarity)
        found = moments.setdefault(record, [])
        if record != neighbour.id and len(found) < most:
            start_ms = int(neighbour.id[len(record) + 1 :])
            found.append(FoundMoment(start_ms, neighbour.similarity))
    return [
        FoundRecord(record, nearest, tuple(moments[record]))
        for record, nearest in similarity.items()
    ]
