"""Snapshots of a replica of pure CRDTs: states and the table of stability, saved as one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec

from museion.base.waiting import to_end
from museion.log.crdt.pure.replica import Replica
from museion.log.snapshots import Retention, Snapshot, SnapshotStore, SnapshotsUnreachable
from museion.log.sourced.refusals import NoSnapshotStore

O = TypeVar("O")  # noqa: E741 (an operation)
B = TypeVar("B")
V = TypeVar("V")

_LOG = logging.getLogger(__name__)
_TYPE_NAME = "museion.pure-replica"
_FORM = 1


class ReplicaSnapshots:
    """Saves and restores; reading and writing happen in a thread, where there is a store.

    Args:
        store: None where snapshots are not kept.
        now_ms: the wall clock, milliseconds since 1970.
    """

    def __init__(
        self,
        emitter_id: str,
        log_id: str,
        store: SnapshotStore | None,
        now_ms: Callable[[], int],
    ) -> None:
        self._emitter_id = emitter_id
        self._log_id = log_id
        self._store = store
        self._now_ms = now_ms

    async def restore(self, replica: Replica[O, B, V], *, up_to: int) -> int:
        """Bring a replica to the newest usable snapshot; return its position, 0 for none.

        Args:
            up_to: where the log ends; a snapshot above covers events that the log has lost.
        """
        if self._store is None:
            return 0
        read = partial(self._newest_first, self._store, up_to)
        try:
            for snapshot in await to_end(asyncio.to_thread(read)):
                if _restored(replica, snapshot):
                    return snapshot.sequence_nr
        except SnapshotsUnreachable as reason:
            # They only save time, and the replay comes to the same state.
            _LOG.warning("%r recovers without a snapshot: %s", self._emitter_id, reason)
        return 0

    async def save(self, replica: Replica[O, B, V], position: int) -> Snapshot:
        """Save a replica that has handled all events up to a position.

        Raises:
            NoSnapshotStore, SnapshotNotSaved: it is not, or may not be saved.
        """
        if self._store is None:
            raise NoSnapshotStore(self._emitter_id)
        snapshot = Snapshot(
            emitter_id=self._emitter_id,
            log_id=self._log_id,
            sequence_nr=position,
            type_name=_TYPE_NAME,
            form=_FORM,
            state=replica.encode(),
            version=replica.stability.seen,
            last_handled=None,
            saved_at_ms=self._now_ms(),
        )
        await to_end(asyncio.to_thread(partial(self._keep, self._store, snapshot)))
        return snapshot

    def _newest_first(self, store: SnapshotStore, up_to: int) -> list[Snapshot]:
        found = store.newest_first(self._emitter_id, log_id=self._log_id, up_to=up_to)
        return list(found)

    def _keep(self, store: SnapshotStore, snapshot: Snapshot) -> None:
        store.save(snapshot)
        store.keep_newest(self._emitter_id, Retention().keep)


def _restored(replica: Replica[O, B, V], snapshot: Snapshot) -> bool:
    if (snapshot.type_name, snapshot.form) != (_TYPE_NAME, _FORM):
        return False
    try:
        return replica.restore(snapshot.state)
    except msgspec.MsgspecError as reason:
        _LOG.warning("A snapshot of %r was passed over: %s", snapshot.emitter_id, reason)
        return False
