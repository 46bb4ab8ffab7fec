"""What every event store must do when events are deleted: first a mark, later their removal."""

# ruff: noqa: D102 (the name of a test is its claim)

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from museion.log.event import Event
from museion.log.event_store import EventStore
from museion.testing.contracts.event_store_samples import (
    ALL,
    batch,
    heads,
    numbers,
    stored_event,
)


class DeletionContract:
    """A mark hides nothing from the log; a removal takes events away and nothing else."""

    def open(self, folder: Path) -> EventStore:
        """Open the store in a folder, new or as it was left there."""
        raise NotImplementedError

    def test_a_mark_is_kept_and_hides_nothing(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*some_events()))
            state = store.recover()
            store.mark_deleted(4)
            assert store.recover() == replace(state, deleted_to=4)
            assert numbers(store.read(limit=ALL)) == [1, 2, 3, 4, 5, 6]
            assert numbers(store.read(limit=ALL, aggregate_id="x")) == [2, 4, 6]

    def test_a_mark_moves_on(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*some_events()))
            store.mark_deleted(2)
            store.mark_deleted(6)
            assert store.recover().deleted_to == 6

    def test_removed_events_are_found_neither_in_the_log_nor_by_aggregate(
        self, tmp_path: Path
    ) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*some_events()))
            store.remove(4, {})
            assert numbers(store.read(limit=ALL)) == [5, 6]
            assert numbers(store.read(limit=ALL, aggregate_id="x")) == [6]
            assert numbers(store.read(limit=ALL, aggregate_id="y")) == [5]
            assert numbers(store.read(limit=ALL, aggregate_id="gone")) == []

    def test_a_read_from_within_what_was_removed_begins_behind_it(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*some_events()))
            store.remove(4, {})
            assert numbers(store.read(after=2, limit=1)) == [5]
            assert numbers(store.read(after=2, limit=1, aggregate_id="x")) == [6]

    def test_a_removal_keeps_the_rest_of_the_state(self, tmp_path: Path) -> None:
        events = some_events()
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*events, reader=6))
            store.mark_deleted(5)
            state = store.recover()
            removed = heads(*events[:4])
            store.remove(4, removed)
            assert store.recover() == replace(state, removed_to=4, removed_chain=removed)
            assert list(store.aggregate_ids(limit=ALL)) == ["gone", "x", "y"]
            assert store.progress("reader") == 6

    def test_a_number_that_is_removed_already_changes_nothing(self, tmp_path: Path) -> None:
        events = some_events()
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*events))
            store.remove(4, heads(*events[:4]))
            state = store.recover()
            store.remove(4, heads(*events[:4]))
            assert store.recover() == state
            assert numbers(store.read(limit=ALL)) == [5, 6]

    def test_a_removal_may_end_in_a_gap_and_go_on_later(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*(stored_event(nr, aggregate_id="x") for nr in (3, 10, 20, 31))))
            store.remove(15, {})
            assert numbers(store.read(limit=ALL, aggregate_id="x")) == [20, 31]
            store.remove(30, {})
            assert numbers(store.read(limit=ALL)) == [31]
            assert (store.recover().sequence_nr, store.recover().removed_to) == (31, 30)

    def test_a_log_goes_on_behind_a_removal(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*some_events()))
            store.remove(5, {})
            store.write(batch(stored_event(7, aggregate_id="gone")))
            assert numbers(store.read(limit=ALL)) == [6, 7]
            assert numbers(store.read(limit=ALL, aggregate_id="gone")) == [7]
            assert list(store.aggregate_ids(limit=ALL)) == ["gone", "x", "y"]


def some_events() -> list[Event]:
    """Return events 1 to 6 of two origins: the first of `gone`, then of `y` and of `x` in turn."""
    first = stored_event(1, aggregate_id="gone")
    later = [
        stored_event(
            number,
            aggregate_id="x" if number % 2 == 0 else None,
            destinations=() if number % 2 == 0 else ("y",),
            process_id="there" if number > 3 else "here",
        )
        for number in range(2, 7)
    ]
    return [first, *later]
