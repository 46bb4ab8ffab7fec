"""Views: read-only state, folded in memory from the events of a log or of one aggregate.

    class Orders(View):
        open_orders: set[str] = set()

        @handles
        def _placed(self, event: OrderPlaced) -> None:
            self.open_orders.add(event.order_id)

    async with running(Orders, log) as orders:
        print(orders.open_orders)

Queries are plain attributes and methods: nothing changes while they run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import ClassVar, TypeVar

from museion.base.errors import Unavailable
from museion.log.event_log import EventLog
from museion.log.event_types import EventTypes
from museion.log.snapshots import Retention, SnapshotStore
from museion.log.sourced.aggregates import wall_clock_ms
from museion.log.sourced.behaviour import Behaviours
from museion.log.sourced.conditional import CausalWaits
from museion.log.sourced.definition import Definition
from museion.log.sourced.fold import Fold
from museion.log.sourced.handlers import handles
from museion.log.sourced.payload_set import PayloadSet
from museion.log.sourced.recovery import Recovery, recover
from museion.log.sourced.saving import Saving
from museion.log.sourced.sourced import Sourced, define
from museion.log.subject_keys import SubjectKeys

__all__ = ["View", "handles", "running"]

V = TypeVar("V", bound="View")


class View(Sourced):
    """Read-only state. In the class statement may stand

    - `name`: stable written name; needed for snapshots only.
    - `form`, `transient`: as for aggregates.
    """

    _is_framework: ClassVar[bool] = True

    @property
    def position(self) -> int:
        """Sequence number of the last event received."""
        return self._running_fold.position

    def become(
        self, *, events: Behaviours | None = None, snapshots: Behaviours | None = None
    ) -> None:
        """Let a behaviour handle the events, or tell the state for snapshots."""
        self._become(None, events, snapshots)

    def unbecome(self, *, events: bool = False, snapshots: bool = False) -> None:
        """Take back the last `become` of each kind named; with none named, of both."""
        self._unbecome(False, events, snapshots)


@asynccontextmanager
async def running(  # noqa: PLR0913 (each is a setting of its own, with a default)
    kind: type[V] | Callable[[], V],
    log: EventLog,
    *,
    aggregate_id: str | None = None,
    after: int | None = None,
    snapshots: SnapshotStore | None = None,
    retention: Retention | None = None,
    recovery: Recovery | None = None,
    types: EventTypes | None = None,
    keys: SubjectKeys | None = None,
    location: str | None = None,
    now_ms: Callable[[], int] = wall_clock_ms,
) -> AsyncIterator[V]:
    """Recover a view, keep it up to date within the block, and hand it over.

    If the view fails within the block, the block is cancelled and the error raised: nobody goes on
    reading a state that stands still.

    Args:
        kind: the class, or a function that makes an instance.
        aggregate_id: receive events of this aggregate only; None for all events.
        after: begin behind this event with an empty state, without a snapshot.
        snapshots, retention, recovery, types, keys, location, now_ms: as for `Aggregates`.

    Raises:
        InvalidDefinition: the class is not written as a view.
        Exception: what its recovery failed with.
    """
    recovery = recovery or Recovery()
    definition = define(type(kind()), View)
    payloads = PayloadSet(types, keys=keys)
    name = definition.name if snapshots is not None else definition.kind.__name__

    def make() -> Fold:
        fold = Fold(
            kind(),
            definition,
            log,
            payloads,
            identifier=aggregate_id or "",
            emitter_id=f"{name}:{aggregate_id or ''}@{location or log.log_id}",
            aggregate_id=aggregate_id,
        )
        _require_savable(fold, definition, snapshots, retention)
        return fold

    fold = await recover(make, log, recovery, snapshots=snapshots, after=after)
    fold.waits = CausalWaits(log, fold)
    saving = Saving(fold, snapshots, retention, now_ms)
    fold.on_progress = saving.save_if_due
    saving.save_if_due()
    try:
        async with asyncio.TaskGroup() as tasks:
            follower = tasks.create_task(_follow(fold, recovery))
            fold.on_failure = partial(_cancel, follower)
            try:
                yield fold.target  # type: ignore[misc]  # what `kind` made
            finally:
                fold.retire()
                follower.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors.exceptions[0].__cause__


def _cancel(follower: asyncio.Task[None], _reason: Exception) -> None:
    follower.cancel()


async def _follow(fold: Fold, recovery: Recovery) -> None:
    """Follow until cancelled; reads that fail are tried again as in a recovery."""
    tries_left = recovery.tries
    position = fold.position
    try:
        while not fold.retired:
            try:
                await fold.follow()
                return
            except Unavailable as reason:
                if fold.position > position:
                    tries_left, position = recovery.tries, fold.position
                tries_left -= 1
                if reason.lasting or not tries_left:
                    raise
            await asyncio.sleep(recovery.delay_s)
    except asyncio.CancelledError:
        if fold.failure is not None:
            raise fold.failure from None
        raise
    except Exception as error:
        if fold.waits is not None:
            fold.waits.fail(error)
        raise


def _require_savable(
    fold: Fold,
    definition: Definition,
    snapshots: SnapshotStore | None,
    retention: Retention | None,
) -> None:
    if snapshots is not None and retention is not None:
        definition.require_savable(fold.target)
