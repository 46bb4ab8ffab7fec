"""What every event store must do. Inherit a suite, say how a store is opened, and run it.

class TestMyStore(DurableEventStoreContract):
    def open(self, folder: Path) -> EventStore:
        return MyStore(folder)

    def damage(self, folder: Path, event: Event) -> None:
        ...

`EventStoreContract` is for any store, `DurableEventStoreContract` for one that outlives its
process. The promises themselves stand in `museion.log.event_store`; the how-to "Write an event
store" leads through a whole one.
"""

# ruff: noqa: D102 (the name of a test is its claim)

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from museion.base.errors import Conflict
from museion.log.event import Event
from museion.log.event_store import DamagedEvent, EventStore
from museion.log.memory_store import MemoryEventStore
from museion.testing.contracts.event_store_deletion import DeletionContract, some_events
from museion.testing.contracts.event_store_reading import ReadingContract
from museion.testing.contracts.event_store_samples import (
    ALL,
    batch,
    full_event,
    heads,
    held_by,
    numbers,
    stored_event,
)
from museion.testing.contracts.event_store_writing import WritingContract

__all__ = [
    "DurableEventStoreContract",
    "EventStoreContract",
    "batch",
    "full_event",
    "held_by",
    "numbers",
    "stored_event",
]

# Each store inherits the laws, so they run as several test classes.
_LAW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.differing_executors]
)
_STEPS = st.one_of(
    st.lists(st.integers(0, 3), min_size=1, max_size=5),  # write events of these aggregates
    st.sampled_from(["mark", "remove", "progress", "open again"]),
)


class EventStoreContract(WritingContract, ReadingContract, DeletionContract):
    """For every store, durable or not.

    A test opens stores in folders of its own. What `open` returns for the same folder is the same
    log, and for two folders two logs; a store that keeps nothing in folders takes their paths as
    names. A store is closed before its folder is opened again.
    """

    def open(self, folder: Path) -> EventStore:
        """Open the store in a folder, new or as it was left there."""
        raise NotImplementedError

    @_LAW
    @given(
        sizes=st.lists(st.integers(0, 5), max_size=6),
        page=st.integers(1, 4),
        aggregates=st.integers(1, 3),
    )
    def test_pages_of_any_size_give_exactly_what_was_written(
        self, sizes: list[int], page: int, aggregates: int
    ) -> None:
        written: list[Event] = []
        with tempfile.TemporaryDirectory() as folder, closing(self.open(Path(folder))) as store:
            for size in sizes:
                first = len(written) + 1
                events = [
                    stored_event(number, aggregate_id=f"a{number % aggregates}")
                    for number in range(first, first + size)
                ]
                written += held_by(store, *events)
                store.write(batch(*written[first - 1 :]))
            assert _paged(store, page, None) == written
            expected = [event for event in written if event.aggregate_id == "a0"]
            assert _paged(store, page, "a0") == expected


class DurableEventStoreContract(EventStoreContract):
    """For stores that outlive their process."""

    def damage(self, folder: Path, event: Event) -> None:
        """Change one byte of the stored form of an event, behind the back of the closed store."""
        raise NotImplementedError

    def test_all_is_there_when_the_store_is_opened_again(self, tmp_path: Path) -> None:
        first = stored_event(1, aggregate_id="x")
        second = stored_event(2, destinations=("x",))
        with closing(self.open(tmp_path)) as store:
            events = held_by(store, first, second, full_event(3))
            store.write(batch(*events, reader=2))
            state = store.recover()
        with closing(self.open(tmp_path)) as store:
            assert store.recover() == state
            assert list(store.read(limit=ALL)) == events
            assert list(store.read(limit=ALL, aggregate_id="x")) == events[:2]
            assert list(store.aggregate_ids(limit=ALL)) == ["asset", "one", "two", "x"]
            assert dict(store.all_progress()) == {"reader": 2}
            store.write(batch(stored_event(4, aggregate_id="x")))
            assert numbers(store.read(limit=ALL, aggregate_id="x")) == [1, 2, 4]

    def test_a_mark_and_a_removal_are_there_when_the_store_is_opened_again(
        self, tmp_path: Path
    ) -> None:
        events = some_events()
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*events))
            store.mark_deleted(5)
            store.remove(4, heads(*events[:4]))
            state = store.recover()
        with closing(self.open(tmp_path)) as store:
            assert store.recover() == state
            assert (state.deleted_to, state.removed_to) == (5, 4)
            assert numbers(store.read(limit=ALL)) == [5, 6]
            assert numbers(store.read(limit=ALL, aggregate_id="x")) == [6]
            assert list(store.aggregate_ids(limit=ALL)) == ["gone", "x", "y"]

    def test_one_changed_byte_is_found_and_named(self, tmp_path: Path) -> None:
        events = [stored_event(number, payload=f"payload {number}".encode()) for number in (1, 2)]
        events.append(stored_event(3, aggregate_id="x", payload=b"payload 3"))
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*events))
        self.damage(tmp_path, events[2])
        with closing(self.open(tmp_path)) as store:
            assert numbers(store.read(limit=2)) == [1, 2]
            for aggregate_id in (None, "x"):
                with pytest.raises(DamagedEvent, match="Event 3 ") as found:
                    store.read(limit=ALL, aggregate_id=aggregate_id)
                assert found.value.sequence_nr == 3

    def test_a_second_opening_is_refused_until_the_first_is_closed(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            with pytest.raises(Conflict):
                self.open(tmp_path)
            store.write(batch(stored_event(1)))
        self.open(tmp_path).close()

    @_LAW
    @given(steps=st.lists(_STEPS, max_size=8))
    def test_any_history_leaves_the_same_as_in_the_plainest_store(
        self, steps: list[list[int] | str]
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = self.open(Path(folder))
            try:
                model = MemoryEventStore(log_id=store.recover().log_id)
                for step in steps:
                    if step == "open again":
                        store.close()
                        store = self.open(Path(folder))
                    _take(step, store, model)
                _assert_alike(store, model)
            finally:
                store.close()


def _take(step: list[int] | str, *stores: EventStore) -> None:
    """Take the same step in each store."""
    for store in stores:
        last = store.recover().sequence_nr
        if isinstance(step, list):
            events = [
                stored_event(number, aggregate_id=f"a{each}", destinations=("x",) * (each % 2))
                for number, each in enumerate(step, last + 2)
            ]
            store.write(batch(*held_by(store, *events), reader=last))
        elif step == "progress":
            store.write(batch(reader=last, other=1))
        elif step == "mark":
            store.mark_deleted(last)
        elif step == "remove" and last > store.recover().removed_to + 1:
            store.remove(last - 1, {"here": last.to_bytes(32)})


def _assert_alike(one: EventStore, other: EventStore) -> None:
    assert one.recover() == other.recover()
    assert dict(one.all_progress()) == dict(other.all_progress())
    assert list(one.aggregate_ids(limit=ALL)) == list(other.aggregate_ids(limit=ALL))
    for aggregate_id in (None, "a0", "a1", "a2", "a3", "x"):
        found = one.read(limit=ALL, aggregate_id=aggregate_id)
        assert list(found) == list(other.read(limit=ALL, aggregate_id=aggregate_id))


def _paged(store: EventStore, page: int, aggregate_id: str | None) -> list[Event]:
    found: list[Event] = []
    while events := store.read(
        after=found[-1].sequence_nr if found else 0, limit=page, aggregate_id=aggregate_id
    ):
        assert len(events) <= page
        found += events
    return found
