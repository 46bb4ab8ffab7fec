"""Reading, following and closing a log: nothing missed, nothing twice, nobody left waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from opened_log import held_up, new, opened, read_up_to, steered

from museion.base.errors import InvalidInput
from museion.log.event import (
    Event,
)
from museion.log.event_log import (
    BatchLimits,
    EventLog,
    LogClosed,
    UnknownPosition,
)
from museion.log.lmdb_store import LmdbEventStore
from museion.log.memory_store import MemoryEventStore
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import in_event_loop, until


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
