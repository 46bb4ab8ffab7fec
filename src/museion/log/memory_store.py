"""The plainest form of the store contract: lists in memory, gone with the process."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter

from museion.base.ids import random_id
from museion.log.event import Event
from museion.log.event_store import MAX_READ_BYTES, StoreState, WriteBatch, within
from museion.log.vector_time import merge_all

_sequence_nr = attrgetter("sequence_nr")


class MemoryEventStore:
    """Keeps events in a list; nothing is durable."""

    def __init__(self, *, log_id: str | None = None) -> None:
        self._log_id = log_id or random_id()
        self._events: list[Event] = []
        self._by_aggregate: dict[str, list[Event]] = defaultdict(list)
        self._progress: dict[str, int] = {}
        self._lock = threading.Lock()

    def recover(self) -> StoreState:
        """Return the state after the last batch."""
        with self._lock:
            last = self._events[-1].sequence_nr if self._events else 0
            version = merge_all(event.vector_timestamp for event in self._events)
            return StoreState(self._log_id, last, version)

    def write(self, batch: WriteBatch) -> None:
        """Keep a batch, all or nothing."""
        with self._lock:
            last = self._events[-1].sequence_nr if self._events else 0
            for event in batch.events:
                assert event.sequence_nr > last, f"event {event.sequence_nr} comes after {last}"
                last = event.sequence_nr
            self._events.extend(batch.events)
            for event in batch.events:
                for destination in event.destinations:
                    self._by_aggregate[destination].append(event)
            self._progress.update(batch.progress)

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
                events = self._by_aggregate.get(aggregate_id, [])
            start = bisect_right(events, after, key=_sequence_nr)
            return within(events[start : start + limit], limit=limit, max_bytes=max_bytes)

    def progress(self, name: str) -> int:
        """Return the last stored progress of a reader, 0 when there is none."""
        with self._lock:
            return self._progress.get(name, 0)

    def close(self) -> None:
        """Do nothing: the store lives as long as the object, and may be opened again."""
