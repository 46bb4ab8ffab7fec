"""How aggregates and views keep up with the log: doubles, floods, and reads that fail meanwhile."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from counting import Counter, Incremented
from opened_log import opened
from recording import Noted, Recorder, emit
from test_recovery import AT_ONCE, FailingReads
from texts_view import Texts

from museion.base.retry import RetryPolicy
from museion.log.event_log import EventLog, QueueLimits
from museion.log.event_store import ReadFailed
from museion.log.event_types import EventTypes, event_type
from museion.log.memory_store import MemoryEventStore
from museion.log.snapshots import MemorySnapshotStore
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.fold import Fold
from museion.log.sourced.payload_set import PayloadSet
from museion.log.sourced.refusals import WrittenNotHandled
from museion.log.sourced.sourced import define
from museion.log.sourced.view import running
from museion.testing.event_loop import in_event_loop, until

FLOOD = QueueLimits().max_events + 1


@in_event_loop
async def test_an_event_that_is_received_twice_is_handled_once() -> None:
    async with opened() as log:
        events = await emit(log, Noted("one"), Noted("two"))
        view = Texts()
        fold = Fold(
            view,
            define(Texts),
            log,
            PayloadSet(),
            identifier="",
            emitter_id="texts",
            aggregate_id=None,
        )
        fold.take(events)
        fold.take(events)
        assert view.texts == ["one", "two"]


@in_event_loop
async def test_a_batch_that_overflows_the_queue_is_handled_before_persist_returns() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        texts = [str(nr) for nr in range(FLOOD)]
        assert await recorder.note(*texts) == texts
        assert await recorder.note("next") == [*texts, "next"]


@in_event_loop
async def test_after_a_flood_of_events_a_command_decides_on_the_present_state() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        await emit(log, *(Noted(str(nr)) for nr in range(FLOOD)))
        assert len(await recorder.look()) == FLOOD


@in_event_loop
async def test_a_token_is_reached_through_a_flood_that_does_not_concern_the_receiver() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        await recorder.note("one")
        events = await emit(log, *(Noted(str(nr)) for nr in range(FLOOD)), aggregate_id="b")
        await recorder.at_least(events[-1].vector_timestamp)


@in_event_loop
async def test_a_read_that_fails_while_it_is_live_makes_an_aggregate_begin_anew() -> None:
    store = FailingReads()
    policy = RetryPolicy(first_delay_s=0.0, longest_delay_s=0.001)
    async with opened(store) as log, Aggregates(log, Recorder, restart=policy) as recorders:
        recorder = await recorders.get("a")
        store.failures = [ReadFailed("the disk is busy")]
        with pytest.raises(WrittenNotHandled):
            await recorder.note(*(str(nr) for nr in range(FLOOD)))
        assert len(await recorder.look()) == FLOOD


@in_event_loop
async def test_a_read_that_fails_while_it_is_live_is_tried_again_by_a_view() -> None:
    store = FailingReads()
    async with opened(store) as log, running(Texts, log, recovery=AT_ONCE) as view:
        store.failures = [ReadFailed("the disk is busy")] * 3
        await emit(log, *(Noted(str(nr)) for nr in range(FLOOD)))
        await until(lambda: len(view.texts) == FLOOD)


@in_event_loop
async def test_a_view_ends_its_block_when_reads_keep_failing() -> None:
    store = FailingReads()

    async def use(log: EventLog) -> None:
        async with running(Texts, log, recovery=AT_ONCE):
            store.failures = [ReadFailed("the disk is gone")] * 10
            await emit(log, *(Noted(str(nr)) for nr in range(FLOOD)))
            await asyncio.Event().wait()

    async with opened(store) as log:
        with pytest.raises(ReadFailed):
            await use(log)


@in_event_loop
async def test_with_a_snapshot_the_events_before_it_may_be_deleted() -> None:
    snapshots = MemorySnapshotStore()
    async with opened() as log, Aggregates(log, Recorder, snapshots=snapshots) as recorders:
        recorder = await recorders.get("a")
        await recorder.note("one", "two")
        await recorder.do(lambda self: self.save_snapshot())
        await recorder.note("three")
        await log.delete(2)
        assert recorders.unload("a")
        assert await recorder.note("four") == ["one", "two", "three", "four"]


@in_event_loop
async def test_a_type_checker_sees_the_signature_of_commands() -> None:
    async with opened() as log, Aggregates(log, Counter) as counters:
        counter = await counters.get("clicks")
        with pytest.raises(TypeError):
            await counter.increment("three")  # type: ignore[arg-type]  # an unused ignore fails
        with pytest.raises(TypeError):
            await counter.increment()  # type: ignore[call-arg]  # likewise
        value: int = await counter.increment(1)
        assert value == 1


class Happened(msgspec.Struct, frozen=True):
    """A base that is no event type itself."""


@event_type("test.begun")
class Begun(Happened, frozen=True): ...


@event_type("test.ended")
class Ended(Happened, frozen=True): ...


class Watcher(Aggregate, name="watcher"):
    begun = 0
    others = 0

    @command
    async def watch(self) -> tuple[int, int]:
        await self.persist(Begun(), Ended(), Incremented(1))
        return self.begun, self.others

    @handles
    def _begun(self, event: Begun) -> None:
        self.begun += 1

    @handles
    def _happened(self, event: Happened) -> None:
        self.others += 1


@in_event_loop
async def test_a_handler_for_a_base_takes_what_has_no_handler_of_its_own() -> None:
    types = EventTypes(Begun, Ended)
    async with opened(MemoryEventStore()) as log, Aggregates(log, Watcher, types=types) as watchers:
        assert await (await watchers.get("a")).watch() == (1, 1)
