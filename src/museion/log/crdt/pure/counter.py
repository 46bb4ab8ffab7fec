"""A counter as a pure CRDT; `Clear` sets it back, and concurrent steps survive.

Source: Baquero, Almeida, Shoker, arXiv 1710.04469, 2017, the section on commutative data types: a
counter needs no PO-Log there. Here it has one, for `Clear` must tell which steps it knew.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from museion.log.crdt.counter import MAX_STEP, Count, StepTooLarge
from museion.log.crdt.pure.po_log import Entry, PoLog, PureState
from museion.log.crdt.pure.pure_crdt import Clear, PureCrdt

Operation: TypeAlias = Count | Clear


class PureCounter(PureCrdt[Operation, int, int]):
    """Its value is the sum of all steps that no `Clear` knew. A step of 0 writes nothing."""

    def __init__(self, *, name: str = "pure-counter") -> None:
        super().__init__(name)

    # Any: see `PureCrdt`.
    @property
    def operation_type(self) -> Any:
        """Return the type of operations."""
        return Operation

    @property
    def stable_type(self) -> Any:
        """Return the type of the sum."""
        return int

    def prepare(self, state: PureState[Operation, int], operation: Operation) -> Operation | None:
        """Return the step as it is. Raises `StepTooLarge`."""
        if isinstance(operation, Clear):
            return operation
        if abs(operation.by) > MAX_STEP:
            raise StepTooLarge(operation.by)
        return operation if operation.by else None

    def nothing(self) -> int:
        """Return 0."""
        return 0

    def read(self, log: PoLog[Operation], stable: int) -> int:
        """Return the sum over both parts."""
        return self.settle(stable, log)

    def gives_way_to_kept(self, old: Entry[Operation], new: Entry[Operation]) -> bool:
        """A step takes nothing away; `Clear` does."""
        return isinstance(new.operation, Clear) and old.is_before(new)

    def supersede(self, stable: int, operation: Operation) -> int:
        """Return 0 after `Clear`."""
        return 0 if isinstance(operation, Clear) else stable

    def settle(self, stable: int, settled: PoLog[Operation]) -> int:
        """Add the steps up."""
        return stable + sum(e.operation.by for e in settled if isinstance(e.operation, Count))
