"""What runs by itself ends its owner when it fails, and is waited for when it is behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from museion.base.errors import Unavailable
from museion.base.retry import RetryPolicy
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.sourced.processor import ProcessorRunner
from museion.node.pipeline import Pipeline
from museion.streams.projection import ProjectionRunner
from museion.testing.event_loop import in_event_loop, until

_AT_ONCE = RetryPolicy(first_delay_s=0.001, longest_delay_s=0.001)


class Defect(Exception):
    """Something that no family of errors knows."""


class Copying:
    """Answers "first" events with "second" ones, or as the test says."""

    name = "copying"
    handles = frozenset({"first"})

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.gate = asyncio.Event()
        self.gate.set()

    async def process(self, event: Event) -> Sequence[NewEvent]:
        await self.gate.wait()
        if self.error:
            raise self.error
        return [NewEvent(type_name="second", payload=event.payload, emitter_id=self.name)]


class Counting:
    """Counts events."""

    name = "counting"

    def __init__(self, error: Exception | None = None) -> None:
        self.position = 0
        self.error = error

    def apply(self, events: Sequence[Event]) -> None:
        if self.error:
            raise self.error
        self.position = events[-1].sequence_nr


def _pipeline(log: EventLog, processor: Copying, projection: Counting) -> Pipeline:
    return Pipeline(
        log,
        [
            ProcessorRunner(log, processor, retry=_AT_ONCE),
            ProjectionRunner(log, projection, retry=_AT_ONCE),
        ],
    )


async def _append(log: EventLog) -> None:
    await log.append([NewEvent(type_name="first", payload=b"x", emitter_id="test")])


@in_event_loop
async def test_it_has_settled_when_all_that_follows_is_done() -> None:
    log, projection = EventLog(MemoryEventStore()), Counting()
    pipeline = _pipeline(log, Copying(), projection)
    async with pipeline.running():
        for _ in range(20):
            await _append(log)
        stuck = await pipeline.settle()

    assert stuck == []
    assert log.sequence_nr == 40
    assert projection.position == 40
    assert {each.position for each in pipeline.followers()} == {40}
    await log.close()


@pytest.mark.parametrize("where", ["processor", "projection"])
def test_a_defect_ends_the_owner_with_its_own_words(where: str) -> None:
    """It is not swallowed, and nobody waits for what cannot come."""

    @in_event_loop
    async def run() -> None:
        defect = Defect("the reason")
        log = EventLog(MemoryEventStore())
        processor = Copying(defect if where == "processor" else None)
        pipeline = _pipeline(log, processor, Counting(defect if where == "projection" else None))

        async def own() -> None:
            async with pipeline.running():
                await _append(log)
                await asyncio.sleep(30)
                raise AssertionError("the owner went on")

        with pytest.raises(Defect, match="the reason"):
            await own()
        await log.close()

    run()


@in_event_loop
async def test_an_error_of_the_owner_is_its_own() -> None:
    """It comes out as it was, not in a group."""
    log = EventLog(MemoryEventStore())
    with pytest.raises(KeyError, match="mine"):
        async with _pipeline(log, Copying(), Counting()).running():
            raise KeyError("mine")
    await log.close()


@in_event_loop
async def test_trouble_that_lasts_is_given_up_waiting_for_and_named() -> None:
    log = EventLog(MemoryEventStore())
    processor = Copying(Unavailable("The disk is full."))
    pipeline = _pipeline(log, processor, Counting())
    async with pipeline.running():
        await _append(log)
        stuck = await pipeline.settle(trouble_limit_s=0.2)

        assert [(each.name, each.trouble) for each in stuck] == [("copying", "The disk is full.")]

        processor.error = None
        assert await pipeline.settle() == []
    await log.close()


@in_event_loop
async def test_trouble_of_a_projection_is_named_too() -> None:
    log = EventLog(MemoryEventStore())
    projection = Counting(Unavailable("The disk is full."))
    pipeline = _pipeline(log, Copying(), projection)
    async with pipeline.running():
        await _append(log)
        stuck = await pipeline.settle(trouble_limit_s=0.2)

        assert "counting" in {each.name for each in stuck}
    await log.close()


@in_event_loop
async def test_what_was_not_finished_is_done_at_the_next_start() -> None:
    log, processor = EventLog(MemoryEventStore()), Copying()
    processor.gate.clear()
    async with _pipeline(log, processor, Counting()).running():
        await _append(log)
        await asyncio.sleep(0.01)
    assert log.sequence_nr == 1

    processor.gate.set()
    pipeline = _pipeline(log, processor, Counting())
    async with pipeline.running():
        await pipeline.settle()

    assert log.sequence_nr == 2
    await log.close()


@in_event_loop
async def test_it_can_be_cancelled_at_any_moment() -> None:
    log = EventLog(MemoryEventStore())

    async def own() -> None:
        async with _pipeline(log, Copying(), Counting()).running():
            await asyncio.sleep(30)

    for delay_s in (0.0, 0.001, 0.01):
        owner = asyncio.create_task(own())
        await asyncio.sleep(delay_s)
        owner.cancel()
        with pytest.raises(asyncio.CancelledError):
            await owner
    await log.close()


class Idle:
    """A part that is up to date and runs until it is stopped."""

    trouble = None
    position = 1_000_000

    def __init__(self, name: str) -> None:
        self.name = name
        self.runs = 0
        self.is_running = False

    async def run(self) -> None:
        self.runs += 1
        self.is_running = True
        try:
            await asyncio.sleep(30)
        finally:
            self.is_running = False


@in_event_loop
async def test_parts_come_and_go_and_those_that_stay_are_not_disturbed() -> None:
    log, first, second, third = EventLog(MemoryEventStore()), Idle("a"), Idle("b"), Idle("c")
    pipeline = Pipeline(log, [first, second])
    async with pipeline.running():
        await until(lambda: first.is_running and second.is_running)
        await pipeline.arrange([first], aside=[third])
        assert not second.is_running
        await until(lambda: third.is_running)
        await pipeline.arrange([first, second, third])
        await until(lambda: second.is_running)

        assert (first.runs, second.runs, third.runs) == (1, 2, 1)
    assert not any(each.is_running for each in (first, second, third))
    await log.close()


@in_event_loop
async def test_nobody_waits_for_parts_that_run_aside() -> None:
    log, behind = EventLog(MemoryEventStore()), Idle("behind")
    behind.position = 0
    await _append(log)
    pipeline = Pipeline(log, [Idle("a")], aside=[behind])

    assert pipeline.settled
    assert await pipeline.settle() == []
    assert [each.name for each in pipeline.followers()] == ["a", "behind"]
    await log.close()
