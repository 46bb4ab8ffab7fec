"""A projection takes in every event once, in order, and its store says how far it is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from museion.base.errors import Unavailable
from museion.base.retry import RetryPolicy
from museion.log.event import Event, NewEvent
from museion.log.event_log import BatchLimits, EventLog, LogClosed, UnknownPosition
from museion.log.memory_store import MemoryEventStore
from museion.streams.projection import ProjectionRunner, ProjectionStopped
from museion.testing.event_loop import in_event_loop, until

AT_ONCE = RetryPolicy(first_delay_s=0.0, longest_delay_s=0.0)


def new() -> NewEvent:
    return NewEvent(type_name="test.happened", payload=b"", emitter_id="emitter")


class Seen:
    """Keeps the numbers of the events it was given; a test can hold it up or let it fail."""

    def __init__(self, name: str = "seen") -> None:
        self.name = name
        self.numbers: list[int] = []
        self.steps = 0
        self.at_once = 0
        self.gate = threading.Event()
        self.gate.set()
        self.failures: list[Exception] = []
        self._applying = 0

    @property
    def position(self) -> int:
        return self.numbers[-1] if self.numbers else 0

    def apply(self, events: Sequence[Event]) -> None:
        self._applying += 1
        self.at_once = max(self.at_once, self._applying)
        try:
            assert self.gate.wait(30), "the test forgot to open the gate"
            if self.failures:
                raise self.failures.pop(0)
            self.numbers += [event.sequence_nr for event in events]
            self.steps += 1
        finally:
            self._applying -= 1


@asynccontextmanager
async def opened(limits: BatchLimits | None = None) -> AsyncIterator[EventLog]:
    log = EventLog(MemoryEventStore(), limits=limits)
    try:
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def running(runner: ProjectionRunner) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(runner.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


@in_event_loop
async def test_every_event_is_taken_in_once_and_in_order() -> None:
    seen = Seen()
    async with opened() as log, running(ProjectionRunner(log, seen)) as _:
        for _ in range(20):
            await log.append([new(), new()])
        await until(lambda: seen.position == 40)
    assert seen.numbers == list(range(1, 41))


@in_event_loop
async def test_it_goes_on_where_its_store_stands() -> None:
    seen = Seen()
    seen.numbers = [1, 2]
    async with opened() as log:
        await log.append([new(), new(), new()])
        async with running(ProjectionRunner(log, seen)):
            await until(lambda: seen.position == 3)
    assert seen.numbers == [1, 2, 3]


@in_event_loop
async def test_what_gathers_during_a_step_is_one_step_within_the_limits() -> None:
    seen = Seen()
    async with (
        opened(BatchLimits(replay_batch_events=8)) as log,
        running(ProjectionRunner(log, seen)),
    ):
        seen.gate.clear()
        await log.append([new()])
        await until(lambda: seen.at_once == 1)
        for _ in range(12):
            await log.append([new()])
        seen.gate.set()
        await until(lambda: seen.position == 13)
    assert seen.steps == 3  # of 1, 8 and 4 events


@in_event_loop
async def test_a_store_that_is_unavailable_gets_the_same_events_again() -> None:
    seen = Seen()
    seen.failures = [Unavailable("The disk is full."), Unavailable("The disk is full.")]
    async with opened() as log:
        await log.append([new(), new()])
        async with running(ProjectionRunner(log, seen, retry=AT_ONCE)) as _:
            await until(lambda: seen.position == 2)
    assert seen.numbers == [1, 2]


@in_event_loop
async def test_trouble_names_what_the_store_waits_for() -> None:
    seen = Seen()
    seen.failures = [Unavailable("The disk is full.")]
    async with opened() as log:
        await log.append([new()])
        runner = ProjectionRunner(log, seen, retry=RetryPolicy(first_delay_s=3600.0))
        async with running(runner):
            await until(lambda: runner.trouble == "The disk is full.")


@in_event_loop
async def test_any_other_error_ends_it_and_a_new_run_meets_the_same_events() -> None:
    seen = Seen()
    seen.failures = [ValueError("defect")]
    async with opened() as log:
        await log.append([new(), new()])
        runner = ProjectionRunner(log, seen)
        with pytest.raises(ValueError, match="defect"):
            await runner.run()
        async with running(runner):
            await until(lambda: seen.position == 2)
    assert seen.numbers == [1, 2]


@in_event_loop
async def test_a_step_that_has_begun_is_ended_before_the_cancellation() -> None:
    seen = Seen()
    async with opened() as log:
        await log.append([new()])
        runner = ProjectionRunner(log, seen)
        seen.gate.clear()
        async with running(runner) as task:
            await until(lambda: seen.at_once == 1)
            for _ in range(3):
                task.cancel()
                await _settled()
            assert not task.done(), "its thread still works on the store"
            seen.gate.set()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert seen.numbers == [1]
        await log.append([new()])
        async with running(runner):
            await until(lambda: seen.position == 2)
    assert seen.numbers == [1, 2]
    assert seen.at_once == 1, "steps never overlap"


@in_event_loop
async def test_a_store_ahead_of_its_log_is_refused() -> None:
    seen = Seen()
    seen.numbers = [7]
    async with opened() as log:
        await log.append([new()])
        with pytest.raises(UnknownPosition, match="got 7"):
            await ProjectionRunner(log, seen).run()


@in_event_loop
async def test_a_closed_log_ends_it() -> None:
    log = EventLog(MemoryEventStore())
    task = asyncio.create_task(ProjectionRunner(log, Seen()).run())
    await _settled()
    await log.close()
    with pytest.raises(LogClosed):
        await task


@in_event_loop
async def test_one_behind_another_is_always_given_events_later() -> None:
    first, second = Seen("first"), Seen("second")
    async with opened() as log:
        runner = ProjectionRunner(log, first)
        first.gate.clear()
        async with running(runner), running(ProjectionRunner(log, second, behind=runner)):
            await log.append([new()])
            await until(lambda: first.at_once == 1)
            await _settled()
            assert second.steps == 0
            first.gate.set()
            await until(lambda: second.position == 1)


@in_event_loop
async def test_one_behind_another_ends_with_it() -> None:
    first = Seen()
    first.failures = [ValueError("defect")]
    async with opened() as log:
        await log.append([new()])
        runner = ProjectionRunner(log, first)
        behind = asyncio.create_task(ProjectionRunner(log, Seen(), behind=runner).run())
        with pytest.raises(ValueError, match="defect"):
            await runner.run()
        with pytest.raises(ProjectionStopped, match="'seen'"):
            await behind


@in_event_loop
async def test_who_waits_for_a_position_is_told_when_it_is_reached() -> None:
    seen = Seen()
    async with opened() as log:
        runner = ProjectionRunner(log, seen)
        waiting = asyncio.create_task(runner.reached(2))
        async with running(runner):
            await log.append([new()])
            await until(lambda: seen.position == 1)
            await _settled()
            assert not waiting.done()
            await log.append([new()])
            await waiting
            await runner.reached(1)


async def _settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)
