"""One live aggregate: its turns, its claim on the emitter id, and its present incarnation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from museion.base.errors import Unavailable
from museion.base.retry import RetryPolicy
from museion.log.event_log import EventLog
from museion.log.snapshots import Retention, SnapshotStore
from museion.log.sourced.aggregate import Aggregate
from museion.log.sourced.commands import Turns, outside_commands
from museion.log.sourced.conditional import CausalWaits
from museion.log.sourced.definition import Definition
from museion.log.sourced.incarnation import Incarnation
from museion.log.sourced.payload_set import PayloadSet
from museion.log.sourced.persist_on_event import PersistOnEvent
from museion.log.sourced.recovery import Recovery, recover
from museion.log.sourced.refusals import AggregateStopped, InvalidDefinition
from museion.log.sourced.saving import Saving
from museion.log.vector_time import VectorTime

__all__ = ["Instance", "Surroundings"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all aggregates of one kind share. See `Aggregates` for each."""

    log: EventLog
    definition: Definition
    payloads: PayloadSet
    create: Callable[[], Aggregate]
    location: str
    snapshots: SnapshotStore | None
    retention: Retention | None
    recovery: Recovery
    permits: asyncio.Semaphore
    restart: RetryPolicy
    max_waiting: int
    now_ms: Callable[[], int]


