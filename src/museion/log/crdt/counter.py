"""A counter that every site counts up and down; concurrent steps add up.

Source: Shapiro et al., INRIA RR-7506, 2011, specification 5 (operation-based counter).
"""

from __future__ import annotations

from typing import Any

import msgspec

from museion.base.errors import InvalidInput
from museion.log.crdt.crdt import Stamp, StoredCrdt

MAX_STEP = 1 << 40
"""Largest step: eight million of them still fit the stored form of a total."""


class StepTooLarge(InvalidInput):
    """A counter is to go further at once than its stored form bears."""

    def __init__(self, step: int) -> None:
        super().__init__(f"Expected a step from -{MAX_STEP} to {MAX_STEP}, got {step}.")


class Count(msgspec.Struct, frozen=True, tag="count"):
    """Count up, or down where `by` is negative."""

    by: int = 1


class CounterState(msgspec.Struct, frozen=True, tag="counter"):
    """The sum of all steps so far."""

    total: int = 0


class Counter(StoredCrdt[CounterState, Count, int]):
    """A `StoredCrdt` whose value is the sum of all steps; a step of 0 writes nothing.

    Args:
        name: stable written name of the type.
    """

    name = "counter"
    needs_state = False

    def __init__(self, *, name: str = name) -> None:
        self.name = name

    # Any: see `StoredCrdt`.
    @property
    def state_type(self) -> Any:
        """The type of states."""
        return CounterState

    @property
    def operation_type(self) -> Any:
        """The type of operations."""
        return Count

    def zero(self) -> CounterState:
        """Return the state before the first step."""
        return CounterState()

    def value(self, state: CounterState) -> int:
        """Return the sum."""
        return state.total

    def prepare(self, state: CounterState, operation: Count) -> Count | None:
        """Return the step as it is. Raises `StepTooLarge`."""
        if abs(operation.by) > MAX_STEP:
            raise StepTooLarge(operation.by)
        return operation if operation.by else None

    def effect(self, state: CounterState, operation: Count, stamp: Stamp) -> CounterState:
        """Return the state after a step."""
        return CounterState(state.total + operation.by)
