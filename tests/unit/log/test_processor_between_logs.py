"""A processor from one log into another: progress lies in the target, beside the outputs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from museion.log.event import Event, NewEvent
from museion.log.event_log import EmitterInUse, EventLog, UnknownPosition
from museion.log.event_store import EventStore
from museion.log.memory_store import MemoryEventStore
from museion.log.sourced.conditional import at_least
from museion.log.sourced.processor import ProcessorRunner
from museion.log.sourced.refusals import NoVersion
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until
from museion.testing.steered_store import SteeredStore


def order(text: str, stamp: VectorTime | None = None) -> NewEvent:
    return NewEvent(
        type_name="order.placed",
        payload=text.encode(),
        emitter_id="shop",
        vector_timestamp=stamp or VectorTime(),
    )


class Bills:
    """Answers an order of n letters with n bills."""

    name = "bills"
    handles = frozenset({"order.placed"})

    async def process(self, event: Event) -> Sequence[NewEvent]:
        return [
            NewEvent(type_name="bill.sent", payload=bytes([letter]), emitter_id=self.name)
            for letter in event.payload
        ]


@asynccontextmanager
async def two_logs(
    target_store: EventStore | None = None,
) -> AsyncIterator[tuple[EventLog, EventLog]]:
    source = EventLog(MemoryEventStore(log_id="source"))
    target = EventLog(target_store or MemoryEventStore(log_id="target"))
    try:
        yield source, target
    finally:
        await source.close()
        await target.close()


@asynccontextmanager
async def running(runner: ProcessorRunner) -> AsyncIterator[None]:
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def bills(log: EventLog) -> str:
    return b"".join([event.payload for event in await log.read()]).decode()


@in_event_loop
async def test_a_processor_writes_outputs_to_another_log_than_it_reads() -> None:
    async with two_logs() as (source, target):
        await source.append([order("ab"), order(""), order("c")])
        runner = ProcessorRunner(source, Bills(), target=target)
        async with running(runner):
            await until(lambda: runner.position == 3)
        assert source.sequence_nr == 3
        assert await bills(target) == "abc"


@in_event_loop
async def test_progress_is_stored_in_the_target_log_under_the_name_with_the_outputs() -> None:
    store = SteeredStore(MemoryEventStore(log_id="target"))
    async with two_logs(store) as (source, target):
        await source.append([order("ab")])
        runner = ProcessorRunner(source, Bills(), target=target)
        async with running(runner):
            await until(lambda: runner.position == 1)
        assert (source.progress("bills"), target.progress("bills")) == (0, 1)
        (batch,) = store.batches
        assert (len(batch.events), dict(batch.progress)) == (2, {"bills": 1})


@in_event_loop
async def test_a_stateless_processor_keeps_the_timestamp_of_the_source_event() -> None:
    async with two_logs() as (source, target):
        await source.append([order("a", VectorTime({"far": 3})), order("b")])
        runner = ProcessorRunner(source, Bills(), target=target)
        async with running(runner):
            await until(lambda: runner.position == 2)
        first, second = await target.read()
        orders = await source.read()
        assert first.vector_timestamp == VectorTime({"far": 3, "source": 1, "target": 1})
        assert second.vector_timestamp == VectorTime({"source": 2, "target": 2})
        assert [first.cause, second.cause] == [event.id for event in orders]


@in_event_loop
async def test_a_stateless_processor_resumes_at_progress_plus_one() -> None:
    async with two_logs() as (source, target):
        await source.append([order("a"), order("b")])
        await target.append([], progress={"bills": 1})
        runner = ProcessorRunner(source, Bills(), target=target)
        assert runner.position == 1
        async with running(runner):
            await until(lambda: runner.position == 2)
        assert await bills(target) == "b"


@in_event_loop
async def test_outputs_of_one_event_are_never_split_over_two_batches() -> None:
    """Also when they are more than a group commit takes."""
    store = SteeredStore(MemoryEventStore(log_id="target"))
    async with two_logs(store) as (source, target):
        await source.append([order("a" * 700), order("b" * 700)])
        runner = ProcessorRunner(source, Bills(), target=target, window=1)
        async with running(runner):
            await until(lambda: runner.position == 2)
    assert [len(batch.events) for batch in store.batches] == [700, 700]
    assert [batch.progress["bills"] for batch in store.batches] == [1, 2]


@in_event_loop
async def test_a_source_that_lost_events_is_refused_instead_of_skipped() -> None:
    async with two_logs() as (source, target):
        await source.append([order("a")])
        await target.append([], progress={"bills": 5})
        with pytest.raises(UnknownPosition):
            await ProcessorRunner(source, Bills(), target=target).run()


@in_event_loop
async def test_custom_destinations_are_added_to_outputs() -> None:
    async with two_logs() as (source, target):
        await source.append([order("a")])
        runner = ProcessorRunner(
            source,
            Bills(),
            target=target,
            destinations=lambda output, event: [f"customer {event.payload.decode()}"],
        )
        async with running(runner):
            await until(lambda: runner.position == 1)
        (bill,) = await target.read(aggregate_id="customer a")
        assert bill.custom_destinations == ("customer a",)


@in_event_loop
async def test_two_processors_of_one_name_cannot_write_to_one_target() -> None:
    async with two_logs() as (source, target):
        await source.append([order("a")])
        first = ProcessorRunner(source, Bills(), target=target)
        async with running(first):
            await until(lambda: first.position == 1)
            with pytest.raises(EmitterInUse):
                await ProcessorRunner(source, Bills(), target=target).run()


@in_event_loop
async def test_a_stateless_processor_refuses_conditional_requests() -> None:
    async with two_logs() as (source, target):
        with pytest.raises(NoVersion):
            await at_least(ProcessorRunner(source, Bills(), target=target), VectorTime())
