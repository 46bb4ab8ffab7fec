"""All instances of one pure CRDT at one location, folded from the events of the log.

Pure but for holding the present state: no log, no clock. Order of events is that of the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from museion.base.errors import Damaged, InvalidInput
from museion.log.crdt.crdt import Stamp
from museion.log.crdt.pure.po_log import PureState
from museion.log.crdt.pure.pure_crdt import PureCrdt
from museion.log.crdt.pure.pure_events import (
    PURE_EVENTS,
    Acknowledged,
    LocationAdmitted,
    LocationRetired,
    Operated,
)
from museion.log.crdt.pure.stability import NOTHING, Stability, covered_by_all
from museion.log.event import Event
from museion.log.vector_time import VectorTime

O = TypeVar("O")  # noqa: E741 (an operation)
B = TypeVar("B")
V = TypeVar("V")

# Sets in a fixed order, so that equal states have equal bytes.
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


class OperationNotOfType(InvalidInput):
    """An operation is none of the CRDT's type, or holds what cannot be stored."""

    def __init__(self, type_name: str, reason: str) -> None:
        super().__init__(
            f"Expected an operation of {type_name!r}: {reason}.", remedy="Nothing was written."
        )


class UnreadableOperation(Damaged):
    """A stored operation is not of the CRDT's type; going on without it would not converge."""

    def __init__(self, type_name: str, event: Event, reason: str) -> None:
        super().__init__(
            f"Expected an operation of {type_name!r} in event {event.sequence_nr} of log"
            f" {event.log_id}: {reason}.",
            remedy="Update this location if another one runs a newer version; or give types that"
            " differ different names.",
        )


@dataclass(frozen=True, slots=True)
class PureStatus:
    """How far operations have become stable, for those who look after the locations.

    Attributes:
        locations: those that take part, also if they are leaving; sorted.
        stable: the vector time up to which operations have shed their stamps.
        unstable: how many operations have not.
        waiting_for: locations whose silence keeps them from it.
    """

    locations: tuple[str, ...]
    stable: VectorTime
    unstable: int
    waiting_for: tuple[str, ...]


class ReplicaForm(msgspec.Struct, frozen=True):
    """The stored form of a replica, in snapshots.

    Attributes:
        founders: those that took part from the beginning, sorted.
        stability: the whole table; without it a location would have to hear all others anew.
        applied: the stable vector time as far as it was applied.
        newest: merge of the stamps of all events that others have to know.
        told: merge of the stamps of this location's own events.
        instances: states by instance id.
    """

    founders: tuple[str, ...]
    stability: Stability
    applied: VectorTime
    newest: VectorTime
    told: VectorTime
    instances: msgspec.Raw


