"""Event-sourced aggregates: they decide on commands, persist events, and fold them into a state.

    class Counter(Aggregate, name="counter"):
        value = 0

        @command
        async def increment(self, by: int) -> int:
            await self.persist(Incremented(by))
            return self.value

        @handles
        def _incremented(self, event: Incremented) -> None:
            self.value += event.by

`Aggregates` runs them: `counter = await counters.get("clicks"); await counter.increment(3)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, NoReturn, TypeVar

from museion.log.event import Event, EventId
from museion.log.snapshots import Snapshot
from museion.log.sourced.behaviour import Behaviour, Behaviours
from museion.log.sourced.commands import command
from museion.log.sourced.component import Component
from museion.log.sourced.handlers import handles
from museion.log.sourced.incarnation import Incarnation
from museion.log.sourced.refusals import NotInCommand, UnhandledCommand
from museion.log.sourced.sourced import Sourced

__all__ = ["Aggregate", "Behaviour", "command", "handles"]

P = TypeVar("P", bound=Component)

_COMPONENTS = "_museion_components"


class Aggregate(Sourced):
    """A consistency boundary. State is plain attributes, changed in event handlers only.

    In the class statement may stand (subclasses inherit all but `name` and `form`)

    - `name`: stable written name of the kind; needed. Renaming the class leaves it.
    - `state_sync=False`: commands run side by side instead of one after another.
    - `form`: number of the form of its snapshots; raise it when `restore` takes others no more.
    - `every_event=True`: it receives all events of the log, and its own are routed to nobody.
    - `transient`: names of attributes that are no state, such as a gateway given to `__init__`.
    """

    _is_framework: ClassVar[bool] = True

    # In commands

    # Not `async def`, which would do nothing at all where the caller forgot to await it.
    def persist(
        self,
        *payloads: object,
        destinations: tuple[str, ...] = (),
        cause: EventId | None = None,
        delivery_id: str | None = None,
    ) -> Coroutine[Any, Any, list[Event]]:
        """Write events, all or none; when it returns, they are on disk and their handlers have run.

        Events of others that came in between are handled too, in the order of the log. Their stamp
        is what was handled so far. Without payloads nothing is written. If the caller is cancelled
        meanwhile, what was written is handled all the same.

        Args:
            destinations: ids of further aggregates, and tags, that these events are routed to.
            cause: the event that led to them.
            delivery_id: the delivery that they confirm.

        Raises:
            NotInCommand: an event handler runs; it has `persist_on_event`.
            InvalidInput: a payload cannot be written; nothing was done and the aggregate goes on.
            WriteFailed, LogUnavailable: certainly nothing was written; likewise.
            LogDefect: whether they are written is not known; the aggregate stops.
            LogClosed, AggregateStopped: nothing was written.
            WrittenNotHandled: they are written, but the aggregate stopped.
        """
        if self._incarnation.current is not None:
            raise NotInCommand("persist()", "in a command; handlers have persist_on_event")
        return self._incarnation.persist(
            *payloads, destinations=destinations, cause=cause, delivery_id=delivery_id
        )

    def persist_async(
        self,
        *payloads: object,
        destinations: tuple[str, ...] = (),
        cause: EventId | None = None,
        delivery_id: str | None = None,
    ) -> asyncio.Future[list[Event]]:
        """Write events as `persist` does, but let further commands run meanwhile.

        All writes of an aggregate keep the order in which they were asked for. The future ends as
        `persist` would.

        Raises:
            InvalidInput: a payload cannot be written; nothing was done.
            NotInCommand: an event handler runs; it has `persist_on_event`.
            Overloaded: too many such writes are under way.
        """
        return self._incarnation.persist_async(
            *payloads, destinations=destinations, cause=cause, delivery_id=delivery_id
        )

    def defer(self) -> asyncio.Future[None]:
        """Return a future that is done when all earlier `persist_async` are; nothing is written."""
        return self._incarnation.defer()

    def stash(self) -> NoReturn:
        """Put the running command aside; its caller goes on waiting. Never returns.

        Raises:
            NotInCommand: not within a command, or after its first `persist`.
            Overloaded: too many commands are put aside.
        """
        self._outside_handler("stash()")
        self._incarnation.turns.stash()

    def unstash_all(self) -> None:
        """Let commands that were put aside run again, in order, before all that wait.

        They run from their beginning. Raises `NotInCommand` when called elsewhere.
        """
        self._outside_handler("unstash_all()")
        self._incarnation.turns.unstash_all()

    async def save_snapshot(self) -> Snapshot:
        """Save the present state and what else is needed to go on from here.

        Raises:
            SnapshotUnderway: one is being saved.
            NoSnapshotStore, NotSnapshotable: it cannot be saved.
            SnapshotNotSaved: it may or may not be there; the aggregate goes on.
        """
        return await self._incarnation.saving.save()

    # In event handlers

    def persist_on_event(self, *payloads: object, destinations: tuple[str, ...] = ()) -> None:
        """Emit events because of the one whose handler runs, exactly once for this cause.

        They are written after the handler; commands do not wait for it. All that is asked for
        within one event is one batch. What is not yet written is asked for again after a crash; a
        write that fails makes the aggregate recover anew and try again.

        Raises:
            NotInHandler: no event handler runs.
            InvalidInput: a payload cannot be written.
        """
        self._incarnation.requests.ask(payloads, destinations)

    # In both

    def become(
        self,
        *,
        commands: Behaviours | None = None,
        events: Behaviours | None = None,
        snapshots: Behaviours | None = None,
    ) -> None:
        """Let a behaviour take the commands, handle the events, or tell the state for snapshots.

        Each has its own stack. The stacks are not in snapshots.
        """
        self._become(commands, events, snapshots)

    def unbecome(
        self, *, commands: bool = False, events: bool = False, snapshots: bool = False
    ) -> None:
        """Take back the last `become` of each kind named; with none named, of all three."""
        self._unbecome(commands, events, snapshots)

    def use(self, part: P) -> P:
        """Take a part, such as confirmed delivery, and return it; call it in `__init__`."""
        vars(self).setdefault(_COMPONENTS, []).append(part)
        return part

    # What a class may override

    # Any: it answers in place of commands that return anything.
    async def unhandled(self, name: str, *args: object, **named: object) -> Any:
        """Answer a command that the present behaviour does not have.

        Raises:
            UnhandledCommand: by default.
        """
        present = type(self._incarnation.commands.top)
        known = self._incarnation.definition.commands(present)
        raise UnhandledCommand(self.emitter_id, name, known)

    # For the framework

    @property
    def _incarnation(self) -> Incarnation:
        fold = self._running_fold
        assert isinstance(fold, Incarnation)
        return fold

    def _components(self) -> list[Component]:
        components: list[Component] = vars(self).get(_COMPONENTS, [])
        return components

    def _outside_handler(self, what: str) -> None:
        if self._incarnation.current is not None:
            raise NotInCommand(what, "within a command")
