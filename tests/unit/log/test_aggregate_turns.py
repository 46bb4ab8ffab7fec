"""In which order an aggregate carries out its commands."""

from __future__ import annotations

import asyncio

import pytest
from opened_log import opened, steered
from recording import Noted, Recorder, SideBySide, emit, in_both_modes

from museion.log.event_store import WriteFailed
from museion.log.sourced.aggregate import Aggregate, command
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.refusals import AggregateStopped, Overloaded, WaitsForItself
from museion.testing.event_loop import in_event_loop, until


@in_event_loop
async def test_with_state_sync_on_further_commands_wait_until_the_write_is_done() -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        store.before_write.clear()
        first = asyncio.create_task(recorder.note("first"))
        second = asyncio.create_task(recorder.look())
        await until(lambda: store.writes_begun == 1)
        assert not second.done()
        store.before_write.set()
        assert await second == ["first"]
        await first


@in_event_loop
async def test_with_state_sync_on_validation_uses_the_current_state() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        accepted = await asyncio.gather(*(recorder.note_if_empty(str(nr)) for nr in range(5)))
        assert accepted == [True, False, False, False, False]


@in_event_loop
async def test_with_state_sync_off_commands_go_on_at_once_with_a_possibly_stale_state() -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, SideBySide) as recorders:
        recorder = await recorders.get("a")
        store.before_write.clear()
        held_up = asyncio.create_task(emit(log, Noted("elsewhere"), aggregate_id="b"))
        await until(lambda: store.writes_begun == 1)
        both = [asyncio.create_task(recorder.note_if_empty(text)) for text in ("one", "two")]
        await until(lambda: log.statistics.pending_requests == 2)
        assert await recorder.look() == []
        store.before_write.set()
        assert await asyncio.gather(*both) == [True, True]
        assert await recorder.look() == ["one", "two"]
        await held_up


@in_both_modes
@in_event_loop
async def test_commands_begin_in_the_order_of_their_arrival(kind: type[Recorder]) -> None:
    async with opened() as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        await asyncio.gather(*(recorder.note(str(nr)) for nr in range(20)))
        assert await recorder.look() == [str(nr) for nr in range(20)]


@in_both_modes
@in_event_loop
async def test_commands_that_arrive_during_recovery_wait_and_see_the_recovered_state(
    kind: type[Recorder],
) -> None:
    async with opened() as log, Aggregates(log, kind) as recorders:
        await emit(log, *(Noted(str(nr)) for nr in range(2000)))
        recorder = recorders.handle("a")
        looks = await asyncio.gather(recorder.look(), recorder.note("new"), recorder.look())
        assert len(looks[0]) == 2000
        assert looks[1][-1] == "new"


@in_event_loop
async def test_a_command_waits_for_a_write_that_fails_and_then_goes_on() -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        store.before_write.clear()
        store.failures = [WriteFailed("no space")] * 50
        first = asyncio.create_task(recorder.note("lost"))
        second = asyncio.create_task(recorder.look())
        await until(lambda: store.writes_begun == 1)
        store.before_write.set()
        with pytest.raises(WriteFailed):
            await first
        assert await second == []


@in_both_modes
@in_event_loop
async def test_too_many_waiting_commands_are_refused_as_overloaded(kind: type[Recorder]) -> None:
    async with opened() as log, Aggregates(log, kind, max_waiting=2) as recorders:
        recorder = recorders.handle("a")
        waiting = [asyncio.create_task(recorder.look()) for _ in range(3)]
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(answer) for answer in answers] == [list, list, Overloaded]
        assert await recorder.look() == []


@in_both_modes
@in_event_loop
async def test_a_command_cancelled_while_it_waits_never_runs(kind: type[Recorder]) -> None:
    async with opened() as log, Aggregates(log, kind) as recorders:
        recorder = recorders.handle("a")
        waiting = [asyncio.create_task(recorder.note(text)) for text in ("one", "two", "three")]
        await asyncio.sleep(0)
        waiting[1].cancel()
        await asyncio.wait(waiting)
        assert await recorder.look() == ["one", "three"]


@in_event_loop
async def test_cancelling_a_command_cancels_what_it_does_and_lets_the_next_one_run() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        never = asyncio.Event()
        begun = asyncio.Event()

        async def hang(_: Recorder) -> None:
            begun.set()
            await never.wait()

        hanging = asyncio.create_task(recorder.do(hang))
        await begun.wait()
        hanging.cancel()
        assert await recorder.note("next") == ["next"]


class Chained(Aggregate, name="chained"):
    @command
    async def call(self, *others: Chained) -> str:
        return await others[0].call(*others[1:]) if others else self.id


@in_event_loop
async def test_a_command_that_would_wait_for_itself_is_refused() -> None:
    async with opened() as log, Aggregates(log, Chained) as chained:
        a, b = await chained.get("a"), await chained.get("b")
        assert await a.call(b) == "b"
        with pytest.raises(WaitsForItself):
            await a.call(b, a)
        assert await a.call() == "a"


@in_event_loop
async def test_a_task_that_outlives_its_command_may_call_the_same_aggregate() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        later: list[asyncio.Task[list[str]]] = []

        async def call_later(_: Recorder) -> None:
            later.append(asyncio.create_task(recorder.note("later")))

        await recorder.do(call_later)
        assert await later[0] == ["later"]


@in_event_loop
async def test_leaving_the_block_refuses_waiting_commands_and_lets_running_ones_end() -> None:
    store = steered()
    async with opened(store) as log:
        async with Aggregates(log, Recorder) as recorders:
            recorder = await recorders.get("a")
            store.before_write.clear()
            writing = asyncio.create_task(recorder.note("written"))
            waiting = asyncio.create_task(recorder.look())
            await until(lambda: store.writes_begun == 1)
            asyncio.get_running_loop().call_soon(store.before_write.set)
        assert log.sequence_nr == 1
        with pytest.raises(AggregateStopped):
            await waiting
        with pytest.raises(AggregateStopped):
            await recorder.look()
        assert await writing == ["written"]
