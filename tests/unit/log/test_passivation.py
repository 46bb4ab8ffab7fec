"""Unloading idle aggregates, and starting them again on demand."""

from __future__ import annotations

import asyncio

import pytest
from counting import Counter
from opened_log import opened, steered
from recording import Noted, Recorder, emit

from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.refusals import Overloaded
from museion.testing.event_loop import in_event_loop, until


@in_event_loop
async def test_an_idle_aggregate_is_unloaded_and_its_handle_starts_it_again() -> None:
    async with opened() as log, Aggregates(log, Counter, idle_after_s=0.01) as counters:
        counter = await counters.get("clicks")
        await counter.increment(2)
        await until(lambda: counters.live == ())
        assert await counter.increment(3) == 5


@in_event_loop
async def test_an_aggregate_started_again_knows_what_happened_while_it_was_unloaded() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        await recorder.note("own")
        assert recorders.unload("a")
        await emit(log, Noted("meanwhile"))
        assert await recorder.look() == ["own", "meanwhile"]


@in_event_loop
async def test_an_aggregate_is_not_unloaded_while_a_command_or_a_write_is_under_way() -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        store.before_write.clear()
        running = asyncio.create_task(recorder.note("x"))
        await until(lambda: store.writes_begun == 1)
        assert not recorders.unload("a")
        store.before_write.set()
        await running
        assert recorders.unload("a")


@in_event_loop
async def test_an_aggregate_is_not_unloaded_while_an_asynchronous_write_is_under_way() -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        store.before_write.clear()
        writing = await recorder.do(lambda self: self.persist_async(Noted("x")))
        assert not recorders.unload("a")
        store.before_write.set()
        assert isinstance(writing, asyncio.Future)
        await writing
        await until(lambda: recorders.unload("a"))


@in_event_loop
async def test_an_aggregate_is_not_unloaded_while_a_command_is_stashed() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        stashed = asyncio.create_task(recorder.do(lambda self: self.stash()))
        await asyncio.sleep(0)
        assert not recorders.unload("a")
        stashed.cancel()
        await asyncio.wait([stashed])
        assert recorders.unload("a")


@in_event_loop
async def test_when_too_many_are_live_the_longest_unused_makes_room() -> None:
    async with opened() as log, Aggregates(log, Counter, max_live=2) as counters:
        first, second = await counters.get("first"), await counters.get("second")
        await first.increment(1)
        await counters.get("third")
        assert counters.live == ("first", "third")
        assert await second.read() == 0


@in_event_loop
async def test_when_all_live_aggregates_are_at_work_another_is_refused_as_overloaded() -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, Recorder, max_live=1) as recorders:
        recorder = await recorders.get("a")
        store.before_write.clear()
        running = asyncio.create_task(recorder.note("x"))
        await until(lambda: store.writes_begun == 1)
        with pytest.raises(Overloaded):
            await recorders.get("b")
        store.before_write.set()
        await running
        await recorders.get("b")
