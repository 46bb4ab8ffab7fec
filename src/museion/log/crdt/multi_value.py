"""A register that keeps concurrent values side by side until a write replaces them.

Source: Shapiro et al., INRIA RR-7506, 2011, section 3.2.2.
"""

from __future__ import annotations

from typing import Any, TypeVar

from museion.log.crdt.crdt import Stamp, StoredCrdt
from museion.log.crdt.versions import Assign, RegisterState, Version, distinct, write

V = TypeVar("V")


class MultiValue(StoredCrdt[RegisterState[V], Assign[V], tuple[Version[V], ...]]):
    """A `StoredCrdt` whose value is the versions that no write has replaced, each with its stamp.

    Args:
        value_type: what values are decoded to.
        name: stable written name; registers of another value type take another one.
    """

    name = "multi-value"
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

    def value(self, state: RegisterState[V]) -> tuple[Version[V], ...]:
        """Return the versions, the one with the latest wall clock first."""
        return state.versions

    def conflict(self, state: RegisterState[V]) -> bool:
        """Tell whether there are versions with different values; equal ones count as one."""
        return len(distinct(state.versions)) > 1

    def prepare(self, state: RegisterState[V], operation: Assign[V]) -> Assign[V] | None:
        """Return the write as it is."""
        return operation

    def effect(
        self, state: RegisterState[V], operation: Assign[V], stamp: Stamp
    ) -> RegisterState[V]:
        """Return the versions after a write."""
        return write(state, Version(operation.value, stamp), operation.replaces)
