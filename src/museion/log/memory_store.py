"""The plainest form of the store contract: lists in memory, gone with the process."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence

from museion.base.ids import random_id
from museion.log.event import Event
from museion.log.event_store import StoreState, WriteBatch
from museion.log.vector_time import merge_all


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
            self._events.extend(batch.events)
            for event in batch.events:
                for destination in event.destinations:
                    self._by_aggregate[destination].append(event)
            self._progress.update(batch.progress)

    def read(
        self, *, after: int = 0, limit: int, aggregate_id: str | None = None
    ) -> Sequence[Event]:
        """Return at most `limit` events above `after`, in order."""
        with self._lock:
            events = self._events
            if aggregate_id is not None:
                events = self._by_aggregate.get(aggregate_id, [])
            return [event for event in events if event.sequence_nr > after][:limit]

    def progress(self, name: str) -> int:
        """Return the last stored progress of a reader, 0 when there is none."""
        with self._lock:
            return self._progress.get(name, 0)

    def close(self) -> None:
        """Do nothing: the store lives as long as the object."""
