"""The contract of event stores: what a log may rely on, whatever the engine.

Implementations are neighbours: `memory_store` (read it first), `lmdb_store`. The contract suite
`museion.testing.event_store_contract` runs on all of them. Calls block; only the log's writer
thread calls `write`, any thread may read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from museion.base.errors import Damaged, Unavailable
from museion.log.event import Event
from museion.log.vector_time import VectorTime


class WriteBatch(msgspec.Struct, frozen=True):
    """Events in sequence number order, and progress to store with them."""

    events: Sequence[Event]
    progress: Mapping[str, int]


class StoreState(msgspec.Struct, frozen=True):
    """What a log needs to know of its store when it starts.

    Attributes:
        log_id: identity of the log, given at creation and never changed.
        sequence_nr: of the last event, 0 when empty.
        version: merge of the vector timestamps of all events.
    """

    log_id: str
    sequence_nr: int
    version: VectorTime


class EventStore(Protocol):
    """Keeps one log's events in order, and the progress of its readers."""

    def recover(self) -> StoreState:
        """Return the state after the last acknowledged batch."""

    def write(self, batch: WriteBatch) -> None:
        """Keep a batch, all or nothing; durable when it returns.

        Raises:
            WriteFailed: the batch is certainly not in the store.
        """

    def read(
        self, *, after: int = 0, limit: int, aggregate_id: str | None = None
    ) -> Sequence[Event]:
        """Return at most `limit` events with sequence numbers above `after`, in order.

        With `aggregate_id`, only events that have it among their destinations. Sees every batch
        whose `write` has returned.

        Raises:
            DamagedEvent: a stored event does not match its checksum.
        """

    def progress(self, name: str) -> int:
        """Return the last stored progress of a reader, 0 when there is none."""

    def close(self) -> None:
        """Release files and locks; further calls are errors."""


class WriteFailed(Unavailable):
    """A batch could not be written and is certainly not in the store."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The event log could not be written: {reason}.",
            remedy="Nothing of this request was kept. Check disk space and rights, then try again.",
        )


class DamagedEvent(Damaged):
    """A stored event does not match its checksum."""

    def __init__(self, sequence_nr: int, reason: str = "its checksum does not match") -> None:
        super().__init__(
            f"Event {sequence_nr} of the log is damaged: {reason}.",
            remedy="Restore the log from a backup or recover it from another site.",
        )
        self.sequence_nr = sequence_nr
