"""Appending, reading and following: order, atomicity, and what an answer means."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from museion.base.errors import InvalidInput
from museion.log.event import (
    Event,
    EventId,
    InvalidEvent,
    NewEvent,
    Relation,
    relation,
)
from museion.log.event_log import (
    BatchLimits,
    EventLog,
    LogClosed,
    LogDefect,
    LogStatistics,
    UnknownPosition,
)
from museion.log.event_store import DamagedEvent, EventStore, WriteFailed
from museion.log.lmdb_store import LmdbEventStore
from museion.log.memory_store import MemoryEventStore
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until
from museion.testing.event_store_contract import batch, numbers, stored_event
from museion.testing.steered_store import SteeredStore


def new(payload: bytes = b"", *, emitter_id: str = "emitter", **more: object) -> NewEvent:
    fields = {"type_name": "test.happened", "payload": payload, "emitter_id": emitter_id, **more}
    return NewEvent(**fields)  # type: ignore[arg-type]  # fields of several types


def steered() -> SteeredStore:
    return SteeredStore(MemoryEventStore(log_id="here"))


@asynccontextmanager
async def opened(
    store: EventStore | None = None, limits: BatchLimits | None = None
) -> AsyncIterator[EventLog]:
    log = EventLog(store or MemoryEventStore(log_id="here"), limits=limits)
    try:
        yield log
    finally:
        await log.close()


async def held_up(log: EventLog, store: SteeredStore) -> asyncio.Task[list[Event]]:
    """Let a first request hang in the store, so that all that follow have to wait."""
    store.before_write.clear()
    first = asyncio.create_task(log.append([new(b"first")]))
    await until(lambda: store.writes_begun == 1)
    return first


async def read_up_to(log: EventLog, last: int, *, after: int = 0) -> list[int]:
    """Follow the log until an event has come."""
    seen = [after]
    async with aclosing(log.follow(after)) as batches:
        while seen[-1] < last:
            seen += numbers(await anext(batches))
    return seen[1:]


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
            assert log.statistics == LogStatistics(
                requests=5, groups=5, events=5, pending_requests=0
            )

    @in_event_loop
    async def test_what_waits_while_the_store_writes_goes_out_together(self) -> None:
        store = steered()
        async with opened(store) as log:
            first = await held_up(log, store)
            others = [asyncio.create_task(log.append([new(), new()])) for _ in range(50)]
            await until(lambda: log.statistics.pending_requests == 50)
            store.before_write.set()
            await asyncio.gather(first, *others)
            assert log.statistics == LogStatistics(
                requests=51, groups=2, events=101, pending_requests=0
            )

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


class TestRead:
    @in_event_loop
    async def test_nothing_is_seen_before_the_log_has_announced_it(self) -> None:
        store = steered()
        async with opened(store) as log:
            await log.append([new()])
            store.after_write.clear()
            second = asyncio.create_task(log.append([new()]))
            await until(lambda: len(store.batches) == 2)
            assert numbers(await log.read()) == [1]
            assert log.sequence_nr == 1
            store.after_write.set()
            await second
            assert numbers(await log.read()) == [1, 2]

    @pytest.mark.parametrize(("after", "limit"), [(-1, 1), (0, 0), (0, -1), (1 << 64, 1)])
    @in_event_loop
    async def test_bounds_that_make_no_sense_are_refused(self, after: int, limit: int) -> None:
        async with opened() as log:
            with pytest.raises(InvalidInput, match="Expected limit"):
                await log.read(after=after, limit=limit)


class TestFollow:
    @pytest.mark.parametrize("durable", [False, True])
    @in_event_loop
    async def test_no_gap_and_no_double_where_replay_meets_live(
        self, tmp_path: Path, durable: bool
    ) -> None:
        store = LmdbEventStore(tmp_path) if durable else MemoryEventStore()
        limits = BatchLimits(replay_batch_events=7)
        emitters, requests = 6, 30
        total = emitters * requests * 2

        async def emit(log: EventLog) -> None:
            for _ in range(requests):
                await log.append([new(), new()])

        async def start_late(log: EventLog, begin: int) -> list[int]:
            await until(lambda: log.sequence_nr >= begin)
            return await read_up_to(log, total, after=begin // 2)

        async with opened(store, limits) as log, asyncio.TaskGroup() as tasks:
            begins = range(0, total, 37)
            readers = [tasks.create_task(start_late(log, begin)) for begin in begins]
            for _ in range(emitters):
                tasks.create_task(emit(log))
        for begin, reader in zip(begins, readers, strict=True):
            assert reader.result() == list(range(begin // 2 + 1, total + 1))

    @in_event_loop
    async def test_live_events_come_in_the_order_of_a_replay(self) -> None:
        async with opened() as log:
            live = asyncio.create_task(_payloads_up_to(log, 100))
            await asyncio.gather(*(log.append([new(b"%d" % each)]) for each in range(100)))
            assert await live == await _payloads_up_to(log, 100)

    @in_event_loop
    async def test_a_reader_that_takes_its_time_misses_nothing(self) -> None:
        async with opened(limits=BatchLimits(replay_batch_events=3)) as log:
            seen: list[int] = []
            async with aclosing(log.follow()) as batches:
                for _ in range(5):
                    await log.append([new()] * 4)
                    seen += numbers(await anext(batches))
                while seen[-1] < 20:
                    seen += numbers(await anext(batches))
            assert seen == list(range(1, 21))

    @in_event_loop
    async def test_a_batch_is_bounded_in_bytes(self) -> None:
        async with opened(limits=BatchLimits(replay_batch_bytes=1000)) as log:
            await log.append([new(bytes(400))] * 5 + [new(bytes(5000))])
            sizes: list[int] = []
            async with aclosing(log.follow()) as batches:
                while sum(sizes) < 6:
                    sizes.append(len(await anext(batches)))
            assert sizes == [2, 2, 1, 1]

    @pytest.mark.parametrize("position", [-1, 2])
    @in_event_loop
    async def test_a_position_that_the_log_does_not_have_is_refused(self, position: int) -> None:
        async with opened() as log:
            await log.append([new()])
            with pytest.raises(UnknownPosition, match="from 0 to 1"):
                await anext(log.follow(position))


class TestClose:
    @in_event_loop
    async def test_what_is_pending_is_written_before_the_log_closes(self) -> None:
        store = steered()
        log = EventLog(store)
        first = await held_up(log, store)
        others = [asyncio.create_task(log.append([new()])) for _ in range(5)]
        await until(lambda: log.statistics.pending_requests == 5)
        closing_log = asyncio.create_task(log.close())
        await _settled()
        store.before_write.set()
        await closing_log
        assert all(task.done() for task in (first, *others)), "answers come before the closing"
        assert [len(await task) for task in (first, *others)] == [1] * 6
        assert store.closed

    @in_event_loop
    async def test_those_who_wait_for_room_are_told_that_the_log_is_closed(self) -> None:
        store = steered()
        log = EventLog(store, limits=BatchLimits(max_pending_requests=1))
        first = await held_up(log, store)
        waiting = asyncio.create_task(log.append([new()]))
        await _settled()
        closing_log = asyncio.create_task(log.close())
        await _settled()
        store.before_write.set()
        await closing_log
        assert len(await first) == 1
        with pytest.raises(LogClosed):
            await waiting

    @in_event_loop
    async def test_a_closed_log_says_so_to_every_request(self) -> None:
        log = EventLog(MemoryEventStore())
        await log.close()
        with pytest.raises(LogClosed):
            await log.append([new()])
        with pytest.raises(LogClosed):
            await log.read()
        with pytest.raises(LogClosed):
            await anext(log.follow())
        with pytest.raises(LogClosed):
            log.progress("reader")

    @in_event_loop
    async def test_readers_that_follow_are_told_that_the_log_is_closed(self) -> None:
        log = EventLog(MemoryEventStore())
        await log.append([new()])
        readers = [asyncio.create_task(read_up_to(log, 99)) for _ in range(3)]
        await _settled()
        await log.close()
        answers = await asyncio.gather(*readers, return_exceptions=True)
        assert [type(answer) for answer in answers] == [LogClosed] * 3

    @in_event_loop
    async def test_a_log_can_be_closed_twice_and_at_once(self) -> None:
        store = steered()
        log = EventLog(store)
        await log.append([new()])
        await asyncio.gather(log.close(), log.close())
        await log.close()
        assert store.closed

    @in_event_loop
    async def test_a_cancelled_closing_closes_all_the_same(self) -> None:
        store = steered()
        log = EventLog(store)
        first = await held_up(log, store)
        closing_log = asyncio.create_task(log.close())
        await _settled()
        closing_log.cancel()
        await _settled()
        store.before_write.set()
        with pytest.raises(asyncio.CancelledError):
            await closing_log
        assert store.closed
        assert len(await first) == 1

    def test_an_event_loop_that_closes_over_an_open_log_disturbs_nothing(self) -> None:
        store = steered()
        loop = asyncio.new_event_loop()

        async def leave_a_write_behind() -> asyncio.Task[list[Event]]:
            return await held_up(EventLog(store), store)

        left = loop.run_until_complete(leave_a_write_behind())
        loop.close()
        store.before_write.set()  # the writer thread now finds nobody to tell
        assert _comes_true(lambda: len(store.batches) == 1)
        assert not left.done()
        left._log_destroy_pending = False  # type: ignore[attr-defined]  # it is meant to be left


async def _payloads_up_to(log: EventLog, count: int) -> list[bytes]:
    payloads: list[bytes] = []
    async with aclosing(log.follow()) as batches:
        while len(payloads) < count:
            payloads += [event.payload for event in await anext(batches)]
    return payloads


async def _settled() -> None:
    """Let all tasks go as far as they can without the store."""
    for _ in range(20):
        await asyncio.sleep(0)


def _comes_true(condition: Callable[[], bool]) -> bool:
    async def wait() -> bool:
        await until(condition)
        return True

    return asyncio.run(asyncio.wait_for(wait(), 30))
