"""One fold of a log: events go through the handlers of an aggregate or view, in log order.

This is the only place where state changes. Everything comes from one subscription, an aggregate's
own events too, so there is one order, live and in a replay, and no event is handled twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Protocol

from museion.base.codec import decode, encode
from museion.log.event import Event, EventId
from museion.log.event_log import EventLog
from museion.log.snapshots import Snapshot
from museion.log.sourced.behaviour import Stack
from museion.log.sourced.commands import outside_commands
from museion.log.sourced.component import Component
from museion.log.sourced.definition import Definition
from museion.log.sourced.handlers import BoundHandlers
from museion.log.sourced.payload_set import PayloadSet
from museion.log.sourced.refusals import AggregateStopped, NotHandled, SnapshotRefused
from museion.log.subscription import Subscription
from museion.log.vector_time import VectorTime

if TYPE_CHECKING:
    from museion.log.sourced.conditional import CausalWaits
    from museion.log.sourced.sourced import Sourced

__all__ = ["Fold", "SnapshotSource"]


class SnapshotSource(Protocol):
    """Tells the state that a snapshot shall keep: an aggregate, a view, or a behaviour."""

    def snapshot_state(self) -> object:
        """Return something that msgspec encodes."""


class Fold:
    """What an aggregate or view has handled, and its place in the log.

    Args:
        target: whose handlers are called.
        identifier: the id within its kind.
        aggregate_id: events of this aggregate only; None for all events.

    Attributes:
        position: sequence number of the last event received.
        scanned_to: up to this number everything that concerns it was received.
        version: merge of the stamps of the events handled.
        current: the event whose handler runs.
        recovering: whether events are replayed.
        retired: it takes no more events.
        failure: why it was retired, if by an error.
        handled_count: events handled since it was made, replayed ones too.
        commands, events, snapshots: what is in force for each.
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
        self.target = target
        self.definition = definition
        self.log = log
        self.payloads = payloads
        self.id = identifier
        self.emitter_id = emitter_id
        self.aggregate_id = aggregate_id
        self.position = 0
        self.scanned_to = 0
        self.version = VectorTime()
        self.current: Event | None = None
        self.recovering = True
        self.retired = False
        self.failure: Exception | None = None
        self.handled_count = 0
        self.on_failure: Callable[[Exception], None] = lambda _: None
        self.on_progress: Callable[[], None] = lambda: None
        self.waits: CausalWaits | None = None
        self.components: list[Component] = []
        self._pending: Component | None = None
        self._last_handled: EventId | None = None
        self._subject_key_ids: set[str] = set()
        self._subscription: Subscription | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        own = definition.table(type(target))
        payloads.know(own.kinds)
        self.events: Stack[BoundHandlers] = Stack(own.bind(target))
        self.commands: Stack[object] = Stack(target)
        self.snapshots: Stack[SnapshotSource] = Stack(target)
        target._attach(self)

    # Taking events

    def take(self, events: Sequence[Event]) -> None:
        """Handle events in log order; those received before are left out.

        Raises:
            NotHandled: a handler raised, or a payload could not be read. The rest was not taken.
        """
        for event in events:
            if event.sequence_nr > self.position and not self.retired:
                self._take_one(event)
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

    def _take_one(self, event: Event) -> None:
        self.position = event.sequence_nr
        try:
            find = self.events.top.find
            known = False
            for payload in self.payloads.decode(event):
                # Looked up each time: a handler may change the behaviour for the next payload.
                handler = find(type(payload))
                if handler is None:
                    continue
                if not known:
                    known = True
                    self._note_handled(event)
                self.current = event
                handler(payload)
                find = self.events.top.find
            for component in self.components:
                component.event_folded(event)
        except Exception as reason:
            raise NotHandled(
                self.emitter_id, event.type_name, event.sequence_nr, reason
            ) from reason
        finally:
            self.current = None

    def _note_handled(self, event: Event) -> None:
        # Before the handler runs, so that what it asks to be emitted counts as caused by the event.
        self.version = self.version.merge(event.vector_timestamp)
        self._last_handled = event.id
        self.handled_count += 1
        if event.subject_key_id is not None:
            self._subject_key_ids.add(event.subject_key_id)

    def _tell_waiting(self) -> None:
        for sequence_nr, reached in self._waiting:
            if sequence_nr <= self.position and not reached.done():
                reached.set_result(None)

    # Behaviours

    def become(
        self,
        *,
        commands: object | None = None,
        events: object | None = None,
        snapshots: SnapshotSource | None = None,
    ) -> None:
        """Put behaviours in force, each on top of its own stack."""
        if commands is not None:
            self.commands.push(commands)
        if events is not None:
            table = self.definition.table(type(events))
            self.payloads.know(table.kinds)
            self.events.push(table.bind(events))
        if snapshots is not None:
            self.snapshots.push(snapshots)

    # Parts and tasks

    def use(self, component: Component, *, pending: bool = False) -> None:
        """Take a part; with `pending`, the one whose memory is a snapshot's `pending`."""
        self.components.append(component)
        if pending:
            self._pending = component

    def is_own(self, event: Event) -> bool:
        """Tell whether an event was emitted here."""
        return event.emitter_id == self.emitter_id

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

    # Snapshots

    def snapshot(self, now_ms: int) -> Snapshot:
        """Return everything that is needed to go on from here. Raises `NotSnapshotable`."""
        memories = {each.name: each.snapshot() for each in self.components}
        pending = memories.pop(self._pending.name) if self._pending is not None else b""
        kept = {name: memory for name, memory in memories.items() if memory}
        return Snapshot(
            emitter_id=self.emitter_id,
            log_id=self.log.log_id,
            sequence_nr=self.position,
            type_name=self.definition.name,
            form=self.definition.options.form,
            state=self.definition.encode_state(self.snapshots.top.snapshot_state()),
            version=self.version,
            last_handled=self._last_handled,
            saved_at_ms=now_ms,
            deliveries=encode(kept) if kept else b"",
            pending=pending,
            subject_key_ids=tuple(sorted(self._subject_key_ids)),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot.

        Raises:
            SnapshotRefused: it is of another kind or form, or the target does not take it.
            Damaged: its content cannot be decoded.
        """
        expected = (self.definition.name, self.definition.options.form)
        if (snapshot.type_name, snapshot.form) != expected:
            raise SnapshotRefused(f"it holds {snapshot.type_name!r} of form {snapshot.form}")
        self.target.restore(self.definition.decode_state(snapshot.state))
        memories = decode(snapshot.deliveries, dict[str, bytes]) if snapshot.deliveries else {}
        if self._pending is not None:
            memories[self._pending.name] = snapshot.pending
        for component in self.components:
            if memory := memories.get(component.name, b""):
                component.restore(memory)
        self.position = snapshot.sequence_nr
        self.version = snapshot.version
        self._last_handled = snapshot.last_handled
        self._subject_key_ids = set(snapshot.subject_key_ids)
