"""Checks that the index by aggregate names each event where it belongs, and nothing else.

Memory does not grow with the log: the places of events are summed up in buckets while the events
are walked through, and taken away while the index is. What does not come out even is looked up.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from museion.log.event import Event
from museion.log.event_store import DamagedEvent, EventStore
from museion.log.proof.findings import AnyFinding, NotIndexed, WronglyIndexed
from museion.log.proof.stepping import DamagedAt, walk

_BUCKETS = 1 << 16
_AGGREGATES_AT_ONCE = 512
_WORD = (1 << 64) - 1


class IndexCheck:
    """Sums up the places of events; each place is an aggregate and a sequence number."""

    def __init__(self) -> None:
        self._sums = array("Q", bytes(8 * _BUCKETS))
        self._is_even = True

    def take(self, event: Event) -> None:
        """Add the places of an event."""
        for aggregate_id in event.destinations:
            self._change(aggregate_id, event.sequence_nr, 1)

    def compare(
        self, store: EventStore, *, after: int, to: int, damaged: set[int]
    ) -> Iterator[AnyFinding | int]:
        """Walk through the index of every aggregate; yield findings, and a 1 for each entry.

        Args:
            after, to: the events that were taken.
            damaged: numbers of events that are there but cannot be read.
        """
        for aggregate_id in _aggregates(store):
            for entry in walk(store, after=after, to=to, aggregate_id=aggregate_id):
                yield 1
                yield from self._check_entry(store, entry, aggregate_id, damaged)
        self._is_even = not any(self._sums)

    def search(self, store: EventStore, *, after: int, to: int) -> Iterator[AnyFinding]:
        """Find what is missing from the index, if anything is, with a further walk."""
        if self._is_even:
            return
        for event in walk(store, after=after, to=to):
            if isinstance(event, Event):
                yield from self._look_up(store, event)

    def _check_entry(
        self, store: EventStore, entry: Event | DamagedAt, aggregate_id: str, damaged: set[int]
    ) -> Iterator[AnyFinding]:
        number = entry.sequence_nr
        if isinstance(entry, Event) and aggregate_id in entry.destinations:
            self._change(aggregate_id, number, -1)
        elif number not in damaged:
            yield WronglyIndexed(
                sequence_nr=number,
                aggregate_id=aggregate_id,
                event_exists=isinstance(entry, Event) or _finds(store, number),
            )

    def _look_up(self, store: EventStore, event: Event) -> Iterator[AnyFinding]:
        for aggregate_id in sorted(event.destinations):
            if self._sums[hash(aggregate_id) % _BUCKETS] == 0:
                continue
            if not _finds(store, event.sequence_nr, aggregate_id):
                yield NotIndexed(sequence_nr=event.sequence_nr, aggregate_id=aggregate_id)

    def _change(self, aggregate_id: str, number: int, sign: int) -> None:
        bucket = hash(aggregate_id) % _BUCKETS
        self._sums[bucket] = (self._sums[bucket] + sign * hash((aggregate_id, number))) & _WORD


def _finds(store: EventStore, number: int, aggregate_id: str | None = None) -> bool:
    """Tell whether an event is there, though it be damaged."""
    try:
        found = store.read(after=number - 1, limit=1, aggregate_id=aggregate_id)
    except DamagedEvent as error:
        return error.sequence_nr == number
    return bool(found) and found[0].sequence_nr == number


def _aggregates(store: EventStore) -> Iterator[str]:
    after = ""
    while batch := store.aggregate_ids(after=after, limit=_AGGREGATES_AT_ONCE):
        yield from batch
        if batch[-1].encode() <= after.encode():
            return
        after = batch[-1]