class Replica(Generic[O, B, V]):
    """Folds events into states; what becomes stable sheds its stamps when `settle` is called.

    Args:
        local: id of the log.
        founders: ids of the logs that take part from the beginning; equal at all locations.

    Attributes:
        stability: what others are known to have.
    """

    def __init__(self, crdt: PureCrdt[O, B, V], local: str, founders: Iterable[str]) -> None:
        self._crdt = crdt
        self._founders = tuple(sorted({*founders}))
        self._decode_operation = msgspec.msgpack.Decoder(crdt.operation_type).decode
        self.stability = Stability.at(local, self._founders)
        self._instances: dict[str, PureState[O, B]] = {}
        self._applied = self._newest = self._told = NOTHING
        self._unsettled: dict[str, None] = {}

    @property
    def status(self) -> PureStatus:
        """How far operations have become stable. O(instances with such that have not)."""
        return PureStatus(
            locations=self.stability.locations,
            stable=self._applied,
            unstable=sum(len(self._instances[each].unstable) for each in self._unsettled),
            waiting_for=self.waiting_for,
        )

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """Locations not known to have all that was written, while something is not stable."""
        return self.stability.waiting_for(self._newest) if self._unsettled else ()

    @property
    def has_news(self) -> bool:
        """Tell whether others do not know yet, by an event of this location, what it has."""
        return not self._newest <= self._told

    def instance_ids(self) -> Sequence[str]:
        """Return the ids of all instances with an operation, sorted."""
        return sorted(self._instances)

    def state(self, instance_id: str) -> PureState[O, B]:
        """Return the state of an instance; that before the first operation if it has none."""
        state = self._instances.get(instance_id)
        return self._crdt.zero() if state is None else state

    def encode_operation(self, operation: O) -> msgspec.Raw:
        """Return the stored form of an operation that can be read back. Raises `InvalidInput`."""
        try:
            content = _ENCODER.encode(operation)
            self._decode_operation(content)
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as reason:
            raise OperationNotOfType(self._crdt.name, str(reason)) from reason
        return msgspec.Raw(content)

    def take(self, event: Event) -> None:
        """Handle an event that bears the type's tag.

        Raises:
            UnknownForm, UndecodablePayload, UnreadableOperation: it cannot be read; the replica
                must not go on.
        """
        for payload in PURE_EVENTS.decode_known(event):
            self._apply(event, payload)
        stamp, writer = event.vector_timestamp, event.process_id
        self.stability = self.stability.hear(writer, stamp)
        if writer == self.stability.local:
            self._told = self._told.merge(stamp)

    def settle(self, at_most: Sequence[VectorTime] = ()) -> None:
        """Let operations that have become stable shed their stamps.

        Does nothing when the stable vector time is what it was. O(instances with such operations).

        Args:
            at_most: stamps of own events that are being written. What they do not know may be known
                to all others, and yet they come behind it in the log.
        """
        stable = covered_by_all([self.stability.stable, *at_most])
        if stable <= self._applied:
            return
        self._applied = self._applied.merge(stable)
        for instance_id in list(self._unsettled):
            state = self._crdt.stabilise(self._instances[instance_id], stable)
            self._instances[instance_id] = state
            if not state.unstable:
                del self._unsettled[instance_id]

    def encode(self) -> bytes:
        """Return the stored form of everything."""
        form = ReplicaForm(
            founders=self._founders,
            stability=self.stability,
            applied=self._applied,
            newest=self._newest,
            told=self._told,
            instances=msgspec.Raw(_ENCODER.encode(self._instances)),
        )
        return _ENCODER.encode(form)

    def restore(self, content: bytes) -> bool:
        """Take over a stored form; false, and nothing done, where it was of other founders.

        Raises:
            msgspec.MsgspecError: it is none, or of another type; nothing was done.
        """
        form = msgspec.msgpack.decode(content, type=ReplicaForm)
        # Any: see `PureCrdt.state_type`.
        states: Any = dict[str, self._crdt.state_type]  # type: ignore[name-defined]  # known when it runs
        instances: dict[str, PureState[O, B]] = msgspec.msgpack.decode(form.instances, type=states)
        if (form.founders, form.stability.local) != (self._founders, self.stability.local):
            return False
        self.stability, self._applied = form.stability, form.applied
        self._newest, self._told = form.newest, form.told
        self._instances = instances
        self._unsettled = {each: None for each, state in instances.items() if state.unstable}
        return True

    def _apply(self, event: Event, payload: object) -> None:
        stamp = event.vector_timestamp
        if isinstance(payload, Acknowledged):
            return
        self._newest = self._newest.merge(stamp)
        match payload:
            case Operated():
                self._operate(event, payload)
            case LocationAdmitted(location):
                self.stability = self.stability.admit(location, stamp)
            case LocationRetired(location):
                self.stability = self.stability.retire(location, stamp)

    def _operate(self, event: Event, payload: Operated) -> None:
        try:
            operation = self._decode_operation(payload.operation)
        except msgspec.MsgspecError as reason:
            raise UnreadableOperation(self._crdt.name, event, str(reason)) from reason
        instance_id = payload.instance_id
        state = self._crdt.effect(self.state(instance_id), operation, Stamp.of(event))
        self._instances[instance_id] = state
        if state.unstable:
            self._unsettled[instance_id] = None
        else:
            self._unsettled.pop(instance_id, None)
