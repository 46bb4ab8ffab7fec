"""Handling events: each goes through the handlers of an aggregate or view, in log order.

This is the only place where state changes. It is pure of waiting, so nothing else runs meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from museion.base.codec import decode, encode
from museion.log.event import Event, EventId
from museion.log.event_log import EventLog
from museion.log.snapshots import Snapshot
from museion.log.sourced.behaviour import Stack
from museion.log.sourced.component import Component
from museion.log.sourced.definition import Definition
from museion.log.sourced.handlers import BoundHandlers
from museion.log.sourced.payload_set import PayloadSet
from museion.log.sourced.refusals import NotHandled, SnapshotRefused
from museion.log.vector_time import VectorTime

if TYPE_CHECKING:
    from museion.log.sourced.sourced import Sourced

__all__ = ["Handling", "SnapshotSource"]


class SnapshotSource(Protocol):
    """Tells the state that a snapshot shall keep: an aggregate, a view, or a behaviour."""

    def snapshot_state(self) -> object:
        """Return something that msgspec encodes."""


class Handling:
    """What an aggregate or view has handled.

    Args:
        target: whose handlers are called.
        identifier: the id within its kind.
        aggregate_id: events of this aggregate only; None for all events.

    Attributes:
        position: sequence number of the last event received.
        version: merge of the stamps of the events handled.
        current: the event whose handler runs.
        recovering: whether events are replayed.
        retired: it takes no more events.
        handled_count: events handled since it was made, replayed ones too.
        commands, events, snapshots: what is in force for each.
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
        self.version = VectorTime()
        self.current: Event | None = None
        self.recovering = True
        self.retired = False
        self.handled_count = 0
        self.components: list[Component] = []
        self._pending: Component | None = None
        self._last_handled: EventId | None = None
        self._subject_key_ids: set[str] = set()
        own = definition.table(type(target))
        payloads.know(own.kinds)
        self.events: Stack[BoundHandlers] = Stack(own.bind(target))
        self.commands: Stack[object] = Stack(target)
        self.snapshots: Stack[SnapshotSource] = Stack(target)

    def take(self, events: Sequence[Event]) -> None:
        """Handle events in log order; those received before are left out.

        Raises:
            NotHandled: a handler raised, or a payload could not be read. The rest was not taken.
        """
        for event in events:
            if event.sequence_nr > self.position and not self.retired:
                self._take_one(event)

    def use(self, component: Component, *, pending: bool = False) -> None:
        """Take a part; with `pending`, the one whose memory is a snapshot's `pending`."""
        self.components.append(component)
        if pending:
            self._pending = component

    def is_own(self, event: Event) -> bool:
        """Tell whether an event was emitted here."""
        return event.emitter_id == self.emitter_id

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
