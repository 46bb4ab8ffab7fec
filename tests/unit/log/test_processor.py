"""A processor's outputs: each once, in log order, with progress, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from museion.base.errors import Unavailable
from museion.base.retry import RetryPolicy
from museion.log.event import Event, EventId, NewEvent
from museion.log.event_log import EventLog, LogClosed
from museion.log.event_store import EventStore, WriteFailed
from museion.log.memory_store import MemoryEventStore
from museion.log.sourced.processor import ProcessorRunner, WorkCancelled
from museion.log.vector_time import VectorTime
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import in_event_loop, until
from museion.testing.steered_store import SteeredStore

AT_ONCE = RetryPolicy(first_delay_s=0.0, longest_delay_s=0.0)


def photo(name: str) -> NewEvent:
    return NewEvent(type_name="photo.added", payload=name.encode(), emitter_id="ingest")


def other() -> NewEvent:
    return NewEvent(type_name="other.happened", payload=b"", emitter_id="ingest")


class Captions:
    """Answers each photo with captions, when the test lets it.

    Attributes:
        gates: names of photos that have to wait for their gate.
        errors: errors by name of photo, each raised once, in order.
    """

    name = "captions"
    handles = frozenset({"photo.added"})

    def __init__(self, *, outputs: int = 1) -> None:
        self.begun: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.errors: dict[str, list[BaseException]] = {}
        self._outputs = outputs

    async def process(self, event: Event) -> Sequence[NewEvent]:
        name = event.payload.decode()
        self.begun.append(name)
        if name in self.gates:
            await self.gates[name].wait()
        if self.errors.get(name):
            raise self.errors[name].pop(0)
        return [
            NewEvent(type_name="photo.captioned", payload=name.encode(), emitter_id=self.name)
            for _ in range(self._outputs)
        ]


@asynccontextmanager
async def opened(store: EventStore | None = None) -> AsyncIterator[EventLog]:
    log = EventLog(store or MemoryEventStore(log_id="here"))
    try:
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def running(runner: ProcessorRunner) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(runner.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def captions(log: EventLog) -> list[str]:
    return [event.payload.decode() for event in await log.read() if _is_caption(event)]


def _is_caption(event: Event) -> bool:
    return event.type_name == "photo.captioned"


@in_event_loop
async def test_every_handled_event_is_answered_in_log_order() -> None:
    async with opened() as log:
        runner = ProcessorRunner(log, Captions(outputs=2))
        await log.append([photo("a"), other(), photo("b")])
        async with running(runner):
            await log.append([photo("c")])
            await until(lambda: runner.position == log.sequence_nr == 10)
        assert await captions(log) == ["a", "a", "b", "b", "c", "c"]


@in_event_loop
async def test_outputs_keep_the_order_of_the_log_when_work_ends_in_another() -> None:
    processor = Captions()
    processor.gates = {name: asyncio.Event() for name in "abc"}
    async with opened() as log:
        runner = ProcessorRunner(log, processor)
        await log.append([photo(name) for name in "abcd"])
        async with running(runner):
            await until(lambda: processor.begun == ["a", "b", "c", "d"])
            for name in "cb":
                processor.gates[name].set()
                await _settled()
                assert log.sequence_nr == 4, "nothing is written before the outputs of the oldest"
            processor.gates["a"].set()
            await until(lambda: log.sequence_nr == 8)
        assert await captions(log) == ["a", "b", "c", "d"]


@in_event_loop
async def test_what_is_finished_behind_unfinished_work_waits_for_it() -> None:
    processor = Captions()
    processor.gates = {"b": asyncio.Event()}
    async with opened() as log:
        runner = ProcessorRunner(log, processor)
        await log.append([photo(name) for name in "abc"])
        async with running(runner):
            await until(lambda: runner.position == 1)
            await _settled()
            assert await captions(log) == ["a"]
            assert log.progress("captions") == 1
            processor.gates["b"].set()
            await until(lambda: log.sequence_nr == 6)
        assert await captions(log) == ["a", "b", "c"]


@in_event_loop
async def test_outputs_and_progress_are_written_in_one_batch() -> None:
    store = SteeredStore(MemoryEventStore())
    async with opened(store) as log:
        runner = ProcessorRunner(log, Captions(outputs=2))
        await log.append([photo("a"), other()])
        async with running(runner):
            await until(lambda: runner.position == 4)
    (batch,) = [each for each in store.batches if each.progress]
    assert numbers(batch.events) == [3, 4]
    assert batch.progress["captions"] in {1, 2}


@in_event_loop
async def test_outputs_happen_after_the_event_they_answer() -> None:
    async with opened() as log:
        runner = ProcessorRunner(log, Captions())
        stamped = NewEvent(
            type_name="photo.added",
            payload=b"a",
            emitter_id="ingest",
            vector_timestamp=VectorTime({"there": 4}),
        )
        await log.append([stamped])
        async with running(runner):
            await until(lambda: log.sequence_nr == 2)
        source, output = await log.read()
        assert source.vector_timestamp < output.vector_timestamp
        assert output.vector_timestamp == VectorTime({"there": 4, "here": 2})
        assert output.cause == source.id == EventId("here", 1)


@in_event_loop
async def test_a_new_runner_goes_on_where_the_last_one_stopped() -> None:
    async with opened() as log:
        await log.append([photo("a"), photo("b")])
        first = ProcessorRunner(log, Captions())
        async with running(first):
            await until(lambda: first.position == 4)
        again = Captions()
        second = ProcessorRunner(log, again)
        assert second.position in {2, 3}, "what it wrote itself may be skipped anew"
        await log.append([photo("c")])
        async with running(second):
            await until(lambda: second.position == 6)
        assert again.begun == ["c"]
        assert await captions(log) == ["a", "b", "c"]


@in_event_loop
async def test_a_runner_cancelled_while_its_outputs_are_written_doubles_nothing() -> None:
    store = SteeredStore(MemoryEventStore())
    async with opened(store) as log:
        await log.append([photo("a")])
        runner = ProcessorRunner(log, Captions())
        store.before_write.clear()
        async with running(runner) as task:
            await until(lambda: store.writes_begun == 2)
            task.cancel()
            await _settled()
            assert not task.done(), "it waits until it is known what became of the outputs"
            store.before_write.set()
        async with running(runner):  # the same one again
            await log.append([photo("b")])
            await until(lambda: runner.position == 4)
        assert await captions(log) == ["a", "b"]


@in_event_loop
async def test_a_runner_cancelled_while_events_are_in_work_loses_nothing() -> None:
    processor = Captions()
    processor.gates = {"a": asyncio.Event()}
    async with opened() as log:
        await log.append([photo("a"), photo("b")])
        runner = ProcessorRunner(log, processor)
        async with running(runner):
            await until(lambda: processor.begun == ["a", "b"])
            await _settled()
        assert (log.sequence_nr, runner.position) == (2, 0)
        processor.gates["a"].set()
        async with running(runner):
            await until(lambda: runner.position == 4)
        assert await captions(log) == ["a", "b"]


@in_event_loop
async def test_work_goes_on_while_an_earlier_event_takes_long() -> None:
    processor = Captions()
    processor.gates = {"a": asyncio.Event()}
    async with opened() as log:
        async with running(ProcessorRunner(log, processor, window=4)):
            for name in "abc":
                await log.append([photo(name)])
                await until(lambda name=name: name in processor.begun)  # type: ignore[misc]  # bound
            processor.gates["a"].set()
            await until(lambda: log.sequence_nr == 6)
        assert await captions(log) == ["a", "b", "c"]


@pytest.mark.parametrize("window", [1, 3])
@in_event_loop
async def test_no_more_events_are_in_work_than_the_window_allows(window: int) -> None:
    processor = Captions()
    names = [f"p{each}" for each in range(20)]
    processor.gates = {name: asyncio.Event() for name in names}
    async with opened() as log:
        runner = ProcessorRunner(log, processor, window=window)
        await log.append([event for name in names for event in (photo(name), other())])
        async with running(runner):
            for done, name in enumerate(names):
                await until(lambda done=done: len(processor.begun) >= min(done + window, 20))  # type: ignore[misc]  # bound
                await _settled()
                assert len(processor.begun) <= done + window
                processor.gates[name].set()
            await until(lambda: runner.position == 60)
        assert await captions(log) == names


@in_event_loop
async def test_events_that_nobody_handles_take_no_room_in_the_window() -> None:
    processor = Captions()
    processor.gates = {name: asyncio.Event() for name in "ab"}
    async with opened() as log:
        runner = ProcessorRunner(log, processor, window=2)
        await log.append([photo("a"), *[other() for _ in range(50)], photo("b"), other()])
        async with running(runner):
            await until(lambda: processor.begun == ["a", "b"])
            assert runner.position == 0
            processor.gates["a"].set()
            await until(lambda: runner.position == 51)
            processor.gates["b"].set()
            await until(lambda: runner.position == 55)


@in_event_loop
async def test_events_that_nobody_handles_write_nothing() -> None:
    store = SteeredStore(MemoryEventStore())
    async with opened(store) as log:
        runner = ProcessorRunner(log, Captions())
        await log.append([other() for _ in range(100)])
        async with running(runner):
            await until(lambda: runner.position == 100)
    assert store.writes_begun == 1


@in_event_loop
async def test_after_many_of_them_progress_is_noted_once_in_a_while() -> None:
    store = SteeredStore(MemoryEventStore())
    async with opened(store) as log:
        runner = ProcessorRunner(log, Captions())
        for _ in range(5):
            await log.append([other() for _ in range(500)])
        async with running(runner):
            await until(lambda: runner.position == 2500)
        assert [dict(batch.progress) for batch in store.batches[5:]] == [
            {"captions": 1024},
            {"captions": 2048},
        ]


@in_event_loop
async def test_what_is_unavailable_is_tried_again_and_named_meanwhile() -> None:
    processor = Captions()
    processor.errors = {"a": [Unavailable("The pool is full."), Unavailable("It still is.")]}
    async with opened() as log:
        runner = ProcessorRunner(log, processor, retry=AT_ONCE)
        await log.append([photo("a"), photo("b")])
        async with running(runner):
            await until(lambda: runner.position == 4)
        assert sorted(processor.begun) == ["a", "a", "a", "b"]
        assert await captions(log) == ["a", "b"]
        assert runner.trouble is None


@in_event_loop
async def test_trouble_names_what_is_unavailable() -> None:
    processor = Captions()
    processor.errors = {"a": [Unavailable("The pool is full.")]}
    async with opened() as log:
        runner = ProcessorRunner(log, processor, retry=RetryPolicy(first_delay_s=3600.0))
        await log.append([photo("a")])
        async with running(runner):
            await until(lambda: runner.trouble == "The pool is full.")
        assert runner.trouble is None


@in_event_loop
async def test_outputs_that_could_not_be_written_are_written_later() -> None:
    store = SteeredStore(MemoryEventStore())
    async with opened(store) as log:
        runner = ProcessorRunner(log, Captions(), retry=AT_ONCE)
        store.failures = [None, WriteFailed("full"), WriteFailed("full")]
        await log.append([photo("a")])
        async with running(runner):
            await until(lambda: runner.position == 2)
        assert await captions(log) == ["a"]


@pytest.mark.parametrize("at", ["a", "b"])
@in_event_loop
async def test_any_other_error_ends_the_runner_and_is_raised_as_it_is(at: str) -> None:
    processor = Captions()
    error = ValueError("defect")
    processor.errors = {at: [error]}
    processor.gates = {"c": asyncio.Event()}
    async with opened() as log:
        runner = ProcessorRunner(log, processor)
        await log.append([photo("a"), photo("b"), photo("c")])
        with pytest.raises(ValueError, match="defect") as raised:
            await runner.run()
        assert raised.value is error
        processor.gates["c"].set()
        async with running(runner):
            await until(lambda: runner.position == log.sequence_nr)
        assert await captions(log) == ["a", "b", "c"], "a new run meets the same event again"


@in_event_loop
async def test_work_that_was_cancelled_from_within_is_an_error_and_no_standstill() -> None:
    processor = Captions()
    processor.errors = {"b": [asyncio.CancelledError()]}
    async with opened() as log:
        runner = ProcessorRunner(log, processor)
        await log.append([photo("a"), photo("b")])
        with pytest.raises(WorkCancelled, match="event 2"):
            await runner.run()


@in_event_loop
async def test_a_closed_log_ends_the_runner() -> None:
    log = EventLog(MemoryEventStore())
    task = asyncio.create_task(ProcessorRunner(log, Captions(), retry=AT_ONCE).run())
    await _settled()
    await log.close()
    with pytest.raises(LogClosed):
        await task


@in_event_loop
async def test_a_log_closed_under_a_working_processor_is_not_retried() -> None:
    processor = Captions()
    processor.gates = {"a": asyncio.Event()}
    log = EventLog(MemoryEventStore())
    await log.append([photo("a")])
    task = asyncio.create_task(ProcessorRunner(log, processor, retry=AT_ONCE).run())
    await until(lambda: processor.begun == ["a"])
    processor.gates["a"].set()
    await log.close()
    with pytest.raises(LogClosed):
        await task


@in_event_loop
async def test_an_error_leaves_no_work_behind() -> None:
    processor = Captions()
    processor.gates = {"b": asyncio.Event()}
    processor.errors = {"a": [ValueError("defect")]}
    async with opened() as log:
        await log.append([photo("a"), photo("b")])
        before = asyncio.all_tasks()
        with pytest.raises(ValueError, match="defect"):
            await ProcessorRunner(log, processor).run()
        assert asyncio.all_tasks() == before


async def _settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)
