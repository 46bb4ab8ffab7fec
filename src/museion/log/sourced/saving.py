"""Saving snapshots of one fold: on request, and by itself as its retention says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from museion.base.errors import MuseionError
from museion.base.waiting import to_end
from museion.log.snapshots import Retention, Snapshot, SnapshotStore
from museion.log.sourced.fold import Fold
from museion.log.sourced.refusals import NoSnapshotStore, SnapshotUnderway

__all__ = ["Saving"]

_LOG = logging.getLogger(__name__)
_KEPT = Retention().keep


class Saving:
    """Saves one snapshot at a time, in a thread.

    Args:
        store: None where snapshots are not kept.
        retention: when to save without being asked, and how many stay; None to save on request
            only, and keep as many as `Retention` keeps by default.
        now_ms: the wall clock, milliseconds since 1970.

    Attributes:
        underway: a snapshot is being saved.
        trouble: why the last snapshot that was due could not be saved; recovery only takes longer.
    """

    def __init__(
        self,
        fold: Fold,
        store: SnapshotStore | None,
        retention: Retention | None,
        now_ms: Callable[[], int],
    ) -> None:
        self._fold = fold
        self._store = store
        self._retention = retention
        self._now_ms = now_ms
        self._saved_at_count = 0
        self.underway = False
        self.trouble: str | None = None

    async def save(self) -> Snapshot:
        """Save the present state; it is on disk when this returns.

        Raises:
            SnapshotUnderway: one is being saved.
            NoSnapshotStore: there is nowhere to save it.
            NotSnapshotable: the state cannot be encoded.
            SnapshotNotSaved: it may or may not be there.
        """
        if self.underway:
            raise SnapshotUnderway(self._fold.emitter_id)
        if self._store is None:
            raise NoSnapshotStore(self._fold.emitter_id)
        snapshot = self._take()
        await self._write(self._store, snapshot)
        return snapshot

    def save_if_due(self) -> None:
        """Begin to save if so many events were handled since the last time."""
        events_since = self._fold.handled_count - self._saved_at_count
        if self._store is None or self._retention is None or self.underway:
            return
        if self._retention.is_due(events_since):
            try:
                snapshot = self._take()
            except MuseionError as reason:
                self._note(reason)
            else:
                self._fold.spawn(self._write_noting(self._store, snapshot))

    def _take(self) -> Snapshot:
        self._saved_at_count = self._fold.handled_count
        snapshot = self._fold.snapshot(self._now_ms())
        self.underway = True
        return snapshot

    async def _write(self, store: SnapshotStore, snapshot: Snapshot) -> None:
        keep = self._retention.keep if self._retention is not None else _KEPT

        def write() -> None:
            store.save(snapshot)
            # Erasure destroys the key first and deletes snapshots then. So one that was saved
            # meanwhile, of a state that still holds what was erased, is found either there or here.
            for key_id in self._fold.payloads.erased_keys(snapshot.subject_key_ids):
                store.delete_subject(key_id)
            store.keep_newest(snapshot.emitter_id, keep)

        try:
            await to_end(asyncio.to_thread(write))
        finally:
            self.underway = False

    async def _write_noting(self, store: SnapshotStore, snapshot: Snapshot) -> None:
        try:
            await self._write(store, snapshot)
            self.trouble = None
        except MuseionError as reason:
            self._note(reason)

    def _note(self, reason: MuseionError) -> None:
        # Not saved is no failure of the aggregate: its events are in the log.
        self.trouble = str(reason)
        _LOG.warning("No snapshot of %r: %s", self._fold.emitter_id, reason)
