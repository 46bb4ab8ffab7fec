"""A two-phase set as a pure CRDT: what was removed once never comes back.

Source: Baquero, Almeida, Shoker, arXiv 1710.04469, 2017, after the two-phase set of Shapiro et al.,
INRIA RR-7506, 2011, specification 12. Departures: an element may be removed before it is added;
`Clear` takes elements out without forbidding them. It cannot lift what is forbidden: a site where
the remove had already made a concurrent add redundant could not bring that back.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Generic, TypeVar

import msgspec

from museion.log.crdt.pure.add_wins_set import Add, Operation, Remove
from museion.log.crdt.pure.po_log import Entry, PoLog, PureState
from museion.log.crdt.pure.pure_crdt import Clear, PureCrdt

E = TypeVar("E", bound=Hashable)


class TwoPhases(msgspec.Struct, Generic[E], frozen=True, array_like=True):
    """The stable part: elements that are in, and those that never come back. Disjoint."""

    elements: frozenset[E] = frozenset()
    removed: frozenset[E] = frozenset()


class PureTwoPhaseSet(PureCrdt[Operation[E], TwoPhases[E], frozenset[E]]):
    """Its value is the set of elements that were added and never removed.

    Args:
        element_type: what elements are decoded to; hashable.
        name: stable written name; sets of another element type take another one.
    """

    def __init__(self, element_type: type[E], *, name: str = "pure-two-phase-set") -> None:
        super().__init__(name)
        self._element_type = element_type

    # Any: see `PureCrdt`.
    @property
    def operation_type(self) -> Any:
        """Return the type of operations."""
        return Operation[self._element_type]  # type: ignore[misc,name-defined]  # known when it runs

    @property
    def stable_type(self) -> Any:
        """Return the type of the stable part."""
        return TwoPhases[self._element_type]  # type: ignore[name-defined]  # known when it runs

    def nothing(self) -> TwoPhases[E]:
        """Return the empty set that forbids nothing."""
        return TwoPhases()

    def read(self, log: PoLog[Operation[E]], stable: TwoPhases[E]) -> frozenset[E]:
        """Return the elements of both parts that no remove of either part names."""
        return self.settle(stable, log).elements

    def is_redundant(
        self, new: Entry[Operation[E]], state: PureState[Operation[E], TwoPhases[E]]
    ) -> bool:
        """An add of what is removed is, whichever of the two knew the other."""
        operation = new.operation
        if not isinstance(operation, Add):
            return isinstance(operation, Clear)
        return operation.element in state.stable.removed or any(
            isinstance(old.operation, Remove) and old.operation.element == operation.element
            for old in state.unstable
        )

    def gives_way_to_kept(self, old: Entry[Operation[E]], new: Entry[Operation[E]]) -> bool:
        """To a remove all adds of its element give way; to others what they knew and repeat."""
        if isinstance(old.operation, Clear) or isinstance(new.operation, Clear):
            return False
        if old.operation.element != new.operation.element:
            return False
        if isinstance(old.operation, Add) and isinstance(new.operation, Remove):
            return True
        return type(old.operation) is type(new.operation) and old.is_before(new)

    def gives_way_to_redundant(self, old: Entry[Operation[E]], new: Entry[Operation[E]]) -> bool:
        """To `Clear` the adds give way that it knew; to an add of what is removed, nothing."""
        is_cleared = isinstance(new.operation, Clear) and isinstance(old.operation, Add)
        return is_cleared and old.is_before(new)

    def supersede(self, stable: TwoPhases[E], operation: Operation[E]) -> TwoPhases[E]:
        """Take out what the operation puts into the log anew, removes, or clears."""
        if isinstance(operation, Clear):
            return TwoPhases(frozenset(), stable.removed)
        element = frozenset((operation.element,))
        removed = stable.removed
        if isinstance(operation, Remove):
            removed = removed - element
        return TwoPhases(stable.elements - element, removed)

    def settle(self, stable: TwoPhases[E], settled: PoLog[Operation[E]]) -> TwoPhases[E]:
        """Put elements in, and forbid others."""
        operations = [entry.operation for entry in settled]
        added = frozenset(each.element for each in operations if isinstance(each, Add))
        gone = frozenset(each.element for each in operations if isinstance(each, Remove))
        removed = stable.removed | gone
        return TwoPhases((stable.elements | added) - removed, removed)
