"""An add-wins set as a pure CRDT: an add survives every remove that did not know it.

Source: Baquero, Almeida, Shoker, arXiv 1710.04469, 2017, the specification of the add-wins set in
the portfolio, with its `clear`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from museion.log.crdt.pure.po_log import Entry, PoLog, PureState
from museion.log.crdt.pure.pure_crdt import Clear, PureCrdt

E = TypeVar("E", bound=Hashable)


class Add(msgspec.Struct, Generic[E], frozen=True, tag="add"):
    """Put an element in."""

    element: E


class Remove(msgspec.Struct, Generic[E], frozen=True, tag="remove"):
    """Take an element out. Unlike in the op-based set it names no adds: its stamp tells them."""

    element: E


Operation: TypeAlias = Add[E] | Remove[E] | Clear


class PureAddWinsSet(PureCrdt[Operation[E], frozenset[E], frozenset[E]]):
    """Its value is the set of elements. An effect on n stable elements is O(n) at most.

    Args:
        element_type: what elements are decoded to; hashable.
        name: stable written name; sets of another element type take another one.
    """

    def __init__(self, element_type: type[E], *, name: str = "pure-add-wins-set") -> None:
        super().__init__(name)
        self._element_type = element_type

    # Any: see `PureCrdt`.
    @property
    def operation_type(self) -> Any:
        """Return the type of operations."""
        return Operation[self._element_type]  # type: ignore[misc,name-defined]  # known when it runs

    @property
    def stable_type(self) -> Any:
        """Return the type of the stable elements."""
        return frozenset[self._element_type]  # type: ignore[name-defined]  # known when it runs

    def nothing(self) -> frozenset[E]:
        """Return the empty set."""
        return frozenset()

    def read(self, log: PoLog[Operation[E]], stable: frozenset[E]) -> frozenset[E]:
        """Return the elements of both parts."""
        return self.settle(stable, log)

    def is_redundant(
        self, new: Entry[Operation[E]], state: PureState[Operation[E], frozenset[E]]
    ) -> bool:
        """Only adds are kept."""
        return not isinstance(new.operation, Add)

    def gives_way_to_kept(self, old: Entry[Operation[E]], new: Entry[Operation[E]]) -> bool:
        """An add gives way to what knew it and is about the same element, or about all."""
        return _same(old.operation, new.operation) and old.is_before(new)

    def supersede(self, stable: frozenset[E], operation: Operation[E]) -> frozenset[E]:
        """Take the element out. An add puts it into the log anew."""
        if isinstance(operation, Clear):
            return frozenset()
        return stable - {operation.element} if operation.element in stable else stable

    def settle(self, stable: frozenset[E], settled: PoLog[Operation[E]]) -> frozenset[E]:
        """Put the elements in."""
        return stable.union(e.operation.element for e in settled if isinstance(e.operation, Add))


def _same(old: Operation[E], new: Operation[E]) -> bool:
    if isinstance(new, Clear) or isinstance(old, Clear):
        return True
    return old.element == new.element
