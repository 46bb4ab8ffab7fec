"""What every event store must do when it is read: order, limits, and the index of aggregates."""

# ruff: noqa: D102 (the name of a test is its claim)

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from museion.log.event import MAX_NAME_BYTES
from museion.log.event_store import EventStore
from museion.testing.contracts.event_store_samples import (
    ALL,
    batch,
    numbers,
    stored_event,
)

IDS = ["a", "a\0", "a\0b", "ab", "b", "x" * MAX_NAME_BYTES, "é", "ﬀ", "𝒳"]
"""Ids in the order of their UTF-8 bytes, some at the beginning of others."""


class ReadingContract:
    """Pages in log order, of everything or of one aggregate."""

    def open(self, folder: Path) -> EventStore:
        """Open the store in a folder, new or as it was left there."""
        raise NotImplementedError

    def test_numbers_may_leave_gaps(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(stored_event(3), stored_event(300)))
            store.write(batch(stored_event(70_000)))
            assert numbers(store.read(after=2, limit=ALL)) == [3, 300, 70_000]
            assert numbers(store.read(after=3, limit=ALL)) == [300, 70_000]
            assert numbers(store.read(after=301, limit=ALL)) == [70_000]

    def test_a_read_begins_behind_after_and_ends_at_its_limit(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*(stored_event(number) for number in range(1, 11))))
            assert numbers(store.read(after=4, limit=3)) == [5, 6, 7]
            assert numbers(store.read(after=9, limit=3)) == [10]
            assert numbers(store.read(after=10, limit=3)) == []
            assert numbers(store.read(after=2**63, limit=3)) == []

    def test_a_read_ends_before_its_bytes_but_holds_one_event(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*(stored_event(number, payload=b"x" * 10) for number in (1, 2, 3))))
            assert numbers(store.read(limit=ALL, max_bytes=25)) == [1, 2]
            assert numbers(store.read(limit=ALL, max_bytes=30)) == [1, 2, 3]
            assert numbers(store.read(limit=ALL, max_bytes=1)) == [1]

    def test_bytes_end_a_read_of_an_aggregate_too(self, tmp_path: Path) -> None:
        sizes = {1: 10, 2: 900_000, 3: 10, 4: 700_000, 5: 100}
        events = [stored_event(nr, aggregate_id="x", payload=bytes(n)) for nr, n in sizes.items()]
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*events))
            read = [
                numbers(store.read(after=after, limit=ALL, aggregate_id="x", max_bytes=900_020))
                for after in (0, 1, 2, 3)
            ]
            assert read == [[1, 2, 3], [2, 3], [3, 4, 5], [4, 5]]

    @pytest.mark.parametrize("process_id", ["here", "there"])
    @pytest.mark.parametrize("own", [None, "x"])
    @pytest.mark.parametrize("further", [(), ("y",), ("x", "y"), ("y", "y")])
    @pytest.mark.parametrize("listener", [None, "x", "y", "z"])
    def test_an_event_is_found_by_each_of_its_destinations_and_by_no_other(
        self,
        tmp_path: Path,
        process_id: str,
        own: str | None,
        further: tuple[str, ...],
        listener: str | None,
    ) -> None:
        """Emitter with an aggregate or not, further destinations or not, a reader of one or of all.

        For events of this log, and for those that come from another.
        """
        event = stored_event(2, aggregate_id=own, destinations=further, process_id=process_id)
        beside = stored_event(1, aggregate_id="beside")
        with closing(self.open(tmp_path)) as store:
            store.write(batch(beside, event))
            found = numbers(store.read(after=1, limit=ALL, aggregate_id=listener))
            assert found == ([2] if listener in {None, own, *further} else [])
            assert numbers(store.read(limit=ALL, aggregate_id="beside")) == [1]

    def test_a_replay_by_aggregate_keeps_order_limit_and_start(self, tmp_path: Path) -> None:
        events = [stored_event(number, aggregate_id=f"a{number % 3}") for number in range(1, 13)]
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*events[:5]))
            store.write(batch(*events[5:]))
            assert numbers(store.read(limit=ALL, aggregate_id="a0")) == [3, 6, 9, 12]
            assert numbers(store.read(after=3, limit=2, aggregate_id="a0")) == [6, 9]
            assert numbers(store.read(after=12, limit=2, aggregate_id="a0")) == []

    @pytest.mark.parametrize("unknown", ["", "nobody", "x" * 4_000, "\udcff"])
    def test_nothing_is_found_by_an_aggregate_or_reader_that_never_was(
        self, tmp_path: Path, unknown: str
    ) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(stored_event(1, aggregate_id="x"), reader=1))
            assert list(store.read(limit=ALL, aggregate_id=unknown)) == []
            assert store.progress(unknown) == 0
            assert list(store.aggregate_ids(limit=ALL)) == ["x"]

    def test_ids_that_begin_alike_are_not_mixed_up(self, tmp_path: Path) -> None:
        events = [stored_event(number, aggregate_id=each) for number, each in enumerate(IDS, 1)]
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*events))
            for number, each in enumerate(IDS, 1):
                assert numbers(store.read(limit=ALL, aggregate_id=each)) == [number]

    @pytest.mark.parametrize("page", [1, 2, 4, len(IDS), ALL])
    def test_ids_of_aggregates_come_in_pages_in_the_order_of_their_bytes(
        self, tmp_path: Path, page: int
    ) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(stored_event(1, destinations=tuple(IDS[::-2]))))
            store.write(batch(*(stored_event(nr, aggregate_id=each) for nr, each in _mixed())))
            found: list[str] = []
            while ids := store.aggregate_ids(after=found[-1] if found else "", limit=page):
                assert len(ids) <= page
                found += ids
            assert found == IDS

    def test_ids_are_listed_from_any_place_on(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(stored_event(1, destinations=("b", "d"))))
            assert list(store.aggregate_ids(after="a", limit=1)) == ["b"]
            assert list(store.aggregate_ids(after="b\0", limit=9)) == ["d"]
            assert list(store.aggregate_ids(after="é" * 300, limit=9)) == []


def _mixed() -> list[tuple[int, str]]:
    """Return every id twice, in an order that is not that of their bytes."""
    return list(enumerate([*IDS[::-1], *IDS], 2))