class Instance:
    """Runs one aggregate from now until `stop`, or until it fails. Commands wait while it recovers.

    Args:
        on_end: called once, when it has ended.

    Attributes:
        ended: it takes no more commands.
        last_used_s: loop time at which it was last asked for something.

    Raises:
        EmitterInUse: the same aggregate is live already.
    """

    def __init__(
        self, around: Surroundings, identifier: str, on_end: Callable[[Instance], None]
    ) -> None:
        self._around = around
        self._on_end = on_end
        self.id = identifier
        self.emitter_id = f"{around.definition.name}:{identifier}@{around.location}"
        self._loop = asyncio.get_running_loop()
        self._claim = ExitStack()
        self._claim.enter_context(around.log.claim(self.emitter_id))
        self.turns = Turns(
            self.emitter_id,
            at_once=1 if around.definition.options.state_sync else around.max_waiting,
            max_waiting=around.max_waiting,
        )
        self.waits = CausalWaits(around.log, self)
        self.ended = False
        self.last_used_s = self._loop.time()
        self._incarnation: Incarnation | None = None
        self._live_since_s = self.last_used_s
        self._delays_s = around.restart.delays_s()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._task = self._start(0.0)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way here, so that it may be unloaded."""
        incarnation = self._incarnation
        return (
            incarnation is not None
            and self.turns.idle
            and not self.waits.waiting
            and not incarnation.busy
            and not incarnation.saving.underway
        )

    @property
    def version(self) -> VectorTime:
        """What has been handled; nothing before the first recovery."""
        return VectorTime() if self._incarnation is None else self._incarnation.version

    @property
    def trouble(self) -> str | None:
        """Why snapshots cannot be saved, if they cannot."""
        return None if self._incarnation is None else self._incarnation.saving.trouble

    async def ready(self) -> None:
        """Wait until it has recovered. Raises what the recovery failed with."""
        self.last_used_s = self._loop.time()
        await asyncio.shield(self._ready)

    # Any: the handle's user sees the signature of the command itself.
    async def call(self, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Carry out a command when its turn has come."""
        self.last_used_s = self._loop.time()
        try:
            return await self.turns.run(name, partial(self._carry_out, name, args, named))
        finally:
            self.last_used_s = self._loop.time()

    async def close(self, limit_s: float) -> None:
        """Refuse what waits, let the commands that run end within a limit, then stop."""
        self.turns.fail(AggregateStopped(self.emitter_id))
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self.turns.ended()
        self.stop()

    def stop(self, error: Exception | None = None) -> None:
        """End: what waits is refused. Writes under way are finished. Idempotent."""
        if self.ended:
            return
        self.ended = True
        reason = error or AggregateStopped(self.emitter_id)
        self.turns.fail(reason)
        self.waits.fail(reason)
        if not self._ready.done():
            self._ready.set_exception(reason)
            self._ready.exception()  # perhaps nobody waits for it
        if self._incarnation is not None:
            self._incarnation.retire()
        if self._task is not asyncio.current_task():
            self._task.cancel()
        self._on_end(self)
        self._release_claim()

    async def settled(self) -> None:
        """Wait until nothing of an ended instance is under way any more."""
        await asyncio.gather(self._task, return_exceptions=True)
        if self._incarnation is not None:
            await self._incarnation.settled()

    # As a receiver of conditional requests

    def has_received(self, sequence_nr: int) -> bool:
        """See `conditional.Receiver`."""
        incarnation = self._incarnation
        return (
            incarnation is not None
            and not incarnation.retired
            and not incarnation.recovering
            and incarnation.has_received(sequence_nr)
        )

    async def receive_up_to(self, sequence_nr: int) -> None:
        """See `conditional.Receiver`."""
        while True:
            await self.ready()
            incarnation = self._incarnation
            assert incarnation is not None
            try:
                return await incarnation.receive_up_to(sequence_nr)
            except AggregateStopped:
                if self.ended:
                    raise  # else it begins anew, and the next incarnation receives it

    # Incarnations

    def _start(self, delay_s: float) -> asyncio.Task[None]:
        return self._loop.create_task(self._live(delay_s), context=outside_commands())

    async def _live(self, delay_s: float) -> None:
        around = self._around
        try:
            if self._incarnation is not None:
                # A write of the last incarnation may still come into the log: see it replayed.
                await self._incarnation.settled()
                await asyncio.sleep(delay_s)
            async with around.permits:
                incarnation = await recover(
                    self._make, around.log, around.recovery, snapshots=around.snapshots
                )
        except Exception as error:
            self.stop(error)
            return
        self._incarnation = incarnation
        self._live_since_s = self._loop.time()
        self._ready.set_result(None)
        self.turns.resume()
        incarnation.saving.save_if_due()
        try:
            await incarnation.follow()
        except Unavailable as error:
            if error.lasting:
                incarnation.fail(error)
            else:
                incarnation.restart(error)
        except Exception as error:
            incarnation.fail(error)

    def _restart(self, reason: Exception) -> None:
        if self.ended or self._incarnation is None:
            return
        self.turns.pause()
        self._ready = self._loop.create_future()
        self._incarnation.retire()
        if self._task is not asyncio.current_task():
            self._task.cancel()
        if self._loop.time() - self._live_since_s > self._around.restart.longest_delay_s:
            self._delays_s = self._around.restart.delays_s()
        self._task = self._start(next(self._delays_s))

    def _make(self) -> Incarnation:
        around = self._around
        target = around.create()
        if type(target) is not around.definition.kind:
            raise InvalidDefinition(around.definition.kind.__qualname__, "an instance", target)
        incarnation = Incarnation(
            target,
            around.definition,
            around.log,
            around.payloads,
            identifier=self.id,
            emitter_id=self.emitter_id,
            aggregate_id=None if around.definition.options.every_event else self.id,
        )
        incarnation.turns = self.turns
        incarnation.waits = self.waits
        incarnation.saving = Saving(incarnation, around.snapshots, around.retention, around.now_ms)
        incarnation.on_failure = self.stop
        incarnation.on_restart = self._restart
        incarnation.on_written = self._release_claim
        incarnation.on_progress = incarnation.saving.save_if_due
        incarnation.requests = PersistOnEvent(incarnation)
        incarnation.use(incarnation.requests, pending=True)
        for component in target._components():
            incarnation.use(component)
            component.attached(incarnation)
        if around.snapshots is not None and around.retention is not None:
            around.definition.require_savable(target)
        return incarnation

    def _release_claim(self) -> None:
        # A write under way may still come into the log: until then nobody else may be this one.
        if self.ended and (self._incarnation is None or not self._incarnation.writing):
            self._claim.close()

    def _carry_out(self, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> Awaitable[Any]:
        incarnation = self._incarnation
        assert incarnation is not None, "commands run after the recovery only"
        # What is in the log already is handled before a command decides.
        incarnation.take_ready()
        if incarnation.retired:
            return self._carry_out_anew(incarnation, name, args, named)
        if not incarnation.up_to_date and self._around.definition.options.state_sync:
            return self._carry_out_later(incarnation, name, args, named)
        return _called(incarnation, name, args, named)

    async def _carry_out_anew(
        self, last: Incarnation, name: str, args: tuple[Any, ...], named: dict[str, Any]
    ) -> Any:
        """Carry out a command whose turn came just when its incarnation ended."""
        if self.ended:
            raise last.failure or AggregateStopped(self.emitter_id)
        await self.ready()
        return await self._carry_out(name, args, named)

    async def _carry_out_later(
        self, incarnation: Incarnation, name: str, args: tuple[Any, ...], named: dict[str, Any]
    ) -> Any:
        """Carry out a command once the log is caught up with, after a flood of events."""
        await incarnation.receive_up_to(self._around.log.sequence_nr)
        return await _called(incarnation, name, args, named)


def _called(
    incarnation: Incarnation, name: str, args: tuple[Any, ...], named: dict[str, Any]
) -> Awaitable[Any]:
    behaviour = incarnation.commands.top
    if name in incarnation.definition.commands(type(behaviour)):
        answer: Awaitable[Any] = getattr(behaviour, name)(*args, **named)
        return answer
    target = incarnation.target
    assert isinstance(target, Aggregate)
    return target.unhandled(name, *args, **named)
