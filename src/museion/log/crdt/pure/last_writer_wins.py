"""A last-writer-wins register as a pure CRDT.

A write wins over all writes that it knew. Of concurrent ones the later wall clock wins, then the
larger creator. Several concurrent writes may become stable at different moments at different sites,
so the stable one keeps its wall clock and its creator: without them a site could not tell whether a
write that is still in its PO-Log is the later one. (The original forgets them, so that its replicas
may come to different winners.)

Source: Baquero, Almeida, Shoker, arXiv 1710.04469, 2017, gives no PO-Log form of this register that
uses a clock; the relations are those of its multi-value register.
"""

from __future__ import annotations

from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from museion.log.crdt.pure.multi_value import Assign
from museion.log.crdt.pure.po_log import Entry, PoLog
from museion.log.crdt.pure.pure_crdt import Clear, PureCrdt

T = TypeVar("T")

Operation: TypeAlias = Assign[T] | Clear


class Candidate(msgspec.Struct, Generic[T], frozen=True, array_like=True):
    """A write that may be the last one, with what tells it among concurrent ones."""

    value: T
    time_ms: int
    creator: str

    @property
    def rank(self) -> tuple[int, str]:
        """What orders concurrent writes; one creator's writes are never concurrent."""
        return self.time_ms, self.creator


class PureLastWriterWins(PureCrdt[Operation[T], Candidate[T] | None, T | None]):
    """Its value is the last one written, None before the first and when all are cleared.

    Args:
        value_type: what values are decoded to.
        name: stable written name; registers of another value type take another one.
    """

    def __init__(self, value_type: type[T], *, name: str = "pure-last-writer-wins") -> None:
        super().__init__(name)
        self._value_type = value_type

    # Any: see `PureCrdt`.
    @property
    def operation_type(self) -> Any:
        """Return the type of operations."""
        return Operation[self._value_type]  # type: ignore[misc,name-defined]  # known when it runs

    @property
    def stable_type(self) -> Any:
        """Return the type of the stable write."""
        return Candidate[self._value_type] | None  # type: ignore[name-defined]  # known when it runs

    def nothing(self) -> Candidate[T] | None:
        """Return no write."""
        return None

    def read(self, log: PoLog[Operation[T]], stable: Candidate[T] | None) -> T | None:
        """Return the winner of both parts."""
        winner = self.settle(stable, log)
        return None if winner is None else winner.value

    def gives_way_to_kept(self, old: Entry[Operation[T]], new: Entry[Operation[T]]) -> bool:
        """A write gives way to all that knew it."""
        return old.is_before(new)

    def supersede(
        self, stable: Candidate[T] | None, operation: Operation[T]
    ) -> Candidate[T] | None:
        """Return no write: the operation knew it."""
        return None

    def settle(
        self, stable: Candidate[T] | None, settled: PoLog[Operation[T]]
    ) -> Candidate[T] | None:
        """Return the winner. Whoever knows one stable write knows all, so the others may go."""
        writes = [] if stable is None else [stable]
        for entry in settled:
            if isinstance(write := entry.operation, Assign):
                writes.append(Candidate(write.value, entry.stamp.time_ms, entry.stamp.creator))
        return max(writes, key=lambda each: each.rank, default=None)
