"""One incarnation of an aggregate: from its recovery until it is unloaded, fails or begins anew.

Beside folding (`fold`) it writes. After a write it folds at once what the log hands out, up to the
last event that it wrote, so that the state is up to date when `persist` returns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from museion.log.event import Event, EventId, NewEvent
from museion.log.event_log import LogClosed, LogDefect
from museion.log.sourced.commands import Turns
from museion.log.sourced.fold import Fold
from museion.log.sourced.persist_on_event import PersistOnEvent
from museion.log.sourced.refusals import (
    AggregateStopped,
    InThePast,
    NotInCommand,
    Overloaded,
    WrittenNotHandled,
)
from museion.log.sourced.saving import Saving

__all__ = ["Incarnation"]

_MAX_ASYNC_WRITES = 1024


class Incarnation(Fold):
    """A fold that writes.

    Attributes:
        turns: who runs next.
        saving: how its snapshots are saved.
        requests: what its event handlers ask to be emitted.
        on_restart: called when it shall begin anew.
        on_written: called when no write is under way any more.
    """

    turns: Turns
    saving: Saving
    requests: PersistOnEvent
    on_restart: Callable[[Exception], None]
    on_written: Callable[[], None]
    _writes = 0
    _quiet: asyncio.Event
    _async_writes: tuple[asyncio.Task[list[Event]], ...] = ()

    @property
    def writing(self) -> bool:
        """Whether a write is under way."""
        return self._writes > 0 or bool(self._async_writes)

    @property
    def busy(self) -> bool:
        """Whether it must stay loaded."""
        return (
            self.writing
            or bool(self._waiting)
            or bool(self._tasks)
            or any(component.busy for component in self.components)
        )

    def restart(self, reason: Exception) -> None:
        """Give up, and let a new incarnation recover."""
        if not self.retired:
            self.on_restart(reason)

    async def persist(
        self,
        *payloads: object,
        destinations: tuple[str, ...] = (),
        cause: EventId | None = None,
        delivery_id: str | None = None,
    ) -> list[Event]:
        """Write events as one batch and handle them. See `Aggregate.persist`."""
        new = self.encode(payloads, destinations, cause, delivery_id)
        if new:
            self.turns.note_write()
        if self._async_writes:
            # What was asked for earlier goes into the log first.
            await asyncio.wait(self._async_writes)
        return await self.write(new)

    def persist_async(
        self,
        *payloads: object,
        destinations: tuple[str, ...] = (),
        cause: EventId | None = None,
        delivery_id: str | None = None,
    ) -> asyncio.Future[list[Event]]:
        """Write events as one batch without waiting. See `Aggregate.persist_async`."""
        if self.current is not None:
            # A replay would write it again.
            raise NotInCommand("persist_async()", "outside of event handlers")
        if len(self._async_writes) >= _MAX_ASYNC_WRITES:
            raise Overloaded(f"asynchronous writes of {self.emitter_id!r}", _MAX_ASYNC_WRITES)
        new = self.encode(payloads, destinations, cause, delivery_id)
        if new:
            self.turns.note_write()
        # Tasks begin in the order in which they are made, and so do their writes.
        task = asyncio.get_running_loop().create_task(self.write(new))
        self._async_writes = (*self._async_writes, task)
        task.add_done_callback(self._async_write_ended)
        return task

    def defer(self) -> asyncio.Future[None]:
        """Tell when all that was asked for so far is handled. See `Aggregate.defer`."""
        loop = asyncio.get_running_loop()
        deferred: asyncio.Future[None] = loop.create_future()
        if not self._async_writes:
            deferred.set_result(None)
            return deferred

        def ended(_: object) -> None:
            if not deferred.done():
                deferred.set_result(None)

        waited = asyncio.gather(*self._async_writes, return_exceptions=True)
        waited.add_done_callback(ended)
        return deferred

    def encode(
        self,
        payloads: Sequence[object],
        destinations: tuple[str, ...] = (),
        cause: EventId | None = None,
        delivery_id: str | None = None,
    ) -> list[NewEvent]:
        """Return events that ask to be written; their stamp is the present version."""
        return [
            self.payloads.encode(
                payload,
                emitter_id=self.emitter_id,
                aggregate_id=self.aggregate_id,
                destinations=destinations,
                vector_timestamp=self.version,
                cause=cause,
                delivery_id=delivery_id,
            )
            for payload in payloads
        ]

    async def write(self, new: Sequence[NewEvent]) -> list[Event]:
        """Write events and return when they are handled; an empty batch is not sent.

        Raises:
            AggregateStopped: it was retired before; nothing was done.
            InThePast: it shows a past state; nothing was done.
            WrittenNotHandled: the events are stored, but it was retired meanwhile.
            Exception: as `EventLog.append`.
        """
        if not new:
            return []
        if self.retired:
            raise AggregateStopped(self.emitter_id, self.failure)
        if self.in_the_past:
            raise InThePast(self.emitter_id, self.position)
        events = await self._append(new)
        try:
            await self.reached(events[-1].sequence_nr)
        except Exception as reason:
            raise WrittenNotHandled(self.emitter_id, reason) from reason
        return events

    async def settled(self) -> None:
        """Wait until a retired incarnation has nothing under way any more."""
        await asyncio.gather(*self._tasks, *self._async_writes, return_exceptions=True)
        while self._writes:
            await self._quiet.wait()

    async def _append(self, new: Sequence[NewEvent]) -> list[Event]:
        if not self._writes:
            self._quiet = asyncio.Event()
        self._writes += 1
        try:
            return await self.log.append(new)
        except (LogDefect, LogClosed) as error:
            self.fail(error)
            raise
        finally:
            self._writes -= 1
            # Also when the caller is cancelled: what is written is folded before anyone else runs.
            self.take_ready()
            if not self._writes:
                self._quiet.set()
                self.on_written()

    def _async_write_ended(self, task: asyncio.Task[list[Event]]) -> None:
        self._async_writes = tuple(each for each in self._async_writes if each is not task)
        if not self._async_writes:
            self.on_written()
