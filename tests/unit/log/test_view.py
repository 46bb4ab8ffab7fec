"""Views: state folded from events, for reading only."""

from __future__ import annotations

import asyncio

import pytest
from opened_log import opened
from recording import Noted, Recorder, emit, replicate, two_logs
from texts_view import Texts

from museion.log.event_log import EventLog, LogClosed
from museion.log.event_store import ReadFailed
from museion.log.snapshots import MemorySnapshotStore, Retention
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.recovery import Recovery
from museion.log.sourced.refusals import InvalidDefinition, NotHandled
from museion.log.sourced.view import View, handles, running
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until


@in_event_loop
async def test_a_view_has_recovered_when_it_is_handed_over() -> None:
    async with opened() as log:
        await emit(log, Noted("a"), Noted("bcd"))
        async with running(Texts, log) as view:
            assert (view.texts, view.longest()) == (["a", "bcd"], "bcd")


@in_event_loop
async def test_a_view_follows_what_is_written_later() -> None:
    async with opened() as log, running(Texts, log) as view:
        await emit(log, Noted("a"))
        await until(lambda: view.texts == ["a"])
        assert (view.position, view.version) == (1, VectorTime({"here": 1}))


@in_event_loop
async def test_a_view_handles_events_of_all_aggregates_and_of_other_locations() -> None:
    async with two_logs() as (here, there), running(Texts, here) as view:
        await emit(here, Noted("a"), aggregate_id="a")
        await emit(here, Noted("none"), aggregate_id=None)
        await emit(there, Noted("there"), aggregate_id="b")
        await replicate(there, here)
        await until(lambda: view.texts == ["a", "none", "there"])


@in_event_loop
async def test_a_view_can_be_limited_to_one_aggregate() -> None:
    async with opened() as log:
        await emit(log, Noted("a1"), aggregate_id="a")
        await emit(log, Noted("b"), aggregate_id="b")
        async with running(Texts, log, aggregate_id="a") as view:
            await emit(log, Noted("b"), aggregate_id="b")
            (last,) = await emit(log, Noted("a2"), aggregate_id="b", destinations=("a",))
            await view.at_least(last.vector_timestamp)
            assert view.texts == ["a1", "a2"]


@in_event_loop
async def test_a_view_recovers_from_a_snapshot() -> None:
    snapshots = MemorySnapshotStore()
    retention = Retention(every_events=2)
    async with opened() as log:
        await emit(log, Noted("one"), Noted("two"))
        async with running(Texts, log, snapshots=snapshots, retention=retention):
            emitter_id = "texts:@here"
            await until(lambda: any(snapshots.newest_first(emitter_id, log_id="here")))
        await emit(log, Noted("three"))

        class Counting(Texts, name="texts", transient=("handled",)):
            handled = 0

            @handles
            def _noted(self, event: Noted) -> None:
                self.handled += 1
                super()._noted(event)

        async with running(Counting, log, snapshots=snapshots) as view:
            assert (view.texts, view.handled) == (["one", "two", "three"], 1)


@in_event_loop
async def test_with_a_start_number_of_its_own_no_snapshot_is_loaded() -> None:
    snapshots = MemorySnapshotStore()
    async with opened() as log:
        await emit(log, Noted("one"), Noted("two"), Noted("three"))
        retention = Retention(every_events=1)
        async with running(Texts, log, snapshots=snapshots, retention=retention):
            await until(lambda: any(snapshots.newest_first("texts:@here", log_id="here")))
        async with running(Texts, log, snapshots=snapshots, after=2) as view:
            assert view.texts == ["three"]


@in_event_loop
async def test_a_view_with_snapshots_needs_a_written_name() -> None:
    class Nameless(View):
        pass

    async with opened() as log:
        async with running(Nameless, log):
            pass
        with pytest.raises(InvalidDefinition):
            async with running(Nameless, log, snapshots=MemorySnapshotStore()):
                pass


@in_event_loop
async def test_a_view_in_a_past_state_takes_no_more_events() -> None:
    async with opened() as log:
        await emit(log, Noted("one"), Noted("two"))
        async with running(Texts, log, recovery=Recovery(to_sequence_nr=1)) as view:
            await emit(log, Noted("three"))
            await asyncio.sleep(0)
            assert view.texts == ["one"]


@in_event_loop
async def test_a_view_whose_handler_raises_ends_the_block_with_the_error() -> None:
    class Broken(Texts, name="broken"):
        @handles
        def _noted(self, event: Noted) -> None:
            raise KeyError(event.text)

    async def use(log: EventLog) -> None:
        async with running(Broken, log):
            await emit(log, Noted("bad"))
            await asyncio.Event().wait()

    async with opened() as log:
        with pytest.raises(NotHandled, match=r"event 1 of type test\.noted"):
            await use(log)


@in_event_loop
async def test_when_the_log_is_closed_the_block_of_a_view_ends() -> None:
    async def use(log: EventLog) -> None:
        async with running(Texts, log):
            await log.close()
            await asyncio.Event().wait()

    async with opened() as log:
        with pytest.raises(LogClosed):
            await use(log)


@in_event_loop
async def test_an_error_of_the_block_is_raised_as_it_is() -> None:
    async with opened() as log:
        with pytest.raises(ZeroDivisionError):
            async with running(Texts, log):
                _ = 1 // 0


@in_event_loop
async def test_views_and_aggregates_of_one_log_see_the_same_order() -> None:
    async with (
        opened() as log,
        running(Texts, log, aggregate_id="a") as view,
        Aggregates(log, Recorder) as recorders,
    ):
        recorder = await recorders.get("a")
        await asyncio.gather(
            *(recorder.note(f"own {nr}") for nr in range(20)),
            *(emit(log, Noted(f"other {nr}")) for nr in range(20)),
        )
        texts = await recorder.look()
        await until(lambda: len(view.texts) == 40)
        assert view.texts == texts


@in_event_loop
async def test_the_recovery_hook_of_a_view_is_told_of_success_and_failure() -> None:
    told: list[Exception | None] = []

    class Told(Texts, name="told"):
        def recovered(self, error: Exception | None) -> None:
            told.append(error)

    async with opened() as log:
        async with running(Told, log):
            assert told == [None]

        class Broken(Told, name="broken"):
            @handles
            def _noted(self, event: Noted) -> None:
                raise ReadFailed("as if")

        await emit(log, Noted("x"))
        with pytest.raises(NotHandled):
            async with running(Broken, log):
                pass
        assert isinstance(told[1], NotHandled)
