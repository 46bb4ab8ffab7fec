"""A multi-value register as a pure CRDT: concurrent values stay until a write that knew them.

Source: Baquero, Almeida, Shoker, arXiv 1710.04469, 2017, the specification of the multi-value
register in the portfolio, with its `clear`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from museion.log.crdt.pure.po_log import Entry, PoLog
from museion.log.crdt.pure.pure_crdt import Clear, PureCrdt

T = TypeVar("T")

_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


class Assign(msgspec.Struct, Generic[T], frozen=True, tag="assign"):
    """Write a value over all that the author had seen."""

    value: T


Operation: TypeAlias = Assign[T] | Clear


class PureMultiValue(PureCrdt[Operation[T], tuple[T, ...], tuple[T, ...]]):
    """Its value is each concurrent value once, in an order that is the same at all sites.

    Args:
        value_type: what values are decoded to.
        name: stable written name; registers of another value type take another one.
    """

    def __init__(self, value_type: type[T], *, name: str = "pure-multi-value") -> None:
        super().__init__(name)
        self._value_type = value_type

    # Any: see `PureCrdt`.
    @property
    def operation_type(self) -> Any:
        """Return the type of operations."""
        return Operation[self._value_type]  # type: ignore[misc,name-defined]  # known when it runs

    @property
    def stable_type(self) -> Any:
        """Return the type of the stable values."""
        return tuple[self._value_type, ...]  # type: ignore[name-defined]  # known when it runs

    def nothing(self) -> tuple[T, ...]:
        """Return no value."""
        return ()

    def read(self, log: PoLog[Operation[T]], stable: tuple[T, ...]) -> tuple[T, ...]:
        """Return the values of both parts."""
        return self.settle(stable, log)

    def gives_way_to_kept(self, old: Entry[Operation[T]], new: Entry[Operation[T]]) -> bool:
        """A write gives way to all that knew it."""
        return old.is_before(new)

    def supersede(self, stable: tuple[T, ...], operation: Operation[T]) -> tuple[T, ...]:
        """Return no value: the operation knew them all."""
        return ()

    def settle(self, stable: tuple[T, ...], settled: PoLog[Operation[T]]) -> tuple[T, ...]:
        """Put the values beside each other."""
        written = [e.operation.value for e in settled if isinstance(e.operation, Assign)]
        return distinct_sorted((*stable, *written))


def distinct_sorted(values: Iterable[T]) -> tuple[T, ...]:
    """Return each value once, by the order of their stored forms; they need not be hashable."""
    by_form = {_ENCODER.encode(value): value for value in values}
    return tuple(by_form[form] for form in sorted(by_form))
