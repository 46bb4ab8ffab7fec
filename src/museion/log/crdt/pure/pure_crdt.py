"""What all pure CRDTs share: the PO-Log, its compaction by redundancy, and by causal stability.

A type tells three things of redundancy (the letters are those of the paper):

- `is_redundant` (R): the new operation need not be kept;
- `gives_way_to_redundant` (R0): which old operations go because of a new one that is not kept;
- `gives_way_to_kept` (R1): which old operations go because of a new one that is kept.

Law: whatever the moments at which operations become stable, the value is the one that follows from
all operations and their stamps. And sites that have the same operations and the same stable vector
time have equal states. For this every operation has to do to the stable part, all of which its
author had seen, what the relations do to old operations: `supersede`.

Source: Baquero, Almeida, Shoker, arXiv 1710.04469, 2017, the sections on the PO-Log, on causal
redundancy and on causal stability. Departures: the stable part is a plain value of the type instead
of operations with an empty timestamp; `clear` also for counters and carts; and `prepare` refuses
arguments that make no sense, though it never changes an operation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import msgspec

from museion.log.crdt.crdt import Stamp
from museion.log.crdt.pure.po_log import Entry, PoLog, PureState, parted, with_entry
from museion.log.vector_time import VectorTime

O = TypeVar("O")  # noqa: E741 (an operation)
B = TypeVar("B")
V = TypeVar("V")


class Clear(msgspec.Struct, frozen=True, tag="clear"):
    """Remove all that the author had seen; what is added concurrently stays."""


class PureCrdt(ABC, Generic[O, B, V]):
    """A `StoredCrdt` of operations O, a stable part B and a value V.

    Args:
        name: stable written name of the type; two types of one log never share one.
    """

    needs_state = False

    def __init__(self, name: str) -> None:
        self.name = name

    # Any: whatever msgspec decodes to, which may be a union.
    @property
    @abstractmethod
    def operation_type(self) -> Any:
        """What the stored form of an operation is decoded to."""

    @property
    @abstractmethod
    def stable_type(self) -> Any:
        """What the stored form of the stable part is decoded to."""

    @property
    def state_type(self) -> Any:
        """What the stored form of a state is decoded to."""
        return PureState[self.operation_type, self.stable_type]  # type: ignore[name-defined]  # known when it runs

    def zero(self) -> PureState[O, B]:
        """Return the state before the first operation."""
        return PureState((), self.nothing())

    def value(self, state: PureState[O, B]) -> V:
        """Return what people ask for: a function of both parts of the state."""
        return self.read(state.unstable, state.stable)

    def prepare(self, state: PureState[O, B], operation: O) -> O | None:
        """Return the operation as it is. A type may raise `InvalidInput`."""
        return operation

    def effect(self, state: PureState[O, B], operation: O, stamp: Stamp) -> PureState[O, B]:
        """Return the state after an operation. O(operations that are not stable)."""
        new = Entry(operation, stamp)
        redundant = self.is_redundant(new, state)
        gives_way = self.gives_way_to_redundant if redundant else self.gives_way_to_kept
        log = tuple(old for old in state.unstable if not gives_way(old, new))
        if not redundant:
            log = with_entry(log, new)
        return PureState(log, self.supersede(state.stable, operation))

    def stabilise(self, state: PureState[O, B], stable: VectorTime) -> PureState[O, B]:
        """Move the operations that `stable` covers to the stable part; they lose their stamps.

        The caller vouches that every operation which is still to come knew all that it covers.
        """
        unstable, settled = parted(state.unstable, stable)
        return PureState(unstable, self.settle(state.stable, settled)) if settled else state

    # What a type tells

    @abstractmethod
    def nothing(self) -> B:
        """Return the stable part before the first operation."""

    @abstractmethod
    def read(self, log: PoLog[O], stable: B) -> V:
        """Return the value."""

    def is_redundant(self, new: Entry[O], state: PureState[O, B]) -> bool:
        """Tell whether a new operation need not be kept (R)."""
        return isinstance(new.operation, Clear)

    @abstractmethod
    def gives_way_to_kept(self, old: Entry[O], new: Entry[O]) -> bool:
        """Tell whether an old operation goes because of a new one that is kept (R1)."""

    def gives_way_to_redundant(self, old: Entry[O], new: Entry[O]) -> bool:
        """Tell whether an old operation goes because of a new one that is not kept (R0)."""
        return self.gives_way_to_kept(old, new)

    @abstractmethod
    def supersede(self, stable: B, operation: O) -> B:
        """Return what a new operation leaves of the stable part, all of which it knew."""

    @abstractmethod
    def settle(self, stable: B, settled: PoLog[O]) -> B:
        """Return the stable part with operations that have become stable."""
