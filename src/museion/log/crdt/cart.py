"""A cart: quantities by key, added and taken out at every site; an add wins over a removal.

Source: the observed-remove cart of Eventuate; Shapiro et al., INRIA RR-7506, 2011, section 4.1.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Generic, TypeVar

import msgspec

from museion.base.errors import InvalidInput
from museion.log.crdt.crdt import Stamp, StoredCrdt
from museion.log.event import EventId

E = TypeVar("E", bound=Hashable)

MAX_QUANTITY = 1 << 40
"""Largest quantity that one add may put in; sums of millions of them still have a stored form."""


class InvalidQuantity(InvalidInput):
    """A quantity is not one that a cart can hold."""

    def __init__(self, quantity: int) -> None:
        super().__init__(f"Expected a quantity from 1 to {MAX_QUANTITY}, got {quantity}.")


class PutIn(msgspec.Struct, Generic[E], frozen=True, tag="put-in"):
    """Put a quantity of something in."""

    key: E
    quantity: int = 1


class TakeOut(msgspec.Struct, Generic[E], frozen=True, tag="take-out"):
    """Take all of something out.

    Attributes:
        adds: the adds that give way; `prepare` fills in those that it observes.
    """

    key: E
    adds: tuple[EventId, ...] = ()


class Portion(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one add has put in."""

    add: EventId
    quantity: int


class CartState(msgspec.Struct, Generic[E], frozen=True):
    """For each key what the adds have put in that no removal has taken away; never nothing."""

    portions: dict[E, tuple[Portion, ...]] = {}


class Cart(StoredCrdt[CartState[E], PutIn[E] | TakeOut[E], dict[E, int]]):
    """A `StoredCrdt` whose value maps keys to the sums of their quantities.

    Args:
        key_type: what keys are decoded to; hashable.
        name: stable written name; carts of another key type take another one.
    """

    name = "cart"
    needs_state = True

    def __init__(self, key_type: type[E], *, name: str = name) -> None:
        self.name = name
        self._key_type = key_type

    # Any: see `StoredCrdt`.
    @property
    def state_type(self) -> Any:
        """The type of states."""
        return CartState[self._key_type]  # type: ignore[name-defined]  # known when it runs

    @property
    def operation_type(self) -> Any:
        """The type of operations."""
        return PutIn[self._key_type] | TakeOut[self._key_type]  # type: ignore[name-defined]  # known when it runs

    def zero(self) -> CartState[E]:
        """Return the empty cart."""
        return CartState()

    def value(self, state: CartState[E]) -> dict[E, int]:
        """Return the quantities by key; what is not in the cart is left out."""
        return {
            key: sum(each.quantity for each in portions) for key, portions in state.portions.items()
        }

    def prepare(
        self, state: CartState[E], operation: PutIn[E] | TakeOut[E]
    ) -> PutIn[E] | TakeOut[E] | None:
        """Return a removal with the adds that it observes; None if the key is not there.

        Raises:
            InvalidQuantity: it is not above 0, or too large.
        """
        if isinstance(operation, PutIn):
            if not 0 < operation.quantity <= MAX_QUANTITY:
                raise InvalidQuantity(operation.quantity)
            return operation
        portions = state.portions.get(operation.key)
        if portions is None:
            return None
        return TakeOut(operation.key, tuple(each.add for each in portions))

    def effect(
        self, state: CartState[E], operation: PutIn[E] | TakeOut[E], stamp: Stamp
    ) -> CartState[E]:
        """Return the cart after an operation."""
        known = state.portions.get(operation.key, ())
        if isinstance(operation, PutIn):
            added = (*known, Portion(stamp.id, operation.quantity))
            left = tuple(sorted(added, key=lambda each: (each.add.process_id, each.add.time)))
        else:
            left = tuple(each for each in known if each.add not in operation.adds)
        portions = state.portions.copy()
        if left:
            portions[operation.key] = left
        else:
            portions.pop(operation.key, None)
        return CartState(portions)
