"""The contract of operation-based CRDTs: replicated types whose concurrent operations commute.

A type is pure. An operation is prepared against the state of one site, written as an event, and
takes effect at every site in causal order. Its stamp tells which operations its author had seen.

Source: Shapiro, Preguiça, Baquero, Zawirski, "A comprehensive study of convergent and commutative
replicated data types", INRIA RR-7506, 2011, section 2.2. As in Eventuate `prepare` may also find
that there is nothing to do.
"""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeVar

import msgspec

from museion.log.event import Event, EventId
from museion.log.vector_time import VectorTime

S = TypeVar("S")
O = TypeVar("O")  # noqa: E741 (an operation)
V_co = TypeVar("V_co", covariant=True)


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """When an operation was written, causally and by the clock, and where.

    Attributes:
        vector_timestamp: of the operation's event; unique to it.
        time_ms: wall clock of the first write, milliseconds since 1970; breaks ties only.
        creator: the log that wrote it first; breaks ties of ties.
    """

    vector_timestamp: VectorTime
    time_ms: int
    creator: str

    @classmethod
    def of(cls, event: Event) -> Self:
        """Return the stamp of an event."""
        return cls(event.vector_timestamp, event.system_time_ms, event.process_id)

    @property
    def id(self) -> EventId:
        """The identity of the operation: short, and the same everywhere."""
        return EventId(self.creator, self.vector_timestamp.local_time(self.creator))

    @property
    def rank(self) -> tuple[int, str, int]:
        """What orders concurrent operations: wall clock, creator, own time. Unique."""
        own_time = self.vector_timestamp.local_time(self.creator)
        return (self.time_ms, self.creator, own_time)

    @property
    def causal_rank(self) -> tuple[int, str, int]:
        """What puts any operations into one order with causes before effects. Unique."""
        # The sum grows from each cause to its effect.
        times = self.vector_timestamp.times
        return (sum(times.values()), self.creator, times.get(self.creator, 0))


class Crdt(Protocol[S, O, V_co]):
    """A replicated type: S its state, O its operations, V its value. States and operations are
    frozen and have a msgpack form.

    An event may carry several operations; all have its stamp then, and take effect in their order.
    A type says where that is not possible.

    Law: sites that have taken the effects of the same operations, each in some order that keeps
    causes before effects, have equal states and values.
    """

    @property
    def name(self) -> str:
        """Stable written name; two types never share one, so their instances never meet."""

    @property
    def needs_state(self) -> bool:
        """Tell whether `prepare` looks at the state.

        Where it does not, operations need not wait for those before them.
        """

    def zero(self) -> S:
        """Return the state before the first operation."""

    def value(self, state: S) -> V_co:
        """Return what people ask for."""

    def prepare(self, state: S, operation: O) -> O | None:
        """Return the operation that is to be written, completed from the state; None for nothing.

        Raises:
            InvalidInput, Conflict: the operation is not allowed; nothing is written.
        """

    def effect(self, state: S, operation: O, stamp: Stamp) -> S:
        """Return the state after an operation that `prepare` had returned at some site."""


class StoredCrdt(Crdt[S, O, V_co], Protocol[S, O, V_co]):
    """A CRDT that tells which types its states and operations are decoded to."""

    # Any: whatever msgspec decodes to, which may be a union.
    @property
    def state_type(self) -> Any:
        """What the stored form of a state is decoded to."""

    @property
    def operation_type(self) -> Any:
        """What the stored form of an operation is decoded to."""
