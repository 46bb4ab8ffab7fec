"""An add-wins cart as a pure CRDT: the quantities of all adds that no remove knew are summed up.

No type of the paper: an add-wins set whose adds do not make each other redundant.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from museion.base.errors import InvalidInput
from museion.log.crdt.pure.add_wins_set import Remove
from museion.log.crdt.pure.po_log import Entry, PoLog, PureState
from museion.log.crdt.pure.pure_crdt import Clear, PureCrdt

K = TypeVar("K", bound=Hashable)

MAX_PIECES = 1 << 40
"""Most pieces in one add: eight million of them still fit the stored form of a sum."""


class Put(msgspec.Struct, Generic[K], frozen=True, tag="put"):
    """Put some pieces of an item in."""

    item: K
    quantity: int = 1


Operation: TypeAlias = Put[K] | Remove[K] | Clear


class QuantityOutOfRange(InvalidInput):
    """Something else than a number of pieces is to be put into a cart; nothing was written."""

    def __init__(self, quantity: int) -> None:
        super().__init__(
            f"Expected a quantity from 1 to {MAX_PIECES}, got {quantity}.",
            remedy="To take an item out, remove it.",
        )


class PureCart(PureCrdt[Operation[K], dict[K, int], Mapping[K, int]]):
    """Its value is the number of pieces of each item, all above 0.

    Args:
        item_type: what items are decoded to; hashable.
        name: stable written name; carts of another item type take another one.
    """

    def __init__(self, item_type: type[K], *, name: str = "pure-cart") -> None:
        super().__init__(name)
        self._item_type = item_type

    # Any: see `PureCrdt`.
    @property
    def operation_type(self) -> Any:
        """Return the type of operations."""
        return Operation[self._item_type]  # type: ignore[misc,name-defined]  # known when it runs

    @property
    def stable_type(self) -> Any:
        """Return the type of the stable quantities."""
        return dict[self._item_type, int]  # type: ignore[name-defined]  # known when it runs

    def prepare(
        self, state: PureState[Operation[K], dict[K, int]], operation: Operation[K]
    ) -> Operation[K] | None:
        """Return the operation as it is. Raises `QuantityOutOfRange`."""
        if isinstance(operation, Put) and not 1 <= operation.quantity <= MAX_PIECES:
            raise QuantityOutOfRange(operation.quantity)
        return operation

    def nothing(self) -> dict[K, int]:
        """Return the empty cart."""
        return {}

    def read(self, log: PoLog[Operation[K]], stable: dict[K, int]) -> Mapping[K, int]:
        """Return the sums over both parts."""
        return self.settle(stable, log)

    def is_redundant(
        self, new: Entry[Operation[K]], state: PureState[Operation[K], dict[K, int]]
    ) -> bool:
        """Only what is put in is kept."""
        return not isinstance(new.operation, Put)

    def gives_way_to_kept(self, old: Entry[Operation[K]], new: Entry[Operation[K]]) -> bool:
        """What was put in gives way to what knew it and takes the item, or all, out."""
        operation = new.operation
        if isinstance(operation, Put) or not old.is_before(new):
            return False
        return isinstance(operation, Clear) or _item(old.operation) == operation.element

    def supersede(self, stable: dict[K, int], operation: Operation[K]) -> dict[K, int]:
        """Take the item out."""
        if isinstance(operation, Clear):
            return {}
        if isinstance(operation, Put) or operation.element not in stable:
            return stable
        return {item: count for item, count in stable.items() if item != operation.element}

    def settle(self, stable: dict[K, int], settled: PoLog[Operation[K]]) -> dict[K, int]:
        """Sum up the pieces of each item."""
        sums = stable.copy()
        for entry in settled:
            if isinstance(put := entry.operation, Put):
                sums[put.item] = sums.get(put.item, 0) + put.quantity
        return sums


def _item(operation: Operation[K]) -> K | None:
    return operation.item if isinstance(operation, Put) else None
