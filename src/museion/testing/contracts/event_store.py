"""What every event store must do. Inherit a suite, say how a store is opened, and run it.

class TestMyStore(DurableEventStoreContract):
    def open(self, folder: Path) -> EventStore:
        return MyStore(folder)
"""

# ruff: noqa: D102 (the name of a test is its claim)

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from museion.base.errors import Conflict
from museion.log.chain import START, next_digest
from museion.log.event import Event, EventId
from museion.log.event_store import DamagedEvent, EventStore, WriteBatch
from museion.log.frame import envelope_of, frame_of
from museion.log.vector_time import VectorTime

_ALL = 1_000


def stored_event(
    number: int,
    *,
    aggregate_id: str | None = None,
    destinations: tuple[str, ...] = (),
    payload: bytes = b"payload",
    log_id: str = "here",
) -> Event:
    """Return an event as a log hands it to its store."""
    event = Event(
        type_name="test.happened",
        form=1,
        payload=payload,
        emitter_id="emitter",
        aggregate_id=aggregate_id,
        custom_destinations=destinations,
        system_time_ms=1_700_000_000_000 + number,
        vector_timestamp=VectorTime({log_id: number}),
        process_id=log_id,
        log_id=log_id,
        sequence_nr=number,
    )
    return replace(event, chain_digest=next_digest(START, envelope_of(event)))


def batch(*events: Event, **progress: int) -> WriteBatch:
    """Return a batch to write."""
    return WriteBatch(events, progress, [frame_of(event) for event in events])


def numbers(events: Sequence[Event]) -> list[int]:
    """Return the sequence numbers of events."""
    return [event.sequence_nr for event in events]


