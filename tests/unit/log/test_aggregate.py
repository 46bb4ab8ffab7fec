"""What an aggregate promises to its callers and its author, with state sync on and off alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import field

import pytest
from counting import Counter, Incremented
from opened_log import opened, steered
from recording import (
    Noted,
    PassedOver,
    Recorder,
    SideBySide,
    Unmarked,
    emit,
    in_both_modes,
    replicate,
    two_logs,
)

from museion.base.errors import InvalidInput
from museion.log.event_log import LogDefect
from museion.log.event_store import WriteFailed
from museion.log.event_types import NotAnEventType, UnencodablePayload
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.refusals import (
    NotACommand,
    NotHandled,
    NotInCommand,
    NotInHandler,
    NotStarted,
    UnhandledCommand,
    WrittenNotHandled,
)
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until

# The ten lines


@in_event_loop
async def test_a_command_returns_a_result_after_its_event_was_written_and_handled() -> None:
    async with opened() as log, Aggregates(log, Counter) as counters:
        counter = await counters.get("clicks")
        assert await counter.increment(3) == 3
        assert log.sequence_nr == 1


@in_event_loop
async def test_a_command_may_refuse_and_then_nothing_is_written() -> None:
    async with opened() as log, Aggregates(log, Counter) as counters:
        counter = await counters.get("clicks")
        with pytest.raises(InvalidInput):
            await counter.increment(0)
        assert (await counter.read(), log.sequence_nr) == (0, 0)


# Writing


@in_both_modes
@in_event_loop
async def test_all_events_of_one_persist_are_one_batch(kind: type[Recorder]) -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        await recorder.note("one", "two", "three")
        assert [len(batch.events) for batch in store.batches] == [3]


@in_both_modes
@in_event_loop
async def test_an_empty_batch_is_not_sent(kind: type[Recorder]) -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        assert await recorder.note() == []
        assert store.writes_begun == 0


@in_both_modes
@in_event_loop
async def test_the_event_handler_runs_before_persist_returns_in_emission_order(
    kind: type[Recorder],
) -> None:
    async with opened() as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        await recorder.note("one", "two")
        expected = ["begin one two", "handle one", "handle two", "end one two"]
        assert await recorder.look_at("trace") == expected


@in_both_modes
@in_event_loop
async def test_persist_returns_the_written_events(kind: type[Recorder]) -> None:
    async with opened() as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        events = await recorder.write(Noted("one"), Noted("two"))
        assert events == list(await log.read())


@in_both_modes
@in_event_loop
async def test_each_caller_gets_the_answer_to_his_own_command(kind: type[Recorder]) -> None:
    async with opened() as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        answers = await asyncio.gather(*(recorder.write(Noted(str(nr))) for nr in range(9)))
        assert [events[0].sequence_nr for events in answers] == list(range(1, 10))


@in_both_modes
@in_event_loop
async def test_after_a_write_failure_the_state_is_unchanged_and_the_aggregate_goes_on(
    kind: type[Recorder],
) -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        store.failures = [WriteFailed("no space")] * 50
        with pytest.raises(WriteFailed):
            await recorder.note("lost")
        store.failures.clear()
        assert await recorder.look() == []
        assert await recorder.note("kept") == ["kept"]


@in_both_modes
@in_event_loop
async def test_a_rejected_event_is_not_stored_and_the_aggregate_goes_on(
    kind: type[Recorder],
) -> None:
    async with opened() as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        with pytest.raises(UnencodablePayload):
            await recorder.write(Noted("good"), Noted("\ud800"))
        with pytest.raises(NotAnEventType):
            await recorder.write(Unmarked())
        assert (await recorder.note("kept"), log.sequence_nr) == (["kept"], 1)
        assert recorders.live == ("a",)


@in_both_modes
@in_event_loop
async def test_a_failure_of_unknown_outcome_stops_the_aggregate(kind: type[Recorder]) -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        store.failures = [MemoryError("a defect")]
        with pytest.raises(LogDefect):
            await recorder.note("perhaps")
        assert recorders.live == ()


@in_both_modes
@in_event_loop
async def test_what_was_persisted_is_handled_even_if_its_caller_is_cancelled(
    kind: type[Recorder],
) -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        store.before_write.clear()
        caller = asyncio.create_task(recorder.note("written"))
        await until(lambda: store.writes_begun == 1)
        caller.cancel()
        store.before_write.set()
        await asyncio.wait([caller])
        assert caller.cancelled()
        assert await recorder.look() == ["written"]


@in_event_loop
async def test_a_handler_that_raises_stops_the_aggregate_and_the_event_is_stored() -> None:
    class Broken(Recorder, name="broken"):
        def _noted(self, event: Noted) -> None:
            raise KeyError(event.text)

    async with opened() as log, Aggregates(log, Broken) as recorders:
        recorder = await recorders.get("a")
        with pytest.raises(WrittenNotHandled) as caught:
            await recorder.note("bad")
        assert isinstance(caught.value.__cause__, NotHandled)
        assert "KeyError: 'bad'" in str(caught.value)
        assert (log.sequence_nr, recorders.live) == (1, ())
        with pytest.raises(NotHandled, match=r"event 1 of type test\.noted"):
            await recorders.get("a")


# Events of others


@in_both_modes
@in_event_loop
async def test_events_of_other_emitters_of_the_log_are_handled(kind: type[Recorder]) -> None:
    async with opened() as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        await recorder.note("own")
        await emit(log, Noted("other's"))
        assert await recorder.look() == ["own", "other's"]
        assert await recorder.look_at("emitters") == ["recorder:a@here", "other"]


@in_both_modes
@in_event_loop
async def test_replicated_events_of_other_locations_are_handled(kind: type[Recorder]) -> None:
    async with two_logs() as (here, there), Aggregates(here, kind) as recorders:
        recorder = await recorders.get("a")
        await emit(there, Noted("from there"))
        await replicate(there, here)
        assert await recorder.look() == ["from there"]


@in_both_modes
@in_event_loop
async def test_events_of_others_between_a_write_and_its_reply_are_handled_in_received_order(
    kind: type[Recorder],
) -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        store.before_write.clear()
        first = asyncio.create_task(emit(log, Noted("first")))
        await until(lambda: store.writes_begun == 1)
        other = asyncio.create_task(emit(log, Noted("in between")))
        await until(lambda: log.statistics.pending_requests == 1)
        own = asyncio.create_task(recorder.note("own"))
        store.before_write.set()
        await asyncio.gather(first, other)
        assert await own == ["first", "in between", "own"]


@pytest.mark.parametrize("replicated", [False, True], ids=["local", "replicated"])
@pytest.mark.parametrize("routed", [True, False], ids=["listener a", "listener of all"])
@pytest.mark.parametrize("destinations", [(), ("a",)], ids=["no destination", "to a"])
@pytest.mark.parametrize("aggregate_id", [None, "a", "b"], ids=["no aggregate", "of a", "of b"])
@in_event_loop
async def test_an_aggregate_receives_the_events_that_are_routed_to_it(
    aggregate_id: str | None, destinations: tuple[str, ...], routed: bool, replicated: bool
) -> None:
    class OfAll(Recorder, name="of all", every_event=True):
        pass

    kind = Recorder if routed else OfAll
    async with two_logs() as (here, there), Aggregates(here, kind) as recorders:
        recorder = await recorders.get("a")
        source = there if replicated else here
        await emit(source, Noted("x"), aggregate_id=aggregate_id, destinations=destinations)
        if replicated:
            await replicate(there, here)
        concerned = not routed or aggregate_id == "a" or destinations == ("a",)
        assert await recorder.look() == (["x"] if concerned else [])


@in_event_loop
async def test_an_aggregate_without_an_aggregate_id_emits_events_routed_to_nobody() -> None:
    class OfAll(Recorder, name="of all", every_event=True):
        pass

    async with opened() as log, Aggregates(log, OfAll) as recorders:
        recorder = await recorders.get("a")
        (event,) = await recorder.write(Noted("x"))
        assert event.destinations == frozenset()


# Stamps


@in_both_modes
@in_event_loop
async def test_the_stamp_of_an_emitted_event_covers_handled_events_only(
    kind: type[Recorder],
) -> None:
    async with two_logs() as (here, there):
        await emit(there, Noted("handled"))
        await emit(there, PassedOver("not handled"))
        await replicate(there, here)
        async with Aggregates(here, kind) as recorders:
            recorder = await recorders.get("a")
            (event,) = await recorder.write(Noted("own"))
            assert event.vector_timestamp == VectorTime({"there": 1, "here": 3})


@in_both_modes
@in_event_loop
async def test_an_event_without_a_handler_does_not_advance_the_version(
    kind: type[Recorder],
) -> None:
    async with opened() as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        await recorder.write(Noted("handled"))
        await recorder.write(PassedOver())
        assert recorder.version == VectorTime({"here": 1})


@in_event_loop
async def test_an_events_own_stamp_counts_before_its_handler_runs() -> None:
    class Looking(Recorder, name="looking", transient=("seen", "trace", "gate", "emitters")):
        seen: list[VectorTime] = field(default_factory=list)

        def _noted(self, event: Noted) -> None:
            self.seen.append(self.version)

    async with opened() as log, Aggregates(log, Looking) as recorders:
        recorder = await recorders.get("a")
        await recorder.write(Noted("x"))
        assert await recorder.look_at("seen") == [VectorTime({"here": 1})]


# What handlers see


@in_event_loop
async def test_a_handler_sees_number_stamps_emitter_aggregate_and_process_of_its_event() -> None:
    class Looking(Recorder, name="looking", transient=("seen", "trace", "gate", "emitters")):
        seen: list[object] = field(default_factory=list)

        def _noted(self, event: Noted) -> None:
            current = self.current
            self.seen.append(
                (
                    current.sequence_nr,
                    current.vector_timestamp,
                    current.system_time_ms,
                    current.emitter_id,
                    current.aggregate_id,
                    current.process_id,
                )
            )

    async with opened() as log, Aggregates(log, Looking) as recorders:
        recorder = await recorders.get("a")
        (event,) = await recorder.write(Noted("x"))
        expected = (
            1,
            VectorTime({"here": 1}),
            event.system_time_ms,
            "looking:a@here",
            "a",
            "here",
        )
        assert await recorder.look_at("seen") == [expected]


@in_event_loop
async def test_outside_of_a_handler_there_is_no_current_event() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        with pytest.raises(NotInHandler):
            await recorder.do(lambda self: self.current)


@in_event_loop
async def test_emitter_ids_are_unique_over_kinds_ids_and_locations() -> None:
    async with (
        two_logs() as (here, there),
        Aggregates(here, Recorder) as recorders,
        Aggregates(here, Counter) as counters,
        Aggregates(there, Recorder) as others,
    ):
        await (await recorders.get("a")).note("")
        await (await recorders.get("b")).note("")
        await (await others.get("a")).note("")
        await (await counters.get("a")).increment(1)
        events = [*await here.read(), *await there.read()]
        assert len({event.emitter_id for event in events}) == 4


# persist_async and defer


@in_both_modes
@in_event_loop
async def test_commands_do_not_wait_for_persist_async(kind: type[Recorder]) -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        store.before_write.clear()
        later = await recorder.do(lambda self: self.persist_async(Noted("later")))
        assert await recorder.look() == []
        store.before_write.set()
        assert isinstance(later, asyncio.Future)
        await later
        assert await recorder.look() == ["later"]


@in_both_modes
@in_event_loop
async def test_persist_persist_async_and_defer_keep_the_order_in_which_they_were_asked(
    kind: type[Recorder],
) -> None:
    async def mixed(self: Recorder) -> None:
        self.persist_async(Noted("one"), Noted("two"))
        self.persist_async(Noted("three"))
        deferred = self.defer()
        deferred.add_done_callback(lambda _: self.trace.append("deferred"))
        await self.persist(Noted("four"))
        self.persist_async(Noted("five"))

    async with opened() as log, Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        await recorder.do(mixed)
        await until(lambda: log.sequence_nr == 5)
        assert await recorder.look() == ["one", "two", "three", "four", "five"]
        trace = await recorder.look_at("trace")
        assert isinstance(trace, list)
        assert trace.index("handle three") < trace.index("deferred")


@in_event_loop
async def test_defer_writes_nothing_and_is_done_at_once_when_nothing_is_under_way() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        deferred = await recorder.do(lambda self: self.defer())
        assert isinstance(deferred, asyncio.Future)
        assert deferred.done()
        assert log.sequence_nr == 0


@pytest.mark.parametrize("persist", [Aggregate.persist, Aggregate.persist_async])
@in_event_loop
async def test_an_event_handler_cannot_persist_since_a_replay_would_write_again(
    persist: Callable[[Aggregate, object], object],
) -> None:
    class Writing(Recorder, name="writing"):
        def _noted(self, event: Noted) -> None:
            persist(self, Noted("again"))

    async with opened() as log, Aggregates(log, Writing) as recorders:
        recorder = await recorders.get("a")
        with pytest.raises(WrittenNotHandled) as caught:
            await recorder.write(Noted("x"))
        assert isinstance(caught.value.__cause__, NotHandled)
        assert isinstance(caught.value.__cause__.__cause__, NotInCommand)


# From outside


@in_event_loop
async def test_state_is_not_read_from_outside() -> None:
    async with opened() as log, Aggregates(log, Counter) as counters:
        counter = await counters.get("clicks")
        with pytest.raises(NotACommand, match="value"):
            _ = counter.value


@in_event_loop
async def test_an_unhandled_command_goes_to_a_hook_which_refuses_by_default() -> None:
    class Asking(Recorder, name="asking"):
        async def unhandled(self, name: str, *args: object, **named: object) -> object:
            return (name, args, named)

    async with opened() as log, Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        with pytest.raises(UnhandledCommand, match="'fly'"):
            await recorder.fly(1)  # type: ignore[attr-defined]  # that is the point
    async with opened() as log, Aggregates(log, Asking) as askers:
        asker = await askers.get("a")
        answer = await asker.fly(1, high=True)  # type: ignore[attr-defined]  # likewise
        assert answer == ("fly", (1,), {"high": True})


@in_event_loop
async def test_an_instance_that_runs_on_no_log_says_so() -> None:
    with pytest.raises(NotStarted):
        await Counter().increment(1)


def test_instances_do_not_share_defaults_of_their_class() -> None:
    first, second = Recorder(), SideBySide()
    first.texts.append("x")
    assert second.texts == []


class Joined(Aggregate, name="joined"):
    names: list[str] = field(default_factory=list)

    @command
    async def once(self) -> list[str]:
        await self.persist(Noted("x"), Incremented(1))
        return list(self.names)

    @command
    async def twice(self) -> list[str]:
        await self.once()
        return await self.once()

    @handles
    def _either(self, event: Noted | Incremented) -> None:
        self.names.append(type(event).__name__)


@in_event_loop
async def test_event_types_can_share_a_handler_by_a_union() -> None:
    async with opened() as log, Aggregates(log, Joined) as joined:
        both = await joined.get("a")
        assert await both.once() == ["Noted", "Incremented"]


@in_event_loop
async def test_a_command_that_calls_another_on_self_is_one_command() -> None:
    async with opened() as log, Aggregates(log, Joined) as joined:
        both = await joined.get("a")
        assert await both.twice() == ["Noted", "Incremented"] * 2
