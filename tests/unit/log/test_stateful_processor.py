"""A stateful processor depends on all that it has seen, and still writes each output once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museion.base.retry import RetryPolicy
from museion.log.event import Event, NewEvent
from museion.log.event_log import EmitterInUse, EventLog, UnknownPosition
from museion.log.event_store import WriteFailed
from museion.log.memory_store import MemoryEventStore
from museion.log.sourced.conditional import at_least
from museion.log.sourced.refusals import NotReached
from museion.log.sourced.stateful_processor import StatefulProcessorRunner
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until
from museion.testing.steered_store import SteeredStore

AT_ONCE = RetryPolicy(first_delay_s=0.0, longest_delay_s=0.0)


def paid(amount: int, stamp: VectorTime | None = None) -> NewEvent:
    return NewEvent(
        type_name="paid",
        payload=b"%d" % amount,
        emitter_id="till",
        vector_timestamp=stamp or VectorTime(),
    )


def noise() -> NewEvent:
    return NewEvent(type_name="noise", payload=b"", emitter_id="till")


class Totals:
    """Answers each payment with `copies` statements of the running total."""

    name = "totals"
    handles = frozenset({"paid"})

    def __init__(self, copies: int = 1) -> None:
        self.total = 0
        self._copies = copies

    def process(self, event: Event) -> Sequence[NewEvent]:
        self.total += int(event.payload)
        if self.total < 0:
            raise ValueError("overdrawn")
        statement = NewEvent(type_name="total", payload=b"%d" % self.total, emitter_id=self.name)
        return [statement] * self._copies


@asynccontextmanager
async def two_logs(
    target_store: SteeredStore | None = None,
) -> AsyncIterator[tuple[EventLog, EventLog]]:
    source = EventLog(MemoryEventStore(log_id="source"))
    target = EventLog(target_store or MemoryEventStore(log_id="target"))
    try:
        yield source, target
    finally:
        await source.close()
        await target.close()


@asynccontextmanager
async def running(runner: StatefulProcessorRunner) -> AsyncIterator[None]:
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def caught_up(runner: StatefulProcessorRunner, position: int) -> None:
    async with running(runner):
        await until(lambda: runner.position == position)


async def totals(log: EventLog) -> list[int]:
    return [int(event.payload) for event in await log.read() if event.type_name == "total"]


def steered() -> SteeredStore:
    return SteeredStore(MemoryEventStore(log_id="target"))


@in_event_loop
async def test_it_replays_all_events_but_writes_only_outputs_above_the_stored_progress() -> None:
    store = steered()
    async with two_logs(store) as (source, target):
        await source.append([paid(1), noise(), paid(2)])
        await caught_up(StatefulProcessorRunner(source, Totals, target=target), 3)
        await source.append([paid(4)])
        again = StatefulProcessorRunner(source, Totals, target=target)
        await caught_up(again, 4)
        assert await totals(target) == [1, 3, 7]
        assert isinstance(again.processor, Totals)
        assert again.processor.total == 7
    assert [dict(batch.progress) for batch in store.batches] == [{"totals": 3}, {"totals": 4}]


@in_event_loop
async def test_outputs_carry_the_processors_version_of_everything_it_has_handled() -> None:
    async with two_logs() as (source, target):
        await source.append([paid(1, VectorTime({"far": 3})), noise(), paid(2)])
        await caught_up(StatefulProcessorRunner(source, Totals, target=target), 3)
        first, second = await target.read()
        assert first.vector_timestamp == VectorTime({"far": 3, "source": 1, "target": 1})
        assert second.vector_timestamp == VectorTime({"far": 3, "source": 3, "target": 2})
        assert second.cause == (await source.read())[2].id


@in_event_loop
async def test_what_it_did_not_handle_is_not_in_the_version() -> None:
    async with two_logs() as (source, target):
        strange = NewEvent(
            type_name="noise",
            payload=b"",
            emitter_id="till",
            vector_timestamp=VectorTime({"elsewhere": 9}),
        )
        await source.append([strange, paid(1)])
        runner = StatefulProcessorRunner(source, Totals, target=target)
        await caught_up(runner, 2)
        assert runner.version == VectorTime({"source": 2})


@in_event_loop
async def test_outputs_of_one_event_are_never_split_a_larger_batch_is_written_then() -> None:
    store = steered()
    async with two_logs(store) as (source, target):
        await source.append([paid(1), paid(2), paid(3), paid(4), paid(5)])
        runner = StatefulProcessorRunner(
            source, lambda: Totals(copies=3), target=target, max_batch_events=7
        )
        await caught_up(runner, 5)
        narrow = StatefulProcessorRunner(
            source, lambda: Totals(copies=3), target=source, max_batch_events=2
        )
        async with running(narrow):
            await until(lambda: narrow.position >= 5)
        assert source.sequence_nr == 5 + 15
    assert [len(batch.events) for batch in store.batches] == [6, 6, 3]


@in_event_loop
async def test_of_several_batches_only_the_last_carries_the_progress_of_the_last_event() -> None:
    """The others carry that of the last event that is whole in them: no loss, no double between."""
    store = steered()
    async with two_logs(store) as (source, target):
        await source.append([paid(1), noise(), paid(2), paid(3)])
        runner = StatefulProcessorRunner(
            source, lambda: Totals(copies=2), target=target, max_batch_events=3
        )
        await caught_up(runner, 4)
    assert [batch.progress["totals"] for batch in store.batches] == [2, 3, 4]


@in_event_loop
async def test_an_end_between_two_batches_loses_and_doubles_nothing() -> None:
    store = steered()
    async with two_logs(store) as (source, target):
        await source.append([paid(1), paid(2), paid(4)])
        store.failures = [None, WriteFailed("full"), *[WriteFailed("full")] * 200]
        make = lambda: Totals(copies=2)  # noqa: E731
        runner = StatefulProcessorRunner(source, make, target=target, max_batch_events=2)
        async with running(runner):
            await until(lambda: store.writes_begun >= 2)
        store.failures = []
        again = StatefulProcessorRunner(source, make, target=target, max_batch_events=2)
        await caught_up(again, 3)
        assert await totals(target) == [1, 1, 3, 3, 7, 7]


@in_event_loop
async def test_outputs_that_could_not_be_written_are_written_later() -> None:
    store = steered()
    async with two_logs(store) as (source, target):
        store.failures = [WriteFailed("full")] * 20
        await source.append([paid(1)])
        runner = StatefulProcessorRunner(source, Totals, target=target, retry=AT_ONCE)
        await caught_up(runner, 1)
        assert await totals(target) == [1]
        assert runner.trouble is None


@in_event_loop
async def test_it_can_write_to_the_log_that_it_reads() -> None:
    async with two_logs() as (source, _):
        await source.append([paid(1), paid(2)])
        runner = StatefulProcessorRunner(source, Totals)
        async with running(runner):
            await until(lambda: source.sequence_nr == 4)
            await source.append([paid(4)])
            await until(lambda: runner.position == 6)
        assert await totals(source) == [1, 3, 7]


@in_event_loop
async def test_an_error_of_the_processor_ends_the_run_and_a_new_run_meets_the_event_again() -> None:
    async with two_logs() as (source, target):
        await source.append([paid(1), paid(-5)])
        runner = StatefulProcessorRunner(source, Totals, target=target)
        for _ in range(2):
            with pytest.raises(ValueError, match="overdrawn"):
                await runner.run()
        assert target.progress("totals") <= 1


@in_event_loop
async def test_whoever_waits_for_a_version_sees_its_outputs_in_the_target() -> None:
    async with two_logs() as (source, target):
        runner = StatefulProcessorRunner(source, Totals, target=target)
        async with running(runner):
            (event,) = await source.append([paid(1)])
            await at_least(runner, event.vector_timestamp)
            assert await totals(target) == [1]


@in_event_loop
async def test_waiting_for_a_version_has_a_limit() -> None:
    async with two_logs() as (source, target):
        runner = StatefulProcessorRunner(source, Totals, target=target)
        with pytest.raises(NotReached):
            await at_least(runner, VectorTime({"source": 1}), limit_s=0.01)


@in_event_loop
async def test_a_source_that_lost_events_is_refused_and_one_name_runs_once() -> None:
    async with two_logs() as (source, target):
        await target.append([], progress={"totals": 5})
        with pytest.raises(UnknownPosition):
            await StatefulProcessorRunner(source, Totals, target=target).run()
        with target.claim("processor:totals"), pytest.raises(EmitterInUse):
            await StatefulProcessorRunner(source, Totals, target=target).run()


@in_event_loop
async def test_custom_destinations_are_added_to_outputs() -> None:
    async with two_logs() as (source, target):
        await source.append([paid(1)])
        runner = StatefulProcessorRunner(
            source, Totals, target=target, destinations=lambda output, event: ["auditor"]
        )
        await caught_up(runner, 1)
        assert len(await target.read(aggregate_id="auditor")) == 1


@given(
    amounts=st.lists(st.integers(0, 9), max_size=30),
    stops=st.lists(st.integers(0, 30), max_size=4),
    max_batch=st.integers(1, 8),
    copies=st.integers(0, 3),
)
def test_however_it_is_stopped_the_outputs_are_those_of_one_uninterrupted_run(
    amounts: list[int], stops: list[int], max_batch: int, copies: int
) -> None:
    @in_event_loop
    async def run() -> None:
        async with two_logs() as (source, target):
            done = 0
            for stop in sorted([*stops, len(amounts)]):
                more = amounts[done:stop]
                done = max(done, min(stop, len(amounts)))
                await source.append([paid(amount) for amount in more])
                runner = StatefulProcessorRunner(
                    source, lambda: Totals(copies), target=target, max_batch_events=max_batch
                )
                await caught_up(runner, source.sequence_nr)
            expected = [sum(amounts[: n + 1]) for n in range(len(amounts)) for _ in range(copies)]
            assert await totals(target) == expected

    run()
