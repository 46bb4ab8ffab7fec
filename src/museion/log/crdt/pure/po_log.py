"""The PO-Log: the operations of one instance that are not causally stable yet, with their stamps.

Source: Baquero, Almeida, Shoker, "Pure operation-based replicated data types", arXiv 1710.04469,
2017, the section on the PO-Log. There it is a set; here it is a tuple in the order of the
operations' identities, so that equal logs are equal, and encoded alike, in whatever order they
came.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Generic, TypeAlias, TypeVar

import msgspec

from museion.log.crdt.crdt import Stamp
from museion.log.vector_time import VectorTime

O = TypeVar("O")  # noqa: E741 (an operation)
B = TypeVar("B")


class Entry(msgspec.Struct, Generic[O], frozen=True, array_like=True):
    """An operation, and when and where it was written."""

    operation: O
    stamp: Stamp

    def is_before(self, later: Entry[O]) -> bool:
        """Tell whether the author of `later` had seen this operation."""
        return self.stamp.vector_timestamp < later.stamp.vector_timestamp


PoLog: TypeAlias = tuple[Entry[O], ...]
"""Entries by rising identity, each identity once."""


class PureState(msgspec.Struct, Generic[O, B], frozen=True):
    """The state of one instance.

    Attributes:
        unstable: operations to which concurrent ones may still come.
        stable: what the other operations came to. All that still comes knew them all, so they
            need no stamps.
    """

    unstable: PoLog[O]
    stable: B


def with_entry(log: PoLog[O], new: Entry[O]) -> PoLog[O]:
    """Return the log with one more entry. O(entries)."""
    at = bisect_left(log, _identity(new), key=_identity)
    return (*log[:at], new, *log[at:])


def parted(log: PoLog[O], stable: VectorTime) -> tuple[PoLog[O], PoLog[O]]:
    """Return the entries that a stable vector time does not cover, and those that it covers."""
    covered = [entry.stamp.vector_timestamp <= stable for entry in log]
    if not any(covered):
        return log, ()
    together = list(zip(log, covered, strict=True))
    return tuple(e for e, is_in in together if not is_in), tuple(
        e for e, is_in in together if is_in
    )


def _identity(entry: Entry[O]) -> tuple[str, int]:
    creator = entry.stamp.creator
    return creator, entry.stamp.vector_timestamp.local_time(creator)
