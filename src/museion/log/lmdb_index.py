"""The index by aggregate of an LMDB log, written in portions.

The entries of one batch belong all over the tree, and each place touched is a page to flush. So
they gather in memory and are written with every few thousand events; appending to many aggregates
is about twice as fast. `indexed_to` in the table `meta`, written in the same transaction, says how
far the tree reaches; what lies behind it is found again by reading those few events at the opening.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, takewhile
from typing import NamedTuple

import lmdb

from museion.log.event import MAX_NAME_BYTES, Event
from museion.log.event_store import DamagedEvent
from museion.log.frame import Stored

MAX_GATHERED = 4096
"""Events whose entries may wait in memory."""

_NUMBER = struct.Struct(">Q")
_KNOWN_AGGREGATES = 1 << 16
"""Aggregates whose numbers are kept in memory; then they are looked up anew."""


class Gathered:
    """Entries that are not in the tree yet. They only grow, so readers need no lock.

    Attributes:
        places: numbers of events by aggregate.
        damaged: numbers of events that cannot be read, so that nobody knows whom they concern.
    """

    def __init__(self, events: Iterable[Event] = (), damaged: Sequence[bytes] = ()) -> None:
        self.places: dict[str, list[bytes]] = {}
        self.damaged = damaged
        self.events = 0
        self.add(events)

    def add(self, events: Iterable[Event]) -> None:
        """Take up the entries of events, in the order of the log."""
        for event in events:
            self.events += 1
            key = _NUMBER.pack(event.sequence_nr)
            if event.custom_destinations:
                for destination in event.destinations:
                    self.places.setdefault(destination, []).append(key)
            elif event.aggregate_id is not None:
                self.places.setdefault(event.aggregate_id, []).append(key)


class Seen(NamedTuple):
    """What a reader looks at beside the tree, taken before its transaction begins.

    What the transaction shows is at least as new, so no entry is in neither of the two.
    """

    last: bytes
    gathered: Gathered


class AggregateIndex:
    """Owns the tables `aggregates` and `destinations`. Only the writer thread changes it."""

    def __init__(self) -> None:
        self._numbers: dict[str, bytes] = {}
        self._last = _NUMBER.pack(0)
        self._gathered = Gathered()

    def open_tables(self, table: Callable[..., lmdb._Database]) -> None:
        """Open the tables; `table` is that of the environment."""
        self._aggregates = table(b"aggregates")
        self._destinations = table(b"destinations", many=True)
        self._numbers.clear()

    def begin(self, last: int, gathered: Gathered) -> None:
        """Begin anew from what the store holds: its last number, and what is not in the tree."""
        self._numbers.clear()
        self._gathered = gathered
        self._last = _NUMBER.pack(last)

    @property
    def waiting(self) -> int:
        """How many events have entries that are not in the tree yet."""
        return self._gathered.events

    def is_due(self, events: Sequence[Event]) -> bool:
        """Tell whether the entries are to be written with the next events."""
        return self._gathered.events + len(events) > MAX_GATHERED

    def write(self, writing: lmdb.Transaction, events: Sequence[Event] = (), *, to: int) -> int:
        """Put all entries into the tree, and those of further events; `wrote` confirms it.

        Returns:
            `to`, or the number before the first event that could not be read: what lies behind it
            is looked at again at every opening, so that its damage is not forgotten.
        """
        entries: list[tuple[bytes, bytes]] = []
        for places in (self._gathered.places, Gathered(events).places):
            for aggregate_id, keys in places.items():
                number = self._number(writing, aggregate_id)
                entries += [(number, key) for key in keys]
        entries.sort()  # neighbours in the tree are put one after another
        writing.cursor(db=self._destinations).putmulti(entries)
        damaged = self._gathered.damaged
        return int(_NUMBER.unpack(damaged[0])[0]) - 1 if damaged else to

    def wrote(self, last: int | None) -> None:
        """Take note that what `write` put is on disk, and where the log ends, if that moved."""
        self._last = self._last if last is None else _NUMBER.pack(last)
        self._gathered = Gathered(damaged=self._gathered.damaged)

    def gather(self, events: Sequence[Event]) -> None:
        """Take up the entries of events that are on disk."""
        if events:
            self._gathered.add(events)
            self._last = _NUMBER.pack(events[-1].sequence_nr)

    def failed(self) -> None:
        """Forget the numbers that were given in a transaction that is gone."""
        self._numbers.clear()

    def remove(self, writing: lmdb.Transaction, key: bytes, destinations: Iterable[str]) -> None:
        """Take the entries of one event out of the tree."""
        for destination in destinations:
            number = writing.get(destination.encode(), db=self._aggregates)
            if number is not None:
                writing.delete(number, key, db=self._destinations)

    def seen(self) -> Seen:
        """Return what a reader needs beside the tree; call it before its transaction begins."""
        last = self._last  # first: what is gathered later covers it
        return Seen(last, self._gathered)

    def frames(
        self,
        reading: lmdb.Transaction,
        events: lmdb._Database,
        aggregate_id: str,
        *,
        seen: Seen,
        after: int,
        limit: int,
    ) -> Iterator[tuple[Stored, Stored]]:
        """Return numbers and frames of at most `limit` events of an aggregate, in order."""
        places = list(islice(self._places(reading, aggregate_id, after), limit))
        if len(places) < limit:
            # The tree has all of a log's beginning, so what is gathered goes on behind its last.
            start = places[-1] if places else _NUMBER.pack(after)
            gathered = list(seen.gathered.places.get(aggregate_id, ()))
            places += [place for place in gathered if start < place <= seen.last]
        if seen.gathered.damaged:
            behind = _NUMBER.pack(after)
            places = sorted({*places, *(each for each in seen.gathered.damaged if each > behind)})
        del places[limit:]
        found = reading.cursor(db=events).getmulti(places)
        if len(found) < len(places):
            there = {bytes(place) for place, _ in found}
            gone = next(place for place in places if place not in there)
            return _up_to_missing(found, gone)
        return iter(found)

    def ids(self, reading: lmdb.Transaction, *, seen: Seen, after: str, limit: int) -> list[str]:
        """Return at most `limit` ids above `after`, in the order of their bytes."""
        start = after.encode()
        cursor = reading.cursor(db=self._aggregates)
        in_tree: list[bytes] = []
        if cursor.set_range(start + b"\0"):
            in_tree = [bytes(key) for key in islice(cursor.iternext(values=False), limit)]
        gathered = (key for key in map(str.encode, list(seen.gathered.places)) if key > start)
        return [key.decode() for key in sorted({*in_tree, *gathered})[:limit]]

    def _places(self, reading: lmdb.Transaction, aggregate_id: str, after: int) -> Iterator[bytes]:
        key = as_key(aggregate_id)
        number = key and reading.get(key, db=self._aggregates)
        cursor = reading.cursor(db=self._destinations)
        if number and cursor.set_range_dup(number, _NUMBER.pack(after + 1)):
            yield from map(bytes, cursor.iternext_dup())

    def _number(self, writing: lmdb.Transaction, aggregate_id: str) -> bytes:
        known = self._numbers.get(aggregate_id)
        if known is not None:
            return known
        key = aggregate_id.encode()
        stored = writing.get(key, db=self._aggregates)
        if stored is None:
            stored = _NUMBER.pack(writing.stat(self._aggregates)["entries"] + 1)
            writing.put(key, stored, db=self._aggregates)
        if len(self._numbers) >= _KNOWN_AGGREGATES:
            self._numbers.clear()
        self._numbers[aggregate_id] = bytes(stored)
        return self._numbers[aggregate_id]


def as_key(name: str) -> bytes | None:
    """Return a name as a key, or None where no stored key can be like it."""
    try:
        key = name.encode()
    except UnicodeEncodeError:
        return None
    return key if 1 <= len(key) <= MAX_NAME_BYTES else None


def _up_to_missing(
    found: Iterable[tuple[Stored, Stored]], gone: bytes
) -> Iterator[tuple[Stored, Stored]]:
    """Pass on what stands before a missing event; it may be all that is wanted."""
    yield from takewhile(lambda each: bytes(each[0]) < gone, found)
    raise DamagedEvent(_NUMBER.unpack(gone)[0], "the index names it, but it is missing")
