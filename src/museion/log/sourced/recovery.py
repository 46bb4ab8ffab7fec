"""Recovery: how an aggregate or view comes to its present state, from a snapshot and a replay."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, TypeVar

from museion.base.errors import Damaged, InvalidInput, Unavailable
from museion.log.event_log import EventLog
from museion.log.snapshots import Snapshot, SnapshotStore, SnapshotsUnreachable
from museion.log.sourced.fold import Fold
from museion.log.sourced.refusals import SnapshotRefused

__all__ = ["Recovery", "recover"]

F = TypeVar("F", bound=Fold)

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovery:
    """From where and how far to recover, and how often to try when the log cannot be read.

    Args:
        replay: false for none: begin with an empty state at the present end of the log.
        snapshot: whether to begin with a snapshot; else everything is replayed.
        to_sequence_nr: recover the state at this event, and stay there; it is then for looking
            only and takes no more events. None for the present state.
        saved_before_ms: take only snapshots saved before this time, milliseconds since 1970.
        tries: how often a read that fails is tried, at least 1.
        delay_s: seconds between tries.
    """

    replay: bool = True
    snapshot: bool = True
    to_sequence_nr: int | None = None
    saved_before_ms: int | None = None
    tries: int = 10
    delay_s: float = 10.0

    disabled: ClassVar[Recovery]

    def __post_init__(self) -> None:
        if self.tries < 1 or self.delay_s < 0 or (self.to_sequence_nr or 0) < 0:
            raise InvalidInput(
                "Expected tries >= 1, delay_s >= 0 and to_sequence_nr >= 0, got"
                f" {self.tries}, {self.delay_s} and {self.to_sequence_nr}."
            )


Recovery.disabled = Recovery(replay=False)


async def recover(
    make: Callable[[], F],
    log: EventLog,
    recovery: Recovery,
    *,
    snapshots: SnapshotStore | None = None,
    after: int | None = None,
) -> F:
    """Return a fold that has handled everything up to the present end of the log, and follows it.

    Args:
        make: returns a fold that has handled nothing.
        after: replay from behind this event without a snapshot; None for the usual way.

    Raises:
        Unavailable: the log could not be read, as often as it was tried. The fold's hook
            `recovered` was told.
        NotHandled: an event could not be folded; the hook was told.
        LogClosed, DamagedEvent: likewise.
    """
    fold = make()
    try:
        if after is not None or not recovery.replay:
            fold.position = fold.scanned_to = log.sequence_nr if after is None else after
        elif snapshots is not None and recovery.snapshot:
            fold = await _from_snapshot(fold, make, log, recovery, snapshots)
        if recovery.replay:
            await _replay(fold, log, recovery)
        fold.go_live(at_most=recovery.to_sequence_nr)
    except Exception as error:
        fold.retire()
        fold.target.recovered(error)
        raise
    return fold


async def _replay(fold: Fold, log: EventLog, recovery: Recovery) -> None:
    end = log.sequence_nr
    if recovery.to_sequence_nr is not None:
        end = min(end, recovery.to_sequence_nr)
    for tries_left in reversed(range(recovery.tries)):
        try:
            # What was folded before a read failed stays, so the next try goes on behind it.
            while fold.position < end and (page := await fold.read(up_to=end)):
                fold.take(page)
            fold.scanned_to = end
            return
        except Unavailable as reason:
            if reason.lasting or not tries_left:
                raise
        await asyncio.sleep(recovery.delay_s)


async def _from_snapshot(
    fold: F,
    make: Callable[[], F],
    log: EventLog,
    recovery: Recovery,
    snapshots: SnapshotStore,
) -> F:
    """Return a fold with the newest snapshot that can be used; an empty one if none can."""
    end = log.sequence_nr
    # A snapshot above the end of the log covers events that the log has lost.
    up_to = end if recovery.to_sequence_nr is None else min(end, recovery.to_sequence_nr)
    open_snapshots = partial(
        snapshots.newest_first,
        fold.emitter_id,
        log_id=log.log_id,
        up_to=up_to,
        saved_before_ms=recovery.saved_before_ms,
    )
    try:
        newest_first = await asyncio.to_thread(open_snapshots)
        while (snapshot := await asyncio.to_thread(_next, newest_first)) is not None:
            try:
                fold.restore(snapshot)
                return fold
            except SnapshotRefused:
                return make()
            except Damaged:
                fold = make()
    except SnapshotsUnreachable as reason:
        # They only save time, and the replay comes to the same state.
        _LOG.warning("%r recovers without a snapshot: %s", fold.emitter_id, reason)
    return fold


def _next(snapshots: Iterator[Snapshot]) -> Snapshot | None:
    """Read one snapshot; in a thread, since it blocks. None when there are no more."""
    return next(snapshots, None)
