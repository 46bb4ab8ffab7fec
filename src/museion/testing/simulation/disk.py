"""The disk of a site: what is on it survives the program; what was not flushed may not.

The stores on it keep the contract of `museion.log.event_store`: a batch is there whole or not at
all. Power may fail at every step of a write: before it, before it is flushed, and before anybody is
told that it was. The whole disk can be lost, or set back to an older copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol, TypeAlias

from museion.log.event import Event
from museion.log.event_store import MAX_READ_BYTES, StoreState, WriteBatch
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.protocol import LinkState
from museion.log.snapshots import MemorySnapshotStore
from museion.testing.simulation.life import Life, PowerLost


@dataclass(frozen=True, slots=True)
class Deleted:
    """Events up to a number were marked as deleted."""

    to: int


@dataclass(frozen=True, slots=True)
class Removed:
    """Events up to a number were removed."""

    to: int
    chain: Mapping[str, bytes]


Entry: TypeAlias = WriteBatch | Deleted | Removed
"""One durable change of a store."""


class DiskObserver(Protocol):
    """Who sees what gets to a disk; raises where it must not."""

    def mounted(self, log_id: str, journal: Sequence[Entry]) -> None:
        """A program opened the store of a log, and this is all that was ever written to it."""

    def written(self, log_id: str, entry: Entry) -> None:
        """A change is on disk."""


@dataclass
class StoredLog:
    """All changes of one store, in order.

    Attributes:
        flushed: how many of them survive a loss of power for certain.
    """

    journal: list[Entry] = field(default_factory=list)
    flushed: int = 0


@dataclass(frozen=True, slots=True)
class DiskCopy:
    """What was on a disk when it was copied."""

    journals: Mapping[str, Sequence[Entry]]
    topology: tuple[LinkState, ...]


class SimulatedDisk:
    """Everything that a site keeps.

    Args:
        chance: decides what becomes of a change that was under way when the power failed.

    Attributes:
        steps_left: after how many more steps of writes the power fails; None for never.
        on_power_lost: called then, once.
    """

    def __init__(self, chance: Random, observer: DiskObserver) -> None:
        self._chance = chance
        self.observer = observer
        self._logs: dict[str, StoredLog] = {}
        self.topology: tuple[LinkState, ...] = ()
        self.snapshots: dict[str, MemorySnapshotStore] = {}
        self.steps_left: int | None = None
        self.on_power_lost: Callable[[], None] = lambda: None

    def store(self, log_id: str, life: Life) -> SimulatedStore:
        """Open the store of a log for one life; made when it is not there."""
        kept = self._logs.setdefault(log_id, StoredLog())
        self.observer.mounted(log_id, kept.journal)
        return SimulatedStore(self, log_id, kept, life)

    def topology_store(self, life: Life) -> SimulatedTopologyStore:
        """Open what the endpoint knows of connections, for one life."""
        return SimulatedTopologyStore(self, life)

    def snapshot_store(self, name: str) -> MemorySnapshotStore:
        """Open snapshots. They are durable when they are saved."""
        return self.snapshots.setdefault(name, MemorySnapshotStore())

    def journal(self, log_id: str) -> Sequence[Entry]:
        """Return all changes of a store."""
        return self._logs[log_id].journal if log_id in self._logs else ()

    def step(self) -> None:
        """Take one step of a write. Raises `PowerLost` where it is the last one."""
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left <= 0:
                self.steps_left = None
                self.on_power_lost()
                raise PowerLost("the power failed in the middle of a write")

    def power_lost(self) -> None:
        """Forget what was not flushed, or keep the beginning of it, by chance."""
        self.steps_left = None
        for kept in self._logs.values():
            unflushed = len(kept.journal) - kept.flushed
            del kept.journal[kept.flushed + self._chance.randint(0, unflushed) :]
            kept.flushed = len(kept.journal)

    def copy(self) -> DiskCopy:
        """Return a backup of what is flushed; snapshots are no part of it."""
        journals = {name: tuple(kept.journal[: kept.flushed]) for name, kept in self._logs.items()}
        return DiskCopy(journals, self.topology)

    def set_back(self, copy: DiskCopy, *, keep_snapshots: bool = False) -> None:
        """Set everything back to a backup; to nothing where there is nothing in it.

        Args:
            keep_snapshots: only the logs are set back, as where snapshots lie on another disk.
        """
        self._logs = {
            name: StoredLog(list(journal), len(journal)) for name, journal in copy.journals.items()
        }
        self.topology = copy.topology
        if not keep_snapshots:
            self.snapshots.clear()


class SimulatedStore:
    """An event store on a simulated disk; see `museion.log.event_store`."""

    def __init__(self, disk: SimulatedDisk, log_id: str, kept: StoredLog, life: Life) -> None:
        self._disk = disk
        self._log_id = log_id
        self._kept = kept
        self._life = life
        self._memory = MemoryEventStore(log_id=log_id)
        for entry in kept.journal:
            _apply(self._memory, entry)

    def recover(self) -> StoreState:
        """Return the state after the last batch."""
        self._life.require_alive()
        return self._memory.recover()

    def write(self, batch: WriteBatch) -> None:
        """Keep a batch, all or nothing."""
        self._change(batch)

    def mark_deleted(self, to: int) -> None:
        """Keep `to` as `StoreState.deleted_to`."""
        self._change(Deleted(to))

    def remove(self, to: int, chain: Mapping[str, bytes]) -> None:
        """Remove all events up to `to`."""
        self._change(Removed(to, chain))

    def read(
        self,
        *,
        after: int = 0,
        limit: int,
        aggregate_id: str | None = None,
        max_bytes: int = MAX_READ_BYTES,
    ) -> Sequence[Event]:
        """Return at most `limit` events above `after`, in order."""
        self._life.require_alive()
        return self._memory.read(
            after=after, limit=limit, aggregate_id=aggregate_id, max_bytes=max_bytes
        )

    def progress(self, name: str) -> int:
        """Return the last stored progress of a reader, 0 when there is none."""
        self._life.require_alive()
        return self._memory.progress(name)

    def all_progress(self) -> Mapping[str, int]:
        """Return the progress of every reader, by its name."""
        self._life.require_alive()
        return self._memory.all_progress()

    def aggregate_ids(self, *, after: str = "", limit: int) -> Sequence[str]:
        """Return at most `limit` ids of aggregates above `after`."""
        self._life.require_alive()
        return self._memory.aggregate_ids(after=after, limit=limit)

    def close(self) -> None:
        """Do nothing: what is on disk stays there."""

    def _change(self, entry: Entry) -> None:
        self._life.require_alive()
        self._disk.step()  # power may fail before anything is written,
        _apply(self._memory, entry)
        self._kept.journal.append(entry)
        self._disk.step()  # before it is flushed,
        self.flush()
        self._disk.observer.written(self._log_id, entry)
        self._disk.step()  # or before anybody hears that it was

    def flush(self) -> None:
        """Make everything durable that was written."""
        self._kept.flushed = len(self._kept.journal)


class SimulatedTopologyStore:
    """Keeps what an endpoint knows of connections on a simulated disk."""

    def __init__(self, disk: SimulatedDisk, life: Life) -> None:
        self._disk = disk
        self._life = life

    def load(self) -> tuple[LinkState, ...]:
        """Return what was saved last."""
        return self._disk.topology

    def save(self, states: tuple[LinkState, ...]) -> None:
        """Keep it."""
        if self._life.is_alive:
            self._disk.topology = states


def _apply(store: MemoryEventStore, entry: Entry) -> None:
    match entry:
        case Deleted(to):
            store.mark_deleted(to)
        case Removed(to, chain):
            store.remove(to, chain)
        case _:
            store.write(entry)
