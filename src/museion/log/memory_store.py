"""The plainest form of the store contract: lists in memory, gone with the process."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import attrgetter

from msgspec.structs import replace

from museion.base.ids import random_id
from museion.log.event import Event
from museion.log.event_store import MAX_READ_BYTES, StoreState, WriteBatch, advanced, within
from museion.log.vector_time import VectorTime

_sequence_nr = attrgetter("sequence_nr")


class MemoryEventStore:
    """Keeps events in a list; nothing is durable."""

    def __init__(self, *, log_id: str | None = None) -> None:
        self._log_id = log_id or random_id()
        self._events: list[Event] = []
        self._by_aggregate: dict[str, list[Event]] = defaultdict(list)
        self._progress: dict[str, int] = {}
        self._state = StoreState(self._log_id, 0, VectorTime())
        self._lock = threading.Lock()

    def recover(self) -> StoreState:
        """Return the state after the last batch."""
        return self._state

    def write(self, batch: WriteBatch) -> None:
        """Keep a batch, all or nothing."""
        with self._lock:
            last = self._state.sequence_nr
            for event in batch.events:
                assert event.sequence_nr > last, f"event {event.sequence_nr} comes after {last}"
                last = event.sequence_nr
            self._events.extend(batch.events)
            for event in batch.events:
                for destination in event.destinations:
                    self._by_aggregate[destination].append(event)
            self._progress.update(batch.progress)
            self._state = advanced(self._state, batch)

    def read(
        self,
        *,
        after: int = 0,
        limit: int,
        aggregate_id: str | None = None,
        max_bytes: int = MAX_READ_BYTES,
    ) -> Sequence[Event]:
        """Return at most `limit` events above `after`, in order."""
        with self._lock:
            events = self._events
            if aggregate_id is not None:
                events = self._by_aggregate.get(aggregate_id, [])  # a look makes no entry
            start = bisect_right(events, after, key=_sequence_nr)
            return within(events[start : start + limit], limit=limit, max_bytes=max_bytes)

    def progress(self, name: str) -> int:
        """Return the last stored progress of a reader, 0 when there is none."""
        with self._lock:
            return self._progress.get(name, 0)

    def all_progress(self) -> Mapping[str, int]:
        """Return the progress of every reader, by its name."""
        with self._lock:
            return dict(self._progress)

    def aggregate_ids(self, *, after: str = "", limit: int) -> Sequence[str]:
        """Return at most `limit` ids of aggregates above `after`, in the order of their bytes."""
        with self._lock:
            known = sorted(self._by_aggregate, key=str.encode)
        return known[bisect_right(known, after.encode(), key=str.encode) :][:limit]

    def mark_deleted(self, to: int) -> None:
        """Keep `to` as `StoreState.deleted_to`."""
        self._state = replace(self._state, deleted_to=to)

    def remove(self, to: int, chain: Mapping[str, bytes]) -> None:
        """Remove all events up to `to`, which is below the last."""
        with self._lock:
            assert to < self._state.sequence_nr, "the last event stays"
            for events in (self._events, *self._by_aggregate.values()):
                del events[: bisect_right(events, to, key=_sequence_nr)]
            self._state = replace(self._state, removed_to=to, removed_chain=chain)

    def close(self) -> None:
        """Do nothing: the store lives as long as the object, and may be opened again."""
