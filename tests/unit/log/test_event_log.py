"""Appending to a log: order, atomicity, and what an answer means."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from opened_log import counted, held_up, new, opened, read_up_to, steered

from museion.base.errors import InvalidInput
from museion.log.event import (
    EventId,
    InvalidEvent,
    NewEvent,
    Relation,
    relation,
)
from museion.log.event_log import (
    BatchLimits,
    LogClosed,
    LogDefect,
)
from museion.log.event_store import DamagedEvent, WriteFailed
from museion.log.lmdb_store import LmdbEventStore
from museion.log.memory_store import MemoryEventStore
from museion.log.vector_time import VectorTime
from museion.testing.contracts.event_store import batch, numbers, stored_event
from museion.testing.event_loop import in_event_loop, until


class TestAppend:
    @in_event_loop
    async def test_events_get_number_stamp_origin_and_time(self) -> None:
        before_ms = time.time_ns() // 1_000_000
        async with opened() as log:
            await log.append([new()])
            (event,) = await log.append([new(b"p", form=2, aggregate_id="x", destinations=("y",))])
        assert (event.sequence_nr, event.process_id, event.log_id) == (2, "here", "here")
        assert event.id == EventId("here", 2)
        assert (event.payload, event.form) == (b"p", 2)
        assert event.destinations == {"x", "y"}
        assert before_ms <= event.system_time_ms <= time.time_ns() // 1_000_000

    @in_event_loop
    async def test_the_stamp_covers_what_the_emitter_handled_and_nothing_else(self) -> None:
        async with opened() as log:
            await log.append([new()])
            (event,) = await log.append([new(vector_timestamp=VectorTime({"there": 9}))])
        assert event.vector_timestamp == VectorTime({"there": 9, "here": 2})

    @in_event_loop
    async def test_events_of_emitters_that_share_a_log_are_ordered_unless_a_site_lies_between(
        self,
    ) -> None:
        remote = VectorTime({"there": 9})
        async with opened() as log:
            (first,) = await log.append([new(emitter_id="one")])
            (second,) = await log.append([new(emitter_id="two", vector_timestamp=remote)])
            (third,) = await log.append([new(emitter_id="three")])
        assert relation(first, second) is relation(first, third) is Relation.BEFORE
        assert relation(second, third) is Relation.CONCURRENT

    @in_event_loop
    async def test_what_is_returned_is_what_is_read(self) -> None:
        async with opened() as log:
            written = await log.append([new(b"1"), new(b"2", aggregate_id="x")])
            assert list(await log.read()) == written
            assert list(await log.read(aggregate_id="x")) == written[1:]
            assert log.sequence_nr == 2
            assert log.version == VectorTime({"here": 2})

    @in_event_loop
    async def test_an_empty_request_writes_nothing(self) -> None:
        store = steered()
        async with opened(store) as log:
            assert await log.append([]) == []
        assert store.batches == []

    @in_event_loop
    async def test_progress_is_written_with_the_events_or_alone(self) -> None:
        store = steered()
        async with opened(store) as log:
            await log.append([new()], progress={"reader": 1})
            assert log.progress("reader") == 1
            assert await log.append([], progress={"reader": 2}) == []
            assert (log.progress("reader"), log.sequence_nr) == (2, 1)

    @in_event_loop
    async def test_numbers_go_on_where_the_log_was_closed(self, tmp_path: Path) -> None:
        for expected in (1, 2, 3):
            async with opened(LmdbEventStore(tmp_path)) as log:
                (event,) = await log.append([new()])
                assert event.sequence_nr == expected

    @in_event_loop
    async def test_a_log_that_lost_events_does_not_give_their_identities_again(self) -> None:
        store = MemoryEventStore(log_id="here")
        reminder = stored_event(1, log_id="there")
        times = VectorTime({"there": 1, "here": 7})  # a neighbour had seen seven of our events
        store.write(batch(replace(reminder, vector_timestamp=times)))
        async with opened(store) as log:
            (event,) = await log.append([new()])
            assert event.id == EventId("here", 8)
            assert await read_up_to(log, 8) == [1, 8]

    @pytest.mark.parametrize(
        "bad",
        [
            new(aggregate_id=""),
            new(emitter_id="\udcff"),
            new(vector_timestamp=VectorTime({"here": 1})),
        ],
    )
    @in_event_loop
    async def test_a_bad_event_fails_its_own_request_only(self, bad: NewEvent) -> None:
        store = steered()
        async with opened(store) as log:
            first = asyncio.create_task(log.append([new(b"good")]))
            with pytest.raises(InvalidEvent):
                await log.append([new(), bad])
            await first
            assert [event.payload for event in await log.read()] == [b"good"]

    @pytest.mark.parametrize("progress", [{"": 1}, {"reader": -1}, {"reader": 1 << 64}])
    @in_event_loop
    async def test_bad_progress_fails_its_own_request_only(self, progress: dict[str, int]) -> None:
        async with opened() as log:
            with pytest.raises(InvalidEvent):
                await log.append([new()], progress=progress)
            await log.append([new()])
            assert log.sequence_nr == 1


class TestGroupCommit:
    @in_event_loop
    async def test_an_idle_log_writes_each_request_at_once(self) -> None:
        async with opened() as log:
            for _ in range(5):
                await log.append([new()])
            assert counted(log) == (5, 5, 5)

    @in_event_loop
    async def test_what_waits_while_the_store_writes_goes_out_together(self) -> None:
        store = steered()
        async with opened(store) as log:
            first = await held_up(log, store)
            others = [asyncio.create_task(log.append([new(), new()])) for _ in range(50)]
            await until(lambda: log.statistics.pending_requests == 50)
            store.before_write.set()
            await asyncio.gather(first, *others)
            assert counted(log) == (51, 2, 101)

    @in_event_loop
    async def test_every_request_gets_its_own_events_in_the_order_of_asking(self) -> None:
        store = steered()
        async with opened(store) as log:
            first = await held_up(log, store)
            others = [
                asyncio.create_task(log.append([new(b"%d" % each)] * 2)) for each in range(20)
            ]
            await until(lambda: log.statistics.pending_requests == 20)
            store.before_write.set()
            answers = await asyncio.gather(first, *others)
        assert [numbers(answer) for answer in answers[1:]] == [
            [2 + 2 * each, 3 + 2 * each] for each in range(20)
        ]
        assert [answer[0].payload for answer in answers[1:]] == [b"%d" % each for each in range(20)]

    @pytest.mark.parametrize(
        "limits", [BatchLimits(max_batch_events=10), BatchLimits(max_batch_bytes=100)]
    )
    @in_event_loop
    async def test_groups_keep_their_limits_but_requests_stay_whole(
        self, limits: BatchLimits
    ) -> None:
        store = steered()
        async with opened(store, limits) as log:
            first = await held_up(log, store)
            others = [
                asyncio.create_task(log.append([new(bytes(10))] * size))
                for size in (4, 4, 4, 25, 3, 7, 1)
            ]
            await until(lambda: log.statistics.pending_requests == 7)
            store.before_write.set()
            await asyncio.gather(first, *others)
        assert [len(each.events) for each in store.batches] == [1, 8, 4, 25, 10, 1]

    @in_event_loop
    async def test_no_more_requests_wait_than_the_limit_allows(self) -> None:
        store = steered()
        async with opened(store, BatchLimits(max_pending_requests=4)) as log:
            first = await held_up(log, store)
            others = [asyncio.create_task(log.append([new()])) for _ in range(10)]
            await until(lambda: log.statistics.pending_requests == 3)  # and one is being written
            await _settled()
            assert log.statistics.pending_requests == 3
            store.before_write.set()
            await asyncio.gather(first, *others)
            assert log.sequence_nr == 11


class TestFailures:
    @in_event_loop
    async def test_a_failed_write_is_told_to_the_whole_group_and_to_nobody_else(self) -> None:
        store = steered()
        async with opened(store) as log:
            first = await held_up(log, store)
            others = [asyncio.create_task(log.append([new(b"lost")])) for _ in range(5)]
            await until(lambda: log.statistics.pending_requests == 5)
            store.failures = [None, WriteFailed("the disk is full")]
            store.before_write.set()
            await first
            answers = await asyncio.gather(*others, return_exceptions=True)
            assert [type(answer) for answer in answers] == [WriteFailed] * 5
            assert all("the disk is full" in str(answer) for answer in answers)
            assert len({id(answer) for answer in answers}) == 5, "they carry their own tracebacks"

    @in_event_loop
    async def test_after_a_failed_write_nothing_is_published_and_the_log_goes_on(self) -> None:
        store = steered()
        async with opened(store) as log:
            await log.append([new(b"1")], progress={"reader": 1})
            store.failures = [WriteFailed("the disk is full")]
            with pytest.raises(WriteFailed):
                await log.append([new(b"lost")], progress={"reader": 2})
            assert (log.sequence_nr, log.version) == (1, VectorTime({"here": 1}))
            assert log.progress("reader") == 1
            (event,) = await log.append([new(b"2")])
            assert event.id == EventId("here", 2)
            assert [event.payload for event in await log.read()] == [b"1", b"2"]

    @in_event_loop
    async def test_a_defect_reaches_everyone_who_waits(self) -> None:
        store = steered()
        async with opened(store) as log:
            reader = asyncio.create_task(read_up_to(log, 99))
            written = await held_up(log, store)
            waiting = asyncio.create_task(log.append([new()]))
            await until(lambda: log.statistics.pending_requests == 1)
            defect = StopIteration("no error that a future can hold")
            store.failures = [defect]
            store.before_write.set()
            with pytest.raises(LogDefect, match="not known") as unknown:
                await written
            for certainly_not in (waiting, reader):
                with pytest.raises(LogClosed):
                    await certainly_not
            with pytest.raises(LogClosed) as later:
                await log.append([new()])
        assert unknown.value.__cause__ is defect
        assert later.value.__cause__ is defect
        assert store.closed

    @in_event_loop
    async def test_a_reader_learns_that_an_event_is_damaged(self, tmp_path: Path) -> None:
        with closing(LmdbEventStore(tmp_path)) as store:
            store.write(batch(stored_event(1, payload=b"a payload of its own")))
        file = tmp_path / "data.mdb"
        file.write_bytes(file.read_bytes().replace(b"of its own", b"of my own "))
        async with opened(LmdbEventStore(tmp_path)) as log:
            with pytest.raises(DamagedEvent, match="Event 1 "):
                await log.read()
            with pytest.raises(DamagedEvent, match="Event 1 "):
                await read_up_to(log, 1)

    @in_event_loop
    async def test_a_hole_below_the_end_is_damage_and_no_endless_wait(self) -> None:
        store = MemoryEventStore(log_id="here")
        store.write(batch(stored_event(1)))
        async with opened(store) as log:
            store._events.clear()
            with pytest.raises(DamagedEvent, match="missing"):
                await read_up_to(log, 1)


class TestCancellation:
    @in_event_loop
    async def test_a_request_that_was_not_begun_is_taken_back(self) -> None:
        store = steered()
        async with opened(store) as log:
            first = await held_up(log, store)
            cancelled = asyncio.create_task(log.append([new(b"cancelled")]))
            await until(lambda: log.statistics.pending_requests == 1)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            assert log.statistics.pending_requests == 0
            store.before_write.set()
            await first
            await log.append([new(b"second")])
            assert [event.payload for event in await log.read()] == [b"first", b"second"]

    @in_event_loop
    async def test_a_request_that_was_begun_is_settled_before_the_cancellation(self) -> None:
        store = steered()
        async with opened(store) as log:
            first = await held_up(log, store)
            for _ in range(3):  # however often
                first.cancel()
                await _settled()
            assert not first.done()
            store.before_write.set()
            with pytest.raises(asyncio.CancelledError):
                await first
            assert log.sequence_nr == 1

    @in_event_loop
    async def test_a_cancelled_request_that_failed_leaves_no_error_behind(self) -> None:
        store = steered()
        async with opened(store) as log:
            first = await held_up(log, store)
            first.cancel()
            store.failures = [WriteFailed("the disk is full")]
            store.before_write.set()
            with pytest.raises(asyncio.CancelledError):
                await first
            assert log.sequence_nr == 0

    @in_event_loop
    async def test_cancelled_requests_give_their_room_back(self) -> None:
        store = steered()
        async with opened(store, BatchLimits(max_pending_requests=2)) as log:
            first = await held_up(log, store)
            for _ in range(10):
                cancelled = [asyncio.create_task(log.append([new(b"no")])) for _ in range(4)]
                await until(lambda: log.statistics.pending_requests == 1)
                for task in cancelled:
                    task.cancel()
                await asyncio.wait(cancelled)
            store.before_write.set()
            await first
            await asyncio.gather(*(log.append([new(b"yes")]) for _ in range(10)))
            assert [event.payload for event in await log.read()] == [b"first"] + [b"yes"] * 10

    def test_a_limit_that_would_let_nothing_through_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="max_pending_requests of at least 1, got 0"):
            BatchLimits(max_pending_requests=0)

    @in_event_loop
    async def test_a_time_limit_on_an_append_works(self) -> None:
        store = steered()
        async with opened(store) as log:
            first = await held_up(log, store)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await log.append([new()])
            store.before_write.set()
            await first


async def _settled() -> None:
    """Let all tasks go as far as they can without the store."""
    for _ in range(20):
        await asyncio.sleep(0)
