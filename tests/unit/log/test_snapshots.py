"""Snapshots and their retention as values, and the store in memory."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from museion.log.snapshots import (
    InvalidRetention,
    MemorySnapshotStore,
    Retention,
    Snapshot,
    SnapshotStore,
)
from museion.testing.contracts.snapshot_store import (
    SnapshotStoreContract,
    numbers,
    snapshot_at,
)


class TestMemorySnapshotStore(SnapshotStoreContract):
    def open(self, folder: Path) -> SnapshotStore:
        return MemorySnapshotStore()


def test_a_memory_store_keeps_its_snapshots_when_it_is_closed() -> None:
    store = MemorySnapshotStore()
    store.save(snapshot_at(1))
    store.close()
    assert numbers(store) == [1]


def test_a_snapshot_of_a_later_program_with_more_fields_can_be_read() -> None:
    fields = msgspec.to_builtins(snapshot_at(1), builtin_types=(bytes,))
    later = msgspec.msgpack.encode({**fields, "a_later_field": 1})
    assert msgspec.msgpack.decode(later, type=Snapshot).sequence_nr == 1


def test_a_snapshot_with_the_required_fields_only_can_be_read() -> None:
    stored = msgspec.msgpack.encode(
        {
            "emitter_id": "emitter",
            "log_id": "here",
            "sequence_nr": 3,
            "type_name": "test.state",
            "form": 1,
            "state": b"state",
            "version": [{"here": 3}],
            "last_handled": ["here", 3],
            "saved_at_ms": 5,
        }
    )
    read = msgspec.msgpack.decode(stored, type=Snapshot)
    assert (read.deliveries, read.pending, read.subject_key_ids) == (b"", b"", ())


def test_a_snapshot_is_due_after_every_so_many_events() -> None:
    retention = Retention(every_events=10)
    assert [number for number in range(13) if retention.is_due(number)] == [10, 11, 12]


def test_three_snapshots_stay_unless_told_otherwise() -> None:
    assert Retention().keep == 3


@pytest.mark.parametrize(("every_events", "keep"), [(0, 3), (10, 0), (-1, 1)])
def test_a_retention_that_saves_never_or_keeps_nothing_is_refused(
    every_events: int, keep: int
) -> None:
    with pytest.raises(InvalidRetention):
        Retention(every_events, keep)
