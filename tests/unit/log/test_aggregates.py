"""Running the aggregates of one kind: starting, definitions, one writer an id, parts."""

from __future__ import annotations

import asyncio
from dataclasses import field
from typing import ClassVar

import msgspec
import pytest
from counting import Counter, Incremented
from opened_log import opened, steered
from recording import Noted, Recorder, Unmarked, emit

from museion.base.errors import InvalidInput
from museion.log.event import Event, InvalidEvent
from museion.log.event_log import EmitterInUse, LogClosed
from museion.log.event_types import NotAnEventType
from museion.log.snapshots import MemorySnapshotStore
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.component import Component, Host
from museion.log.sourced.refusals import AggregateStopped, InvalidDefinition, NotOpen
from museion.log.sourced.sourced import define
from museion.log.sourced.view import View
from museion.testing.event_loop import in_event_loop, until


@in_event_loop
async def test_aggregates_are_started_on_demand() -> None:
    async with opened() as log, Aggregates(log, Counter) as counters:
        counter = counters.handle("clicks")
        assert not counters.live
        await counter.increment(1)
        assert counters.live == ("clicks",)


@in_event_loop
async def test_there_is_one_live_instance_of_each_id() -> None:
    async with opened() as log, Aggregates(log, Counter) as counters:
        first, second = await asyncio.gather(counters.get("clicks"), counters.get("clicks"))
        await asyncio.gather(first.increment(1), second.increment(1))
        assert (await first.read(), counters.live) == (2, ("clicks",))


@in_event_loop
async def test_a_second_writer_under_one_emitter_id_is_detected() -> None:
    async with opened() as log, Aggregates(log, Counter) as first:
        await first.get("clicks")
        async with Aggregates(log, Counter) as second:
            with pytest.raises(EmitterInUse):
                await second.get("clicks")
            await second.get("others")


@in_event_loop
async def test_an_emitter_id_is_free_again_when_its_aggregate_has_ended() -> None:
    async with opened() as log:
        for expected in (1, 2):
            async with Aggregates(log, Counter) as counters:
                assert await (await counters.get("clicks")).increment(1) == expected


@in_event_loop
async def test_an_emitter_id_stays_taken_while_a_write_of_it_may_still_come_into_the_log() -> None:
    class Fragile(Recorder, name="fragile"):
        def _noted(self, event: Noted) -> None:
            if event.text == "bad":
                raise KeyError(event.text)

    store = steered()
    async with opened(store) as log, Aggregates(log, Fragile) as recorders:
        recorder = await recorders.get("a")
        store.before_write.clear()
        others = asyncio.create_task(emit(log, Noted("bad")))
        await until(lambda: store.writes_begun == 1)
        own = asyncio.create_task(recorder.note("own"))
        await until(lambda: log.statistics.pending_requests == 1)
        store.after_write.clear()
        store.before_write.set()
        await until(lambda: len(store.batches) == 1)
        store.before_write.clear()
        store.after_write.set()
        await others
        await until(lambda: recorders.live == ())
        with pytest.raises(EmitterInUse):
            await recorders.get("a")
        store.before_write.set()
        await asyncio.wait([own])
        assert log.sequence_nr == 2


@in_event_loop
async def test_when_the_log_is_closed_its_aggregates_stop() -> None:
    async with opened() as log, Aggregates(log, Counter) as counters:
        counter = await counters.get("clicks")
        await log.close()
        await until(lambda: counters.live == ())
        with pytest.raises(LogClosed):
            await counter.read()


@in_event_loop
async def test_outside_of_its_block_nothing_is_started() -> None:
    async with opened() as log:
        with pytest.raises(AggregateStopped):
            await Aggregates(log, Counter).get("clicks")


@in_event_loop
async def test_aggregates_with_arguments_are_made_by_a_function() -> None:
    class Greeter(Aggregate, name="greeter", transient=("greeting",)):
        def __init__(self, greeting: str) -> None:
            self.greeting = greeting

        @command
        async def greet(self) -> str:
            return f"{self.greeting} {self.id}"

    async with opened() as log, Aggregates(log, Greeter, create=lambda: Greeter("hi")) as greeters:
        assert await (await greeters.get("ann")).greet() == "hi ann"


@pytest.mark.parametrize("aggregate_id", [None, 5, b"a", "", "a" * 512])
@in_event_loop
async def test_what_is_no_name_is_refused_as_an_id(aggregate_id: str) -> None:
    """None for one would be an aggregate that receives everything."""
    async with opened() as log, Aggregates(log, Counter) as counters:
        with pytest.raises(InvalidEvent, match="a name of 1 to 511 bytes"):
            await counters.get(aggregate_id)


@in_event_loop
async def test_outside_of_their_block_aggregates_say_that_they_need_it() -> None:
    async with opened() as log:
        counters = Aggregates(log, Counter)
        with pytest.raises(NotOpen, match="async with Aggregates"):
            await counters.get("a")


@in_event_loop
async def test_a_limit_that_would_let_nothing_through_is_refused() -> None:
    async with opened() as log:
        with pytest.raises(InvalidInput, match="max_recoveries of at least 1, got 0"):
            Aggregates(log, Counter, max_recoveries=0)
        with pytest.raises(InvalidInput, match="max_live of at least 1, got 0"):
            Aggregates(log, Counter, max_live=0)


# Definitions


@in_event_loop
async def test_a_kind_without_a_written_name_is_refused() -> None:
    class Nameless(Aggregate):
        pass

    async with opened() as log:
        with pytest.raises(InvalidDefinition, match="a name that outlives"):
            Aggregates(log, Nameless)