class EventStoreContract:
    """For every store, durable or not."""

    def open(self, folder: Path) -> EventStore:
        """Open the store in a folder, new or as it was left there."""
        raise NotImplementedError

    def test_a_new_store_is_empty_and_has_an_identity(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            state = store.recover()
            assert state.log_id
            assert (state.sequence_nr, state.version) == (0, VectorTime())
            assert list(store.read(limit=_ALL)) == []

    def test_two_new_stores_have_different_identities(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path / "a")) as one, closing(self.open(tmp_path / "b")) as two:
            assert one.recover().log_id != two.recover().log_id

    def test_an_event_comes_back_with_every_field(self, tmp_path: Path) -> None:
        event = Event(
            type_name="archive.ünïcode",
            form=7,
            payload=bytes(range(256)),
            emitter_id="emitter",
            aggregate_id="asset",
            custom_destinations=("one", "two"),
            system_time_ms=1_700_000_000_123,
            vector_timestamp=VectorTime({"here": 5, "there": 2**63}),
            process_id="there",
            log_id="here",
            sequence_nr=5,
            cause=EventId("there", 3),
            delivery_id="delivery",
            chain_digest=bytes(range(32)),
            subject_key_id="key",
        )
        with closing(self.open(tmp_path)) as store:
            store.write(batch(event))
            assert list(store.read(limit=_ALL)) == [event]

    def test_events_are_read_in_the_order_they_were_written(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(stored_event(1), stored_event(2)))
            store.write(batch(stored_event(3)))
            assert numbers(store.read(limit=_ALL)) == [1, 2, 3]

    def test_numbers_may_leave_gaps(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(stored_event(3), stored_event(300)))
            store.write(batch(stored_event(70_000)))
            assert numbers(store.read(after=2, limit=_ALL)) == [3, 300, 70_000]
            assert numbers(store.read(after=3, limit=_ALL)) == [300, 70_000]
            assert numbers(store.read(after=301, limit=_ALL)) == [70_000]

    def test_a_number_that_is_not_above_the_last_is_refused_and_loses_nothing(
        self, tmp_path: Path
    ) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(stored_event(1, payload=b"first")))
            with pytest.raises(AssertionError):
                store.write(batch(stored_event(2), stored_event(1, payload=b"second"), reader=9))
            assert [event.payload for event in store.read(limit=_ALL)] == [b"first"]
            assert store.progress("reader") == 0

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
            assert numbers(store.read(limit=_ALL, max_bytes=25)) == [1, 2]
            assert numbers(store.read(limit=_ALL, max_bytes=30)) == [1, 2, 3]
            assert numbers(store.read(limit=_ALL, max_bytes=1)) == [1]

    @pytest.mark.parametrize("own", [None, "x"])
    @pytest.mark.parametrize("further", [(), ("y",), ("x", "y"), ("y", "y")])
    def test_an_event_is_found_by_each_of_its_destinations_and_by_no_other(
        self, tmp_path: Path, own: str | None, further: tuple[str, ...]
    ) -> None:
        event = stored_event(2, aggregate_id=own, destinations=further)
        with closing(self.open(tmp_path)) as store:
            store.write(batch(stored_event(1, aggregate_id="z"), event))
            for aggregate_id in ("x", "y"):
                found = numbers(store.read(limit=_ALL, aggregate_id=aggregate_id))
                assert found == ([2] if aggregate_id in {own, *further} else [])
            assert numbers(store.read(limit=_ALL, aggregate_id="z")) == [1]
            assert numbers(store.read(limit=_ALL)) == [1, 2]

    def test_a_replay_by_aggregate_keeps_order_limit_and_start(self, tmp_path: Path) -> None:
        events = [stored_event(number, aggregate_id=f"a{number % 3}") for number in range(1, 13)]
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*events[:5]))
            store.write(batch(*events[5:]))
            assert numbers(store.read(limit=_ALL, aggregate_id="a0")) == [3, 6, 9, 12]
            assert numbers(store.read(after=3, limit=2, aggregate_id="a0")) == [6, 9]
            assert numbers(store.read(after=12, limit=2, aggregate_id="a0")) == []

    @pytest.mark.parametrize("unknown", ["", "nobody", "x" * 4_000, "\udcff"])
    def test_nothing_is_found_by_an_aggregate_or_reader_that_never_was(
        self, tmp_path: Path, unknown: str
    ) -> None:
        with closing(self.open(tmp_path)) as store:
            store.write(batch(stored_event(1, aggregate_id="x"), reader=1))
            assert list(store.read(limit=_ALL, aggregate_id=unknown)) == []
            assert store.progress(unknown) == 0

    def test_progress_is_kept_with_events_alone_and_anew(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            assert store.progress("reader") == 0
            store.write(batch(stored_event(1), reader=7, other=1))
            store.write(batch(reader=8))
            assert (store.progress("reader"), store.progress("other")) == (8, 1)
            assert store.recover().sequence_nr == 1

    def test_the_state_covers_every_batch(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            before = store.recover().log_id
            store.write(batch(stored_event(1), stored_event(2, log_id="there")))
            store.write(batch(stored_event(4)))
            state = store.recover()
            assert (state.log_id, state.sequence_nr) == (before, 4)
            assert state.version == VectorTime({"here": 4, "there": 2})

    def test_other_threads_see_a_batch_whose_write_has_returned(self, tmp_path: Path) -> None:
        seen: list[list[int]] = []
        with closing(self.open(tmp_path)) as store:
            for number in range(1, 4):
                store.write(batch(stored_event(number)))
                reading = threading.Thread(
                    target=lambda: seen.append(numbers(store.read(limit=_ALL)))
                )
                reading.start()
                reading.join()
        assert seen == [[1], [1, 2], [1, 2, 3]]

    def test_closing_twice_is_allowed(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        store.close()
        store.close()

    # Each store inherits the law, so it runs as several test classes.
    @settings(
        max_examples=25, deadline=None, suppress_health_check=[HealthCheck.differing_executors]
    )
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
                store.write(batch(*events))
                written += events
            assert _paged(store, page, None) == written
            expected = [event for event in written if event.aggregate_id == "a0"]
            assert _paged(store, page, "a0") == expected


class DurableEventStoreContract(EventStoreContract):
    """For stores that outlive their process."""

    def damage(self, folder: Path, event: Event) -> None:
        """Change one byte of the stored form of an event, behind the back of the closed store."""
        raise NotImplementedError

    def test_all_is_there_when_the_store_is_opened_again(self, tmp_path: Path) -> None:
        events = [stored_event(1, aggregate_id="x"), stored_event(2, destinations=("x",))]
        with closing(self.open(tmp_path)) as store:
            store.write(batch(*events, reader=2))
            state = store.recover()
        with closing(self.open(tmp_path)) as store:
            assert store.recover() == state
            assert list(store.read(limit=_ALL)) == events
            assert list(store.read(limit=_ALL, aggregate_id="x")) == events
            assert store.progress("reader") == 2
            store.write(batch(stored_event(3, aggregate_id="x")))
            assert numbers(store.read(limit=_ALL, aggregate_id="x")) == [1, 2, 3]

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
                    store.read(limit=_ALL, aggregate_id=aggregate_id)
                assert found.value.sequence_nr == 3

    def test_a_second_opening_is_refused_until_the_first_is_closed(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as store:
            with pytest.raises(Conflict):
                self.open(tmp_path)
            store.write(batch(stored_event(1)))
        self.open(tmp_path).close()


def _paged(store: EventStore, page: int, aggregate_id: str | None) -> list[Event]:
    found: list[Event] = []
    while events := store.read(
        after=found[-1].sequence_nr if found else 0, limit=page, aggregate_id=aggregate_id
    ):
        assert len(events) <= page
        found += events
    return found
