"""One fold of a log: an aggregate or view that is kept up to date, from its recovery to its end.

Everything comes from one subscription, an aggregate's own events too. So there is one order, live
and in a replay, and no event is handled twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.sourced.commands import outside_commands
from museion.log.sourced.handling import Handling
from museion.log.sourced.refusals import AggregateStopped
from museion.log.subscription import Subscription

if TYPE_CHECKING:
    from museion.log.sourced.conditional import CausalWaits
    from museion.log.sourced.definition import Definition
    from museion.log.sourced.payload_set import PayloadSet
    from museion.log.sourced.sourced import Sourced

__all__ = ["Fold"]


class Fold(Handling):
    """What an aggregate or view has handled, and its place in the log; see `Handling`.

    Attributes:
        scanned_to: up to this number everything that concerns it was received.
        failure: why it was retired, if by an error.
        waits: the requests that wait for a causal token here.
        on_failure, on_progress: called when it fails, and after events were taken live.
    """

    def __init__(
        self,
        target: Sourced,
        definition: Definition,
        log: EventLog,
        payloads: PayloadSet,
        *,
        identifier: str,
        emitter_id: str,
        aggregate_id: str | None,
    ) -> None:
        super().__init__(
            target,
            definition,
            log,
            payloads,
            identifier=identifier,
            emitter_id=emitter_id,
            aggregate_id=aggregate_id,
        )
        self.scanned_to = 0
        self.failure: Exception | None = None
        self.on_failure: Callable[[Exception], None] = lambda _: None
        self.on_progress: Callable[[], None] = lambda: None
        self.waits: CausalWaits | None = None
        self._subscription: Subscription | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        target._attach(self)

    # Taking events

    def take(self, events: Sequence[Event]) -> None:
        """Handle events, and tell those who wait for them. Raises `NotHandled`."""
        super().take(events)
        if self._waiting:
            self._tell_waiting()

    def take_ready(self) -> None:
        """Handle what the subscription has ready, without waiting. An error retires the fold."""
        subscription = self._subscription
        if subscription is None or self.retired or self.current is not None:
            return
        try:
            while events := subscription.take_ready():
                self.take(events)
                self.on_progress()
        except Exception as error:
            self.fail(error)

    @property
    def up_to_date(self) -> bool:
        """Whether everything in the log that concerns it was handled, as far as that is wanted."""
        subscription = self._subscription
        return subscription is None or subscription.caught_up

    async def follow(self) -> None:
        """Handle what comes until it is retired; ends with an error only.

        Raises:
            Exception: what the subscription raised, or `NotHandled`.
        """
        subscription = self._subscription
        while subscription is not None and not self.retired:
            self.take(await subscription.next())
            if not self.retired:
                self.on_progress()

    async def reached(self, sequence_nr: int) -> None:
        """Wait until an event that concerns this fold has been handled.

        The wait has no limit of its own: the event is in the log, so it comes, or the fold fails.

        Raises:
            Exception: why the fold was retired before.
        """
        if self.failure is not None:
            raise self.failure
        if self.position >= sequence_nr:
            return
        if self.retired:
            raise AggregateStopped(self.emitter_id)
        reached = asyncio.get_running_loop().create_future()
        entry = (sequence_nr, reached)
        self._waiting.append(entry)
        try:
            await reached
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    async def receive_up_to(self, sequence_nr: int) -> None:
        """Wait until everything up to a number that concerns this fold has been handled.

        Raises: as `reached`.
        """
        while not self.has_received(sequence_nr):
            # Looking into the log tells what is still to come; waiting alone would not end where
            # nothing of what it passes over concerns this fold.
            missing = await self.read(up_to=sequence_nr, limit=1)
            if not missing:
                return
            await self.reached(missing[0].sequence_nr)

    def has_received(self, sequence_nr: int) -> bool:
        """Tell whether everything up to a number that concerns this fold was surely handled."""
        if self.retired and self.failure is not None:
            raise self.failure
        subscription = self._subscription
        if subscription is not None and not self.retired and subscription.caught_up:
            return sequence_nr <= self.log.sequence_nr
        return self.position >= sequence_nr

    async def read(self, *, up_to: int, limit: int = 512) -> Sequence[Event]:
        """Return the next events that concern this fold and were not received."""
        return await self.log.read(
            after=self.position, up_to=up_to, limit=limit, aggregate_id=self.aggregate_id
        )

    def _tell_waiting(self) -> None:
        for sequence_nr, reached in self._waiting:
            if sequence_nr <= self.position and not reached.done():
                reached.set_result(None)

    # Tasks

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Start a task that ends with this fold and fails it."""
        task = asyncio.get_running_loop().create_task(work, context=outside_commands())
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            error = task.exception()
            if isinstance(error, Exception):
                self.fail(error)

    # Beginning and end

    def go_live(self, *, at_most: int | None = None) -> None:
        """End the recovery: subscribe, unless only the past is wanted, and tell whom it concerns.

        Args:
            at_most: take no events above this number.
        """
        if at_most is None:
            after = max(self.position, self.scanned_to)
            self._subscription = self.log.subscribe(after, aggregate_id=self.aggregate_id)
        self.recovering = False
        for component in self.components:
            component.recovered()
        self.target.recovered(None)

    @property
    def in_the_past(self) -> bool:
        """Whether it was recovered to a past state and takes no more events."""
        return not self.recovering and self._subscription is None and not self.retired

    def retire(self) -> None:
        """Take no more events and end all tasks. Idempotent."""
        if self.retired:
            return
        self.retired = True
        if self._subscription is not None:
            self._subscription.close()
        for component in self.components:
            component.stopping()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        error = self.failure or AggregateStopped(self.emitter_id)
        for _, reached in self._waiting:
            if not reached.done():
                reached.set_exception(error)

    def fail(self, error: Exception) -> None:
        """Retire with an error. The first one counts."""
        if not self.retired:
            self.failure = error
            self.retire()
            self.on_failure(error)
