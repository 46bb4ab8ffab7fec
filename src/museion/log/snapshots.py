"""Snapshots: saved state with the position that it covers, so that replay need not start at 1.

A snapshot only saves time. Whoever loses some, or finds them damaged, replays more events and comes
to the same state; so a store passes over what it cannot read, and says so. Implementations are
neighbours: `MemorySnapshotStore` here, `file_snapshots` for a site. The contract suite
`museion.testing.contracts.snapshot_store` runs on both. Calls block; from a coroutine use
`asyncio.to_thread`.

A little over 300 lines: the contract, its errors and the store to read first belong on one page.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import Annotated, Protocol

import msgspec

from museion.base.errors import Damaged, InvalidInput, Unavailable
from museion.log.event import EventId, require_name
from museion.log.vector_time import VectorTime

MAX_NUMBER = 2**63 - 1
"""Largest sequence number and wall clock time that every store takes."""

Number = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]


class Snapshot(msgspec.Struct, frozen=True):
    """Everything that an emitter needs to go on from a position.

    Its identity is (emitter_id, log_id, sequence_nr): saving it again replaces it.

    Attributes:
        emitter_id: who saved it.
        log_id: the log whose events went into it.
        sequence_nr: of the last event received from that log, also if it was not handled.
        type_name: stable written name of the state's type.
        form: number of the state's stored form, counted from 1.
        state: encoded state.
        version: merge of the vector timestamps of the events that were handled.
        last_handled: identity of the last event that was handled.
        saved_at_ms: wall clock at saving, milliseconds since 1970 UTC.
        deliveries: encoded deliveries that are not confirmed yet.
        pending: encoded requests to emit that no event answers yet.
        subject_key_ids: keys of the data subjects whose payloads went into the state.
    """

    emitter_id: str
    log_id: str
    sequence_nr: Number
    type_name: str
    form: int
    state: bytes
    version: VectorTime
    last_handled: EventId | None
    saved_at_ms: Number
    deliveries: bytes = b""
    pending: bytes = b""
    subject_key_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retention:
    """When an emitter saves a snapshot by itself, and how many of its snapshots stay.

    Args:
        every_events: save after so many handled events; at least 1. A lower number makes
            recovery faster and costs a write of the state each time.
        keep: how many stay, at least 1. More give more to fall back to when one is damaged.

    Raises:
        InvalidRetention: a number is below 1.
    """

    every_events: int = 100
    keep: int = 3

    def __post_init__(self) -> None:
        for name, number in (("every_events", self.every_events), ("keep", self.keep)):
            if number < 1:
                raise InvalidRetention(name, number)

    def is_due(self, events_since: int) -> bool:
        """Tell whether so many events since the last snapshot ask for a new one."""
        return events_since >= self.every_events


class SnapshotStore(Protocol):
    """Keeps the snapshots of all emitters of a site. Any thread may call anything."""

    def save(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; it is on disk when this returns. Replaces one of the same identity.

        Raises:
            InvalidSnapshot: a name or number is out of range; nothing was saved.
            SnapshotNotSaved: it may or may not be there; never torn, and older ones stay.
        """

    def newest_first(
        self,
        emitter_id: str,
        *,
        log_id: str,
        up_to: int | None = None,
        saved_before_ms: int | None = None,
    ) -> Iterator[Snapshot]:
        """Return an emitter's snapshots of one log, by falling sequence number.

        Those that cannot be read are passed over and reported. Each is read when it is asked for,
        so taking only the first costs one read.

        Args:
            up_to: leave out those above this sequence number.
            saved_before_ms: leave out those saved at or after this time, milliseconds since 1970.

        Raises:
            SnapshotsUnreachable: it cannot be told which snapshots there are.
        """

    def keep_newest(self, emitter_id: str, count: int) -> None:
        """Delete all but the newest `count` of an emitter, counted for each log on its own.

        Raises:
            SnapshotsUnreachable: some that should go may still be there.
        """

    def delete(
        self,
        emitter_id: str,
        *,
        from_sequence_nr: int = 0,
        to_sequence_nr: int | None = None,
        saved_before_ms: int | None = None,
    ) -> int:
        """Delete an emitter's snapshots to which all of the conditions apply; return how many.

        Args:
            from_sequence_nr: the lowest to delete.
            to_sequence_nr: the highest to delete.
            saved_before_ms: delete only those saved before this time, milliseconds since 1970.

        Raises:
            SnapshotsUnreachable: some that should go may still be there.
        """

    def delete_from(self, log_id: str, sequence_nr: int) -> int:
        """Delete the snapshots of all emitters that cover event `sequence_nr` of a log.

        Before lost events are recovered: those snapshots know events that get other numbers.

        Raises:
            SnapshotsUnreachable: some that should go may still be there.
        """

    def delete_subject(self, subject_key_id: str) -> int:
        """Delete all snapshots that a data subject's payloads went into; return how many.

        Those that cannot be read go too, for nobody can tell what they hold.

        Raises:
            SnapshotsUnreachable: some that should go may still be there.
        """

    def close(self) -> None:
        """Let go of resources. Idempotent."""


