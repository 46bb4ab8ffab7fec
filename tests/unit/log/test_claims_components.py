"""Aggregates, views and processors: claims that the tests of each part leave open."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator, Sequence

import pytest
from counting import Counter
from opened_log import new, opened, steered
from recording import Noted, PassedOver, Recorder, emit, in_both_modes, replicate
from texts_view import Texts

from museion.base.retry import RetryPolicy
from museion.log.event import Event, EventId, NewEvent
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.snapshots import MemorySnapshotStore, Snapshot
from museion.log.sourced.aggregate import Aggregate
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.conditional import at_least
from museion.log.sourced.processor import Processor, ProcessorRunner
from museion.log.sourced.refusals import NoVersion, Overloaded
from museion.log.sourced.stateful_processor import StatefulProcessor, StatefulProcessorRunner
from museion.log.sourced.view import View, running
from museion.log.sourced.writer import WriterRunner
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until

# Processors


class Echo:
    """Answers each event with an output that has a stamp, a cause and destinations of its own."""

    name = "echo"
    handles = frozenset({"test.happened"})

    def __init__(self, *, count: int = 1) -> None:
        self._count = count

    async def process(self, event: Event) -> Sequence[NewEvent]:
        output = NewEvent(
            type_name="echo.heard",
            payload=event.payload,
            emitter_id=self.name,
            destinations=("own",),
            vector_timestamp=VectorTime({"far": 7}),
            cause=EventId("far", 7),
        )
        return [output] * self._count


async def _processed(count: int = 1) -> list[Event]:
    source = EventLog(MemoryEventStore(log_id="source"))
    target = EventLog(MemoryEventStore(log_id="target"))
    try:
        await source.append([new(b"a"), new(b"b")])
        runner = ProcessorRunner(
            source, Echo(count=count), target=target, destinations=lambda *_: ["further"]
        )
        task = asyncio.create_task(runner.run())
        await until(lambda: runner.position == 2)
        task.cancel()
        await asyncio.wait([task])
        return list(await target.read())
    finally:
        await source.close()
        await target.close()


@in_event_loop
async def test_an_output_with_a_stamp_of_its_own_happens_after_both_that_and_the_source() -> None:
    first, second = await _processed()
    assert first.vector_timestamp == VectorTime({"far": 7, "source": 1, "target": 1})
    assert second.vector_timestamp == VectorTime({"far": 7, "source": 2, "target": 2})


@in_event_loop
async def test_an_output_keeps_the_cause_and_the_destinations_that_it_names() -> None:
    for output in await _processed():
        assert output.cause == EventId("far", 7)
        assert output.custom_destinations == ("own", "further")


@pytest.mark.parametrize("count", [0, 1, 3])
@in_event_loop
async def test_a_processor_maps_one_event_to_none_one_or_several(count: int) -> None:
    outputs = await _processed(count)
    assert [event.payload for event in outputs] == [b"a"] * count + [b"b"] * count


def test_processors_cannot_switch_what_handles_their_events() -> None:
    """There is nothing to switch with: what they handle is said once, by the class."""
    for kind in (Processor, StatefulProcessor, ProcessorRunner, StatefulProcessorRunner):
        assert not hasattr(kind, "become")
        assert not hasattr(kind, "unbecome")
    assert hasattr(Aggregate, "become")
    assert hasattr(View, "become")


# Views


def test_a_view_consumes_only_there_is_nothing_to_write_with() -> None:
    writing = {"persist", "persist_async", "persist_on_event", "defer", "stash", "use"}
    assert all(hasattr(Aggregate, name) for name in writing)
    assert not any(hasattr(View, name) for name in writing)


# Conditional requests


@in_event_loop
async def test_conditional_requests_work_for_all_that_know_what_they_handled_and_no_others() -> (
    None
):
    async with (
        opened() as log,
        running(Texts, log) as view,
        Aggregates(log, Recorder) as recorders,
    ):
        (event,) = await emit(log, Noted("x"))
        recorder = await recorders.get("a")
        for receiver in (view, recorder):
            await at_least(receiver, event.vector_timestamp)
        assert view.texts == await recorder.look() == ["x"]
        for kind in (WriterRunner, StatefulProcessorRunner):
            assert hasattr(kind, "at_least")
        for other in (log, ProcessorRunner(log, Echo()), recorders, "text"):
            with pytest.raises(NoVersion):
                await at_least(other, event.vector_timestamp)


@in_event_loop
async def test_a_token_is_not_reached_before_the_receiver_has_handled_what_it_covers() -> None:
    """Also when all is in the log already, and the receiver is merely behind."""
    store, may_read = steered(), threading.Event()
    async with (
        opened(store) as log,
        running(Texts, log) as view,
        Aggregates(log, Recorder) as recorders,
    ):
        recorder = await recorders.get("a")
        store.before_read = lambda: may_read.wait(30.0)
        # More than the queue of a subscriber takes, so both have to read it from the store.
        events = await emit(log, *(Noted(str(number)) for number in range(2000)))
        token = events[-1].vector_timestamp
        waiting = [asyncio.create_task(each.at_least(token)) for each in (view, recorder)]
        for _ in range(50):
            await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        may_read.set()
        await asyncio.gather(*waiting)
        assert len(view.texts) == len(await recorder.look()) == 2000


# Aggregates


@in_both_modes
@in_event_loop
async def test_too_many_asynchronous_writes_are_refused_and_none_of_the_others_is_lost(
    kind: type[Recorder],
) -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        store.before_write.clear()

        async def flood(self: Recorder) -> int:
            for asked in range(5000):
                try:
                    self.persist_async(Noted("x"))
                except Overloaded:
                    return asked
            return 5000

        asked = await recorder.do(flood)
        assert asked == 1024
        store.before_write.set()
        await until(lambda: log.sequence_nr == asked)
        assert len(await recorder.look()) == asked


@in_event_loop
async def test_an_event_that_its_handler_ignores_is_received_but_not_in_any_later_stamp() -> None:
    async with opened() as log:
        stamp = VectorTime({"there": 5})
        await log.append([new(aggregate_id="a", vector_timestamp=stamp)])
        async with Aggregates(log, Recorder) as recorders, running(Texts, log) as view:
            recorder = await recorders.get("a")
            (event,) = await recorder.write(Noted("x"))
            assert event.vector_timestamp == VectorTime({"here": 2})
            await until(lambda: view.texts == ["x"])
            assert view.version == VectorTime({"here": 2})
            assert log.version == VectorTime({"there": 5, "here": 2})


# Snapshots


async def _saved(recorder: Recorder) -> Snapshot:
    snapshot = await recorder.do(lambda self: self.save_snapshot())
    assert isinstance(snapshot, Snapshot)
    return snapshot


@in_event_loop
async def test_a_snapshot_after_a_recovery_from_a_snapshot_has_all_that_the_first_one_had() -> None:
    store = MemorySnapshotStore()
    async with opened() as log:
        async with Aggregates(log, Recorder, snapshots=store, now_ms=lambda: 1) as recorders:
            recorder = await recorders.get("a")
            await recorder.note("one")
            await recorder.write(PassedOver())
            first = await _saved(recorder)
        async with Aggregates(log, Recorder, snapshots=store, now_ms=lambda: 1) as recorders:
            second = await _saved(await recorders.get("a"))
        assert second == first
        assert first.last_handled == EventId("here", 1)


@in_event_loop
async def test_snapshots_that_cover_lost_events_are_deleted_before_the_events_come_back() -> None:
    """Else an aggregate would begin behind events that it has not handled under their numbers."""
    store, snapshots = MemoryEventStore(log_id="here"), MemorySnapshotStore()
    neighbour = EventLog(MemoryEventStore(log_id="there"))
    try:
        async with opened(store) as log:
            async with Aggregates(log, Recorder, snapshots=snapshots) as recorders:
                recorder = await recorders.get("a")
                await recorder.note("one")
                await _saved(recorder)
                await recorder.note("two")
                await _saved(recorder)
            await emit(neighbour, Noted("meanwhile"))
            await replicate(log, neighbour)
        lost = MemoryEventStore(log_id="here")
        assert snapshots.delete_from("here", 1) == 2
        async with opened(lost) as log:
            await replicate(neighbour, log)
            async with Aggregates(log, Recorder, snapshots=snapshots) as recorders:
                texts = await (await recorders.get("a")).look()
        assert texts == ["meanwhile", "one", "two"]
    finally:
        await neighbour.close()


@in_event_loop
async def test_a_second_writer_under_one_id_is_refused_and_nothing_of_it_is_merged() -> None:
    async with (
        opened() as log,
        Aggregates(log, Counter) as first,
        Aggregates(log, Counter) as second,
    ):
        await (await first.get("clicks")).increment(1)
        with pytest.raises(Exception, match="clicks"):
            await second.handle("clicks").increment(1)
        assert log.sequence_nr == 1


# Writers


class Recorded(RetryPolicy):
    """Does not wait, and notes which waits it was asked for: those of a new row begin with 1."""

    def __init__(self) -> None:
        super().__init__(first_delay_s=0.0, longest_delay_s=0.0)
        asked: list[int] = []
        object.__setattr__(self, "asked", asked)

    def delays_s(self) -> Iterator[float]:
        for number in itertools.count(1):
            self.asked.append(number)  # type: ignore[attr-defined]  # the base class is frozen
            yield 0.0


class Failing:
    """Fails as often as it is told, then works once, and so on."""

    def __init__(self, fates: list[bool]) -> None:
        self._fates = fates
        self._last = 0

    async def read(self) -> int | None:
        return None

    def handle(self, event: Event) -> None:
        self._last = event.sequence_nr

    async def write(self) -> None:
        if self._fates and not self._fates.pop(0):
            raise OSError("gone")

    async def close(self) -> None: ...


@in_event_loop
async def test_the_waits_of_a_writer_begin_anew_after_a_write_that_worked() -> None:
    policy = Recorded()
    fates = [False, False, False, True, False, False]
    async with opened() as log:
        await log.append([new()])
        runner = WriterRunner(log, lambda: Failing(fates), name="rows", retry=policy)
        task = asyncio.create_task(runner.run())
        await until(lambda: len(fates) == 2)
        await log.append([new()])
        await until(lambda: not fates and runner.position == 2)
        task.cancel()
        await asyncio.wait([task])
    assert policy.asked == [1, 2, 3, 1, 2]  # type: ignore[attr-defined]  # as above
