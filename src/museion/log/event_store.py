"""The contract of event stores: what a log may rely on, whatever the engine.

Implementations are neighbours: `memory_store` (read it first), `lmdb_store`. The contract suite
`museion.testing.event_store_contract` runs on all of them. Calls block; only the log's writer
thread calls `write`, any thread may read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Protocol

import msgspec

from museion.base.errors import Damaged, Unavailable
from museion.log.event import Event
from museion.log.vector_time import VectorTime

MAX_READ_BYTES = 8 << 20
"""Payload bytes of one read unless the reader says otherwise."""


class WriteBatch(msgspec.Struct, frozen=True):
    """Events in sequence number order, above all that are stored, and progress to keep with them.

    Numbers may leave gaps.
    """

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

        Any error but `WriteFailed` means that it is not known whether the batch is in the store;
        the log then stops.

        Raises:
            WriteFailed: the batch is certainly not in the store.
        """

    def read(
        self,
        *,
        after: int = 0,
        limit: int,
        aggregate_id: str | None = None,
        max_bytes: int = MAX_READ_BYTES,
    ) -> Sequence[Event]:
        """Return at most `limit` events with sequence numbers above `after`, in order.

        With `aggregate_id`, only events that have it among their destinations. Stops before the
        payloads exceed `max_bytes` together, but not before the first event. Sees every batch whose
        `write` has returned.

        Raises:
            DamagedEvent: a stored event does not match its checksum.
            ReadFailed: the store cannot be read now.
        """

    def progress(self, name: str) -> int:
        """Return the last stored progress of a reader, 0 when there is none."""

    def close(self) -> None:
        """Release files and locks; further calls are errors. Idempotent."""


def within(events: Iterable[Event], *, limit: int, max_bytes: int) -> list[Event]:
    """Return the first events, at most `limit` and, beyond one, at most `max_bytes` of payload."""
    taken: list[Event] = []
    size_bytes = 0
    for event in islice(events, limit):
        size_bytes += len(event.payload)
        if taken and size_bytes > max_bytes:
            break
        taken.append(event)
    return taken


class WriteFailed(Unavailable):
    """A batch could not be written and is certainly not in the store."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The event log could not be written: {reason}.",
            remedy="Nothing of this request was kept. Check disk space and rights, then try again.",
        )


class ReadFailed(Unavailable):
    """A store cannot be read; nothing is known to be wrong with what it holds."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The event log could not be read: {reason}.",
            remedy="Try again; if it stays so, close the site and open it anew.",
        )


class DamagedEvent(Damaged):
    """A stored event does not match its checksum."""

    def __init__(self, sequence_nr: int, reason: str = "its checksum does not match") -> None:
        super().__init__(
            f"Event {sequence_nr} of the log is damaged: {reason}.",
            remedy="Restore the log from a backup or recover it from another site.",
        )
        self.sequence_nr = sequence_nr
