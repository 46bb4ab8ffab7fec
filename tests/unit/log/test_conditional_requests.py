"""Causal tokens: what was seen in one place is seen in another, or the wait ends in time."""

from __future__ import annotations

import asyncio

import pytest
from counting import Counter
from opened_log import opened, steered
from recording import Noted, PassedOver, Recorder, emit, in_both_modes, replicate, two_logs
from texts_view import Texts

from museion.log.event_log import EventLog, LogClosed
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.conditional import CausalWaits, at_least
from museion.log.sourced.refusals import NotHandled, NotReached, NoVersion, Overloaded
from museion.log.sourced.view import handles, running
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until


@in_event_loop
async def test_what_aggregate_a_wrote_is_seen_in_view_b_with_its_token() -> None:
    async with (
        opened() as log,
        Aggregates(log, Recorder) as recorders,
        running(Texts, log) as view,
    ):
        recorder = await recorders.get("a")
        await recorder.note("written")
        await view.at_least(recorder.version)
        assert view.texts == ["written"]


@in_event_loop
async def test_what_was_written_at_one_location_is_seen_at_another_with_its_token() -> None:
    async with two_logs() as (here, there), running(Texts, here) as view:
        (event,) = await emit(there, Noted("from there"))
        reading = asyncio.create_task(view.at_least(event.vector_timestamp))
        await asyncio.sleep(0)
        assert not reading.done()
        await replicate(there, here)
        await reading
        assert view.texts == ["from there"]


@in_both_modes
@in_event_loop
async def test_an_aggregate_waits_for_a_token_too(kind: type[Recorder]) -> None:
    async with two_logs() as (here, there), Aggregates(here, kind) as recorders:
        recorder = await recorders.get("a")
        (event,) = await emit(there, Noted("from there"))
        reading = asyncio.create_task(recorder.at_least(event.vector_timestamp))
        await replicate(there, here)
        await reading
        assert await recorder.look() == ["from there"]


@in_event_loop
async def test_an_aggregate_that_is_not_loaded_is_started_for_a_token() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        (event,) = await emit(log, Noted("x"))
        recorder = recorders.handle("a")
        await recorder.at_least(event.vector_timestamp)
        assert await recorder.look() == ["x"]


@in_event_loop
async def test_a_command_can_wait_for_a_token_itself() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        (event,) = await emit(log, Noted("x"))
        await recorder.do(lambda self: self.at_least(event.vector_timestamp))


@in_event_loop
async def test_a_token_whose_events_are_not_routed_to_the_receiver_is_reached() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        (event,) = await emit(log, Noted("elsewhere"), aggregate_id="b")
        await recorder.at_least(event.vector_timestamp)
        assert recorder.version == VectorTime()


@in_event_loop
async def test_a_token_of_events_elsewhere_that_come_later_is_reached() -> None:
    async with two_logs() as (here, there), Aggregates(here, Recorder) as recorders:
        recorder = await recorders.get("a")
        (event,) = await emit(there, Noted("elsewhere"), aggregate_id="b")
        waiting = asyncio.create_task(recorder.at_least(event.vector_timestamp))
        await asyncio.sleep(0)
        await replicate(there, here)
        await waiting


@in_event_loop
async def test_a_token_of_events_without_a_handler_is_reached() -> None:
    async with opened() as log, running(Texts, log) as view:
        (event,) = await emit(log, PassedOver())
        await view.at_least(event.vector_timestamp)
        assert view.version == VectorTime()


@in_event_loop
async def test_requests_delayed_for_one_event_are_released_in_arrival_order() -> None:
    async with two_logs() as (here, there), running(Texts, here) as view:
        (event,) = await emit(there, Noted("x"))
        order: list[int] = []

        async def read(number: int) -> None:
            await view.at_least(event.vector_timestamp)
            order.append(number)

        readers = [asyncio.create_task(read(number)) for number in range(10)]
        await asyncio.sleep(0)
        await replicate(there, here)
        await asyncio.gather(*readers)
        assert order == list(range(10))