class MemorySnapshotStore:
    """Keeps snapshots as long as the object lives; for tests and for logs in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str, int], Snapshot] = {}

    def save(self, snapshot: Snapshot) -> None:
        """See `SnapshotStore`."""
        require_savable(snapshot)
        with self._lock:
            self._kept[snapshot.emitter_id, snapshot.log_id, snapshot.sequence_nr] = snapshot

    def newest_first(
        self,
        emitter_id: str,
        *,
        log_id: str,
        up_to: int | None = None,
        saved_before_ms: int | None = None,
    ) -> Iterator[Snapshot]:
        """See `SnapshotStore`."""
        wanted = self._those(
            lambda each: (
                (each.emitter_id, each.log_id) == (emitter_id, log_id)
                and (up_to is None or each.sequence_nr <= up_to)
                and (saved_before_ms is None or each.saved_at_ms < saved_before_ms)
            )
        )
        return iter(sorted(wanted, key=_sequence_nr, reverse=True))

    def keep_newest(self, emitter_id: str, count: int) -> None:
        """See `SnapshotStore`."""
        with self._lock:
            newest = sorted((key for key in self._kept if key[0] == emitter_id), reverse=True)
            for _, of_one_log in groupby(newest, key=itemgetter(1)):
                for key in islice(of_one_log, max(count, 0), None):
                    del self._kept[key]

    def delete(
        self,
        emitter_id: str,
        *,
        from_sequence_nr: int = 0,
        to_sequence_nr: int | None = None,
        saved_before_ms: int | None = None,
    ) -> int:
        """See `SnapshotStore`."""
        return self._drop(
            lambda each: (
                each.emitter_id == emitter_id
                and from_sequence_nr <= each.sequence_nr
                and (to_sequence_nr is None or each.sequence_nr <= to_sequence_nr)
                and (saved_before_ms is None or each.saved_at_ms < saved_before_ms)
            )
        )

    def delete_from(self, log_id: str, sequence_nr: int) -> int:
        """See `SnapshotStore`."""
        return self._drop(lambda each: each.log_id == log_id and each.sequence_nr >= sequence_nr)

    def delete_subject(self, subject_key_id: str) -> int:
        """See `SnapshotStore`."""
        return self._drop(lambda each: subject_key_id in each.subject_key_ids)

    def close(self) -> None:
        """See `SnapshotStore`; what it keeps stays."""

    def _those(self, wanted: Callable[[Snapshot], bool]) -> list[Snapshot]:
        with self._lock:
            return [each for each in self._kept.values() if wanted(each)]

    def _drop(self, unwanted: Callable[[Snapshot], bool]) -> int:
        with self._lock:
            gone = [key for key, each in self._kept.items() if unwanted(each)]
            for key in gone:
                del self._kept[key]
            return len(gone)


def require_savable(snapshot: Snapshot) -> None:
    """Check what a type checker cannot.

    Raises:
        InvalidSnapshot: a name or id is not 1 to `MAX_NAME_BYTES` bytes of UTF-8, a number is not
            within 0 and `MAX_NUMBER`, or the state is not bytes.
    """
    names = (snapshot.emitter_id, snapshot.log_id, snapshot.type_name, *snapshot.subject_key_ids)
    for name in names:
        try:
            require_name(name)
        except InvalidInput as reason:
            raise InvalidSnapshot(reason.message) from reason
    for number in (snapshot.sequence_nr, snapshot.saved_at_ms):
        if not 0 <= number <= MAX_NUMBER:
            raise InvalidSnapshot(f"Expected a number from 0 to {MAX_NUMBER}, got {number}.")
    for content in (snapshot.state, snapshot.deliveries, snapshot.pending):
        if not isinstance(content, bytes):
            raise InvalidSnapshot(f"Expected bytes, got {content!r:.200}.")


def _sequence_nr(snapshot: Snapshot) -> int:
    return snapshot.sequence_nr


class InvalidSnapshot(InvalidInput):
    """A snapshot is not of a kind that a store can keep; nothing was saved."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The snapshot cannot be saved. {reason}")


class InvalidRetention(InvalidInput):
    """A retention would save never or keep nothing."""

    def __init__(self, name: str, found: int) -> None:
        super().__init__(
            f"Expected {name} of at least 1, got {found}.",
            remedy="To save no snapshots, give no retention.",
        )


class SnapshotNotSaved(Unavailable):
    """A snapshot may or may not be there; it is never torn, and older ones stay as they were."""

    def __init__(self, emitter_id: str, sequence_nr: int, reason: str) -> None:
        super().__init__(
            f"The snapshot of {emitter_id!r} at {sequence_nr} could not be saved: {reason}.",
            remedy="Events are not affected. Check disk space and rights; a later one may succeed.",
        )


class SnapshotsUnreachable(Unavailable):
    """The store of snapshots cannot be listed or changed now."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The snapshots cannot be reached: {reason}.",
            remedy="Check the folder of snapshots and its rights, then try again.",
        )


class DamagedSnapshot(Damaged):
    """A snapshot cannot be used; its emitter falls back to an older one or to a full replay."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(
            f"The snapshot {place} was passed over: {reason}.",
            remedy="Recovery takes longer but comes to the same state. Delete it, or leave it.",
        )
        self.place = place
