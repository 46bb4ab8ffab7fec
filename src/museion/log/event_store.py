"""The contract of event stores: what a log may rely on, whatever the engine.

Implementations are neighbours: `memory_store` (read it first), `lmdb_store`, `postgres_store`. The
contract suite `museion.testing.contracts.event_store` runs on all of them. Calls block; only the
log's writer thread calls `recover`, `write`, `mark_deleted` and `remove`; any thread may read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Protocol

import msgspec
from msgspec.structs import replace

from museion.base.errors import Damaged, Unavailable
from museion.log.event import Event
from museion.log.vector_time import VectorTime, merge_all

MAX_READ_BYTES = 8 << 20
"""Payload bytes of one read unless the reader says otherwise."""


class WriteBatch(msgspec.Struct, frozen=True):
    """Events in sequence number order, above all that are stored, and progress to keep with them.

    Numbers may leave gaps.

    Attributes:
        events: with all fields filled in.
        progress: last position of each reader that moved on, by its name.
        frames: the stored form of each event (`log.frame`), in the same order; a store that keeps
            bytes keeps these.
        version: merge of the stamps of the events; worked out from them where it is left out.
        chain: last chain digest of each origin in the batch; likewise.
    """

    events: Sequence[Event]
    progress: Mapping[str, int]
    frames: Sequence[bytes]
    version: VectorTime | None = None
    chain: Mapping[str, bytes] | None = None


class StoreState(msgspec.Struct, frozen=True):
    """What a log needs to know of its store when it starts.

    Attributes:
        log_id: identity of the log, given at creation and never changed.
        sequence_nr: of the last event, 0 when empty.
        version: merge of the vector timestamps of all events, removed ones too.
        chain: chain digest of the last event of each origin that has one, by process id.
        deleted_to: events up to this number are deleted for readers.
        removed_to: events up to this number were removed from the store.
        removed_chain: as `chain`, of the removed events.
    """

    log_id: str
    sequence_nr: int
    version: VectorTime
    chain: Mapping[str, bytes] = {}
    deleted_to: int = 0
    removed_to: int = 0
    removed_chain: Mapping[str, bytes] = {}


class EventStore(Protocol):
    """Keeps one log's events in order, and the progress of its readers."""

    def recover(self) -> StoreState:
        """Return the state after the last acknowledged batch.

        Called at the start, and again after `OutcomeUnknown`: then it must first bring the store
        back into working order, for example connect anew.

        Raises:
            Unavailable: that is not possible now; it is tried again.
        """

    def write(self, batch: WriteBatch) -> None:
        """Keep a batch, all or nothing; durable when it returns.

        Any error but the two below is a defect: the log then stops.

        Raises:
            WriteFailed: the batch is certainly not in the store.
            OutcomeUnknown: it may be or not; the log asks `recover` and `progress`, and so finds
                out.
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
        `write` has returned. Events that are marked as deleted are returned until they are removed.

        Raises:
            DamagedEvent: a stored event does not match its checksum.
            ReadFailed: the store cannot be read now.
        """

    def aggregate_ids(self, *, after: str = "", limit: int) -> Sequence[str]:
        """Return at most `limit` ids of aggregates that have or had events, above `after`.

        In the order of their UTF-8 bytes.
        """

    def progress(self, name: str) -> int:
        """Return the last stored progress of a reader, 0 when there is none."""

    def all_progress(self) -> Mapping[str, int]:
        """Return the progress of every reader, by its name."""

    def mark_deleted(self, to: int) -> None:
        """Keep `to` as `StoreState.deleted_to`; durable when it returns. Raises as `write`."""

    def remove(self, to: int, chain: Mapping[str, bytes]) -> None:
        """Remove all events up to `to`, which is below the last, and keep `chain` beside that.

        All or nothing and durable, as `write`; raises the same. The state otherwise stays: the
        version covers removed events too.
        """

    def close(self) -> None:
        """Release files and locks; further calls are errors. Idempotent."""


def advanced(state: StoreState, batch: WriteBatch) -> StoreState:
    """Return the state of a store after a batch."""
    if not batch.events:
        return state
    version, chain = batch.version, batch.chain
    if version is None:
        version = merge_all(event.vector_timestamp for event in batch.events)
    if chain is None:
        chain = {e.process_id: e.chain_digest for e in batch.events if e.chain_digest is not None}
    return replace(
        state,
        sequence_nr=batch.events[-1].sequence_nr,
        version=state.version.merge(version),
        chain={**state.chain, **chain},
    )


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


class OutcomeUnknown(RuntimeError):
    """Whether a batch is in the store is not known yet. Never leaves the log: it finds out."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"it is not known whether the batch was written: {reason}")
        self.reason = reason


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