@in_event_loop
async def test_requests_without_a_token_or_with_one_reached_overtake_delayed_ones() -> None:
    async with opened() as log, Aggregates(log, Counter) as counters:
        counter = await counters.get("clicks")
        delayed = asyncio.create_task(counter.at_least(VectorTime({"there": 1})))
        await asyncio.sleep(0)
        assert await counter.increment(1) == 1
        await counter.at_least(counter.version)
        assert not delayed.done()
        delayed.cancel()
        await asyncio.wait([delayed])


@in_event_loop
async def test_a_token_that_does_not_arrive_in_time_is_an_error_with_a_name() -> None:
    async with opened() as log, running(Texts, log) as view:
        with pytest.raises(NotReached, match=r"within 0\.01 s"):
            await view.at_least(VectorTime({"there": 1}), limit_s=0.01)


@in_event_loop
async def test_a_waiting_request_can_be_cancelled_and_leaves_nothing_behind() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        waiting = asyncio.create_task(recorder.at_least(VectorTime({"there": 1})))
        await asyncio.sleep(0)
        assert not recorders.unload("a")
        waiting.cancel()
        await asyncio.wait([waiting])
        assert recorders.unload("a")
        assert log.statistics.subscriptions == 0


@in_event_loop
async def test_a_receiver_without_a_version_refuses() -> None:
    async with opened() as log, running(Texts, log) as view:
        await at_least(view, VectorTime())
        with pytest.raises(NoVersion, match="EventLog"):
            await at_least(log, VectorTime())


@in_event_loop
async def test_too_many_waiting_requests_are_refused_as_overloaded() -> None:
    class Nothing:
        def has_received(self, sequence_nr: int) -> bool:
            return False

        async def receive_up_to(self, sequence_nr: int) -> None: ...

    async with opened() as log:
        waits = CausalWaits(log, Nothing(), max_waiting=1)
        first = asyncio.create_task(waits.at_least(VectorTime({"there": 1})))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await waits.at_least(VectorTime({"there": 1}))
        first.cancel()
        await asyncio.wait([first])


@in_event_loop
async def test_when_the_log_is_closed_waiting_requests_end() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        waiting = asyncio.create_task(recorder.at_least(VectorTime({"there": 1})))
        await asyncio.sleep(0)
        await log.close()
        with pytest.raises(LogClosed):
            await waiting


@in_event_loop
async def test_when_a_view_fails_its_waiting_requests_end() -> None:
    class Broken(Texts, name="broken"):
        @handles
        def _noted(self, event: Noted) -> None:
            raise KeyError(event.text)

    ended: list[BaseException] = []

    async def wait(view: Texts) -> None:
        try:
            await view.at_least(VectorTime({"there": 1}))
        except Exception as error:
            ended.append(error)

    waiting: list[asyncio.Task[None]] = []

    async def use(log: EventLog) -> None:
        async with running(Broken, log) as view:
            waiting.append(asyncio.create_task(wait(view)))
            await asyncio.sleep(0)
            await emit(log, Noted("bad"))
            await asyncio.Event().wait()

    async with opened() as log:
        with pytest.raises(NotHandled):
            await use(log)
        await waiting[0]
        assert [type(error) for error in ended] == [NotHandled]


@in_event_loop
async def test_a_token_is_reached_only_when_a_write_under_way_is_handled() -> None:
    store = steered()
    async with opened(store) as log, running(Texts, log) as view:
        store.before_write.clear()
        writing = asyncio.create_task(emit(log, Noted("slow")))
        await until(lambda: store.writes_begun == 1)
        reading = asyncio.create_task(view.at_least(VectorTime({log.log_id: 1})))
        await asyncio.sleep(0)
        assert not reading.done()
        store.before_write.set()
        await reading
        assert view.texts == ["slow"]
        await writing
