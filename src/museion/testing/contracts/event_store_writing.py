"""What every event store must do when it writes: whole batches, progress beside them, the state."""

# ruff: noqa: D102 (the name of a test is its claim)

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from museion.log.event import MAX_NAME_BYTES, Event
from museion.log.event_store import EventStore, StoreState
from museion.log.frame import frame_of
from museion.log.vector_time import VectorTime
from museion.testing.contracts.event_store_samples import (
    ALL,
    batch,
    full_event,
    heads,
    held_by,
    numbers,
    stored_event,
)

NAMES = ["reader", "a", "a\0", "ünï/cöde", "𝒳", "x" * MAX_NAME_BYTES]
"""Names that a log lets through, the awkward ones among them."""


class WritingContract:
    """Batches are kept whole; progress and the state move with them."""

    def open(self, folder: Path) -> EventStore:
        """Open the store in a folder, new or as it was left there."""
        raise NotImplementedError

    def test_a_new_store_is_empty_and_has_an_identity(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            state = store.recover()
            assert state.log_id
            assert state == StoreState(state.log_id, 0, VectorTime())
            assert list(store.read(limit=ALL)) == []
            assert list(store.aggregate_ids(limit=ALL)) == []
            assert dict(store.all_progress()) == {}

    def test_two_new_stores_have_different_identities(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path / "a")) as one, closing(self.open(tmp_path / "b")) as two:
            assert one.recover().log_id != two.recover().log_id

    @pytest.mark.parametrize("event", [full_event(5), stored_event(5)], ids=["full", "plain"])
    def test_an_event_comes_back_with_every_field(self, tmp_path: Path, event: Event) -> None:
        with closing(self.open(tmp_path)) as store:
            written = held_by(store, event)
            store.write(batch(*written))
            assert list(store.read(limit=ALL)) == written

    def test_what_is_read_has_the_frame_that_was_written(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            written = batch(full_event(1), stored_event(2), stored_event(9, payload=b""))
            store.write(written)
            assert [frame_of(event) for event in store.read(limit=ALL)] == list(written.frames)

    def test_an_event_of_another_log_stays_one_and_is_read_from_this_log(
        self, tmp_path: Path
    ) -> None:
        with closing(self.open(tmp_path)) as store:
            (event,) = held_by(store, stored_event(3, process_id="there"))
            store.write(batch(event))
            (found,) = store.read(limit=ALL)
            assert (found.process_id, found.id) == ("there", event.id)
            assert found.log_id == store.recover().log_id

    def test_events_are_read_in_the_order_they_were_written(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(stored_event(1), stored_event(2)))
            store.write(batch(stored_event(3)))
            assert numbers(store.read(limit=ALL)) == [1, 2, 3]

    def test_a_number_that_is_not_above_the_last_is_refused_and_loses_nothing(
        self, tmp_path: Path
    ) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(stored_event(1, payload=b"first")))
            state = store.recover()
            with pytest.raises(AssertionError):
                store.write(batch(stored_event(2), stored_event(1, payload=b"second"), reader=9))
            assert [event.payload for event in store.read(limit=ALL)] == [b"first"]
            assert (store.progress("reader"), store.recover()) == (0, state)

    def test_a_refused_batch_leaves_no_aggregates_and_the_next_is_taken(
        self, tmp_path: Path
    ) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(stored_event(2, aggregate_id="x")))
            with pytest.raises(AssertionError):
                store.write(batch(stored_event(2, aggregate_id="y")))
            store.write(batch(stored_event(3, aggregate_id="z")))
            assert list(store.aggregate_ids(limit=ALL)) == ["x", "z"]
            assert numbers(store.read(limit=ALL, aggregate_id="z")) == [3]

    def test_a_large_batch_is_kept_whole(self, tmp_path: Path) -> None:
        events = [
            stored_event(number, aggregate_id=f"a{number % 700}", destinations=("x", f"{number}"))
            for number in range(1, 901)
        ]
        with closing(self.open(tmp_path)) as store:
            written = held_by(store, *events)
            store.write(batch(*written))
            assert list(store.read(limit=ALL)) == written
            assert numbers(store.read(limit=ALL, aggregate_id="x")) == list(range(1, 901))
            assert numbers(store.read(limit=ALL, aggregate_id="a100")) == [100, 800]

    def test_progress_is_kept_with_events_alone_and_anew(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            assert store.progress("reader") == 0
            store.write(batch(stored_event(1), reader=7, other=1))
            store.write(batch(reader=8))
            assert (store.progress("reader"), store.progress("other")) == (8, 1)
            assert store.recover().sequence_nr == 1

    def test_progress_may_go_back(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(reader=8))
            store.write(batch(reader=3))
            assert store.progress("reader") == 3

    def test_all_progress_is_told_under_any_name(self, tmp_path: Path) -> None:
        positions = {name: 2**63 - 1 - number for number, name in enumerate(NAMES)}
        with closing(self.open(tmp_path)) as store:
            store.write(batch(**positions))
            assert dict(store.all_progress()) == positions
            assert {name: store.progress(name) for name in NAMES} == positions

    def test_the_state_covers_every_batch(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            before = store.recover().log_id
            store.write(batch(stored_event(1), stored_event(2, process_id="there")))
            store.write(batch(stored_event(4)))
            state = store.recover()
            assert (state.log_id, state.sequence_nr) == (before, 4)
            assert state.version == VectorTime({"here": 4, "there": 2})

    def test_the_state_has_the_chain_digest_of_each_origins_last_event(
        self, tmp_path: Path
    ) -> None:
        events = [stored_event(nr, process_id=f"log-{nr % 3}") for nr in range(1, 8)]
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*events[:4]))
            assert store.recover().chain == heads(*events[:4])
            store.write(batch(*events[4:]))
            assert store.recover().chain == heads(*events)
            assert len(heads(*events)) == 3

    def test_progress_alone_leaves_the_state_as_it_was(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(stored_event(1)))
            state = store.recover()
            store.write(batch(reader=1))
            assert store.recover() == state

    def test_other_threads_see_a_batch_whose_write_has_returned(self, tmp_path: Path) -> None:
        seen: list[list[int]] = []
        with closing(self.open(tmp_path)) as store:
            for number in range(1, 4):
                store.write(batch(stored_event(number)))
                reading = threading.Thread(
                    target=lambda: seen.append(numbers(store.read(limit=ALL)))
                )
                reading.start()
                reading.join()
        assert seen == [[1], [1, 2], [1, 2, 3]]

    def test_readers_beside_the_writer_see_whole_batches_only(self, tmp_path: Path) -> None:
        """Eight threads read while one writes batches of three, each with its progress."""
        written = threading.Event()

        def look(store: EventStore) -> list[int]:
            counts = []
            while not written.is_set():
                found = numbers(store.read(limit=ALL, aggregate_id="x"))
                assert found == list(range(1, len(found) + 1))
                assert store.progress("reader") >= len(found)
                counts.append(len(found))
            return counts

        with closing(self.open(tmp_path)) as store, ThreadPoolExecutor(8) as threads:
            readings = [threads.submit(look, store) for _ in range(8)]
            try:
                for first in range(1, 151, 3):
                    events = [stored_event(first + nr, aggregate_id="x") for nr in range(3)]
                    store.write(batch(*events, reader=first + 2))
            finally:
                written.set()
            for counts in (reading.result() for reading in readings):
                assert counts == sorted(counts)
                assert _rests(counts) <= {0}

    def test_closing_twice_is_allowed(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        store.close()
        store.close()


def _rests(counts: Iterable[int]) -> set[int]:
    return {count % 3 for count in counts}
