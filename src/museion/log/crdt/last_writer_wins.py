"""A register that shows one value: the last one written.

A write wins over every write that its site knew, whatever the clocks say. Of concurrent writes the
one with the later wall clock wins, then the larger creator, then the larger time of its own.

Taken pair by pair this is no order: let `c` follow `a`, with a clock that is slow, and let `b` be
concurrent to both, with a clock between theirs. Then `c` beats `a`, `a` beats `b`, and `b` beats
`c`. A site that kept one winner only would end with another value than a site where the writes came
in another order. So all writes that no other write knew are kept, as a multi-value register does,
and the winner is chosen among them: here `b`, everywhere. (The original compared pairs, and forgot
the clock of what was stable; see flaw (c) in `docs/explanation/crdts.md`.)

Source: Shapiro et al., INRIA RR-7506, 2011, specification 9, with the departure above.
"""

from __future__ import annotations

from typing import Any, TypeVar

from museion.log.crdt.crdt import Stamp, StoredCrdt
from museion.log.crdt.versions import Assign, RegisterState, Version, write

V = TypeVar("V")


class LastWriterWins(StoredCrdt[RegisterState[V], Assign[V], V | None]):
    """A `StoredCrdt` whose value is the last one written, None before the first.

    Args:
        value_type: what values are decoded to.
        name: stable written name; registers of another value type take another one.
    """

    name = "last-writer-wins"
    needs_state = False

    def __init__(self, value_type: type[V], *, name: str = name) -> None:
        self.name = name
        self._value_type = value_type

    # Any: see `StoredCrdt`.
    @property
    def state_type(self) -> Any:
        """The type of states."""
        return RegisterState[self._value_type]  # type: ignore[name-defined]  # known when it runs

    @property
    def operation_type(self) -> Any:
        """The type of operations."""
        return Assign[self._value_type]  # type: ignore[name-defined]  # known when it runs

    def zero(self) -> RegisterState[V]:
        """Return the state before the first write."""
        return RegisterState()

    def value(self, state: RegisterState[V]) -> V | None:
        """Return the value of the last write."""
        return state.versions[0].value if state.versions else None

    def prepare(self, state: RegisterState[V], operation: Assign[V]) -> Assign[V] | None:
        """Return the write; it replaces everything that its site knows."""
        return operation if operation.replaces is None else Assign(operation.value)

    def effect(
        self, state: RegisterState[V], operation: Assign[V], stamp: Stamp
    ) -> RegisterState[V]:
        """Return the state after a write."""
        return write(state, Version(operation.value, stamp), None)
