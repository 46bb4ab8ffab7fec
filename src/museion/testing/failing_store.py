"""A real event store that fails by a plan: a seed, and how often what goes wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random

from museion.base.errors import Unavailable
from museion.log.event import Event
from museion.log.event_store import (
    MAX_READ_BYTES,
    EventStore,
    OutcomeUnknown,
    ReadFailed,
    StoreState,
    WriteBatch,
    WriteFailed,
)


class Fault(Enum):
    """What can go wrong with one write."""

    REFUSED = "certainly not written"
    LOST = "unknown, and not written"
    KEPT = "unknown, and written"


class NotRecovered(Unavailable):
    """The store cannot be brought back into working order yet."""

    def __init__(self) -> None:
        super().__init__("The store does not recover yet; the plan says so.")


@dataclass(frozen=True, slots=True)
class FailureRates:
    """How likely each failure is, from 0 to 1; those of a write together at most 1.

    Attributes:
        refused, lost, kept: of a write, as `Fault` says.
        not_recovered: of `recover` after an unknown outcome.
        read_failed: of a read.
    """

    refused: float = 0.0
    lost: float = 0.0
    kept: float = 0.0
    not_recovered: float = 0.0
    read_failed: float = 0.0


HEALTHY = FailureRates()
"""Nothing fails."""


class FailingStore:
    """Passes everything on to the store it wraps, unless the plan lets it fail.

    Safe where the wrapped store is. After an unknown outcome it refuses to write and to be read
    until it was recovered, as a store with a broken connection does.

    Args:
        random: decides, so that the same seed fails alike.

    Attributes:
        rates: may be changed at any time.
        next_faults: what becomes of the next writes, before chance decides; None lets one pass.
        next_recoveries: whether the next calls of `recover` succeed, before chance decides.
        failures: how many calls failed.
    """

    def __init__(
        self, store: EventStore, *, random: Random | None = None, rates: FailureRates = HEALTHY
    ) -> None:
        self._store = store
        self._random = random or Random(0)  # noqa: S311 (repeatable)
        self._broken = False
        self.rates = rates
        self.next_faults: deque[Fault | None] = deque()
        self.next_recoveries: deque[bool] = deque()
        self.failures = 0

    def recover(self) -> StoreState:
        """Pass on, or raise `NotRecovered`."""
        if self._broken:
            recovers = (
                self.next_recoveries.popleft()
                if self.next_recoveries
                else self._random.random() >= self.rates.not_recovered
            )
            if not recovers:
                self.failures += 1
                raise NotRecovered
        self._broken = False
        return self._store.recover()

    def write(self, batch: WriteBatch) -> None:
        """Pass on, or fail."""
        self._do(lambda: self._store.write(batch))

    def mark_deleted(self, to: int) -> None:
        """Pass on, or fail."""
        self._do(lambda: self._store.mark_deleted(to))

    def remove(self, to: int, chain: Mapping[str, bytes]) -> None:
        """Pass on, or fail."""
        self._do(lambda: self._store.remove(to, chain))

    def read(
        self,
        *,
        after: int = 0,
        limit: int,
        aggregate_id: str | None = None,
        max_bytes: int = MAX_READ_BYTES,
    ) -> Sequence[Event]:
        """Pass on, or raise `ReadFailed`."""
        self._require_readable()
        return self._store.read(
            after=after, limit=limit, aggregate_id=aggregate_id, max_bytes=max_bytes
        )

    def aggregate_ids(self, *, after: str = "", limit: int) -> Sequence[str]:
        """Pass on, or raise `ReadFailed`."""
        self._require_readable()
        return self._store.aggregate_ids(after=after, limit=limit)

    def progress(self, name: str) -> int:
        """Pass on, or raise `ReadFailed`."""
        self._require_readable()
        return self._store.progress(name)

    def all_progress(self) -> Mapping[str, int]:
        """Pass on, or raise `ReadFailed`."""
        self._require_readable()
        return self._store.all_progress()

    def close(self) -> None:
        """Pass on."""
        self._store.close()

    def _do(self, work: Callable[[], None]) -> None:
        fault = self._fault()
        if fault is not None:
            self.failures += 1
        if fault is Fault.REFUSED:
            raise WriteFailed("the plan says so")
        if fault is not Fault.LOST:
            work()
        if fault is not None:
            self._broken = True
            raise OutcomeUnknown("the plan says so")

    def _fault(self) -> Fault | None:
        if self._broken:
            return Fault.REFUSED
        if self.next_faults:
            return self.next_faults.popleft()
        drawn = self._random.random()
        for fault, rate in (
            (Fault.REFUSED, self.rates.refused),
            (Fault.LOST, self.rates.lost),
            (Fault.KEPT, self.rates.kept),
        ):
            if drawn < rate:
                return fault
            drawn -= rate
        return None

    def _require_readable(self) -> None:
        if self._broken or self._random.random() < self.rates.read_failed:
            self.failures += 1
            raise ReadFailed("the plan says so")