def test_a_subclass_inherits_how_its_aggregates_run() -> None:
    class Base(Aggregate, name="base", state_sync=False, every_event=True, transient=("a",)):
        pass

    class Derived(Base, name="derived", transient=("b",)):
        pass

    options = define(Derived).options
    assert (options.state_sync, options.every_event) == (False, True)
    assert options.transient == {"a", "b"}


@in_event_loop
async def test_a_subclass_does_not_inherit_the_written_name() -> None:
    class Other(Counter):
        pass

    async with opened() as log:
        with pytest.raises(InvalidDefinition):
            Aggregates(log, Other)


class TwoForOne(Aggregate, name="two"):
    @handles
    def _first(self, event: Noted) -> None: ...

    @handles
    def _second(self, event: Noted) -> None: ...


class Waiting(Aggregate, name="waiting"):
    @handles
    async def _wait(self, event: Noted) -> None: ...


class Bare(Aggregate, name="bare"):
    @handles
    def _bare(self, event) -> None: ...  # type: ignore[no-untyped-def]  # that is the point


class Lost(Aggregate, name="lost"):
    @handles
    def _lost(self, event: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


class Half(Aggregate, name="half"):
    def snapshot_state(self) -> object:
        return 1


class Hasty(Aggregate, name="hasty"):
    @command  # type: ignore[type-var]  # that is the point
    def now(self) -> None: ...


class Clashing(Aggregate, name="clashing"):
    @command
    async def version(self) -> int:  # type: ignore[override]  # that is the point
        return 1


class Shadowing(Aggregate, name="shadowing"):
    @command
    async def defer(self) -> int:  # type: ignore[override]  # that is the point
        return 1


class OnlyLooking(View, name="looking"):
    pass


_UNFIT = [TwoForOne, Waiting, Bare, Lost, Half, Hasty, Clashing, Shadowing, OnlyLooking, dict]


@pytest.mark.parametrize("kind", _UNFIT)
@in_event_loop
async def test_a_class_whose_handlers_or_commands_do_not_fit_is_refused_at_once(
    kind: type[Aggregate],
) -> None:
    async with opened() as log:
        with pytest.raises(InvalidDefinition):
            Aggregates(log, kind)


@in_event_loop
async def test_a_handler_without_annotation_is_told_where_it_belongs() -> None:
    async with opened() as log:
        with pytest.raises(InvalidDefinition, match=r"of `event`, or in @handles.*'none'"):
            Aggregates(log, Bare)


class OfUnmarked(Aggregate, name="unmarked"):
    @handles
    def _unmarked(self, event: Unmarked) -> None: ...


@in_event_loop
async def test_a_handler_for_a_class_that_is_no_event_type_is_refused_at_once() -> None:
    async with opened() as log:
        with pytest.raises(NotAnEventType):
            Aggregates(log, OfUnmarked)


@in_event_loop
async def test_types_of_a_handler_can_be_named_where_annotations_cannot_be_looked_up() -> None:
    class Local(Aggregate, name="local"):
        total = 0

        @command
        async def add(self, by: int) -> int:
            await self.persist(Incremented(by), Noted("x"))
            return self.total

        @handles(Incremented, Noted)
        def _any(self, event: msgspec.Struct) -> None:
            self.total += 1

    async with opened() as log, Aggregates(log, Local) as local:
        assert await (await local.get("a")).add(1) == 2


# Parts


class Part(Component):
    name: ClassVar[str] = "part"

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.kept = 0

    def attached(self, host: Host) -> None:
        super().attached(host)
        self.calls.append(f"attached to {host.id}")

    def event_folded(self, event: Event) -> None:
        own = "own" if self.host.is_own(event) else "other's"
        self.calls.append(f"{own} event {event.sequence_nr}, recovering: {self.host.recovering}")
        self.kept += 1

    def recovered(self) -> None:
        self.calls.append("recovered")

    def stopping(self) -> None:
        self.calls.append("stopping")

    def snapshot(self) -> bytes:
        return str(self.kept).encode()

    def restore(self, content: bytes) -> None:
        self.kept = int(content)


class WithPart(Recorder, name="with part", transient=("trace", "gate", "emitters", "calls")):
    calls: list[list[str]] = field(default_factory=list)

    def __init__(self) -> None:
        self.part = self.use(Part())

    @command
    async def save(self) -> None:
        await self.save_snapshot()


@in_event_loop
async def test_a_part_hears_of_attachment_events_recovery_and_stopping() -> None:
    async with opened() as log:
        await emit(log, Noted("before"))
        async with Aggregates(log, WithPart) as recorders:
            recorder = await recorders.get("a")
            await recorder.note("after")
            part = await recorder.look_at("part")
        assert isinstance(part, Part)
        assert part.calls == [
            "attached to a",
            "other's event 1, recovering: True",
            "recovered",
            "own event 2, recovering: False",
            "stopping",
        ]


@in_event_loop
async def test_the_memory_of_a_part_is_kept_in_snapshots() -> None:
    store = MemorySnapshotStore()
    async with opened() as log:
        async with Aggregates(log, WithPart, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            await recorder.note("one", "two")
            await recorder.save()
        async with Aggregates(log, WithPart, snapshots=store) as recorders:
            part = await (await recorders.get("a")).look_at("part")
            assert isinstance(part, Part)
            assert (part.kept, part.calls) == (2, ["attached to a", "recovered"])


@in_event_loop
async def test_a_task_of_a_part_that_fails_stops_the_aggregate() -> None:
    async def fail() -> None:
        raise OSError("of the task")

    async with opened() as log, Aggregates(log, WithPart) as recorders:
        recorder = await recorders.get("a")
        part = await recorder.look_at("part")
        assert isinstance(part, Part)
        part.host.spawn(fail())
        await until(lambda: recorders.live == ())
        assert part.calls[-1] == "stopping"
