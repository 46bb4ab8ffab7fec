"""How aggregates come to their present state: replay, limits, retries, and how many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from counting import Counter
from opened_log import opened
from recording import Noted, Recorder, emit, in_both_modes

from museion.base.errors import InvalidInput
from museion.log.event import Event
from museion.log.event_store import DamagedEvent, ReadFailed
from museion.log.memory_store import MemoryEventStore
from museion.log.snapshots import MemorySnapshotStore
from museion.log.sourced.aggregate import command
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.recovery import Recovery
from museion.log.sourced.refusals import InThePast
from museion.testing.event_loop import in_event_loop, until

AT_ONCE = Recovery(delay_s=0.0)


class FailingReads(MemoryEventStore):
    """A store whose next reads fail."""

    def __init__(self) -> None:
        super().__init__(log_id="here")
        self.failures: list[Exception] = []
        self.reads = 0

    def read(
        self,
        *,
        after: int = 0,
        limit: int,
        aggregate_id: str | None = None,
        max_bytes: int = 1 << 20,
    ) -> Sequence[Event]:
        self.reads += 1
        if self.failures:
            raise self.failures.pop(0)
        return super().read(
            after=after, limit=limit, aggregate_id=aggregate_id, max_bytes=max_bytes
        )


class Hooked(Recorder, name="hooked", transient=("trace", "gate", "emitters", "recoveries")):
    """Tells in a list of the test what its recovery ended in."""

    def __init__(self, recoveries: list[Exception | None] | None = None) -> None:
        self.recoveries = [] if recoveries is None else recoveries

    def recovered(self, error: Exception | None) -> None:
        self.recoveries.append(error)
        self.trace.append("recovered")

    @command
    async def save(self) -> None:
        await self.save_snapshot()


@in_both_modes
@in_event_loop
async def test_replay_comes_to_the_same_state(kind: type[Recorder]) -> None:
    async with opened() as log:
        async with Aggregates(log, kind) as recorders:
            recorder = await recorders.get("a")
            await emit(log, Noted("other's"))
            await recorder.note("one", "two")
        async with Aggregates(log, kind) as recorders:
            assert await (await recorders.get("a")).look() == ["other's", "one", "two"]


@in_event_loop
async def test_the_recovery_hook_comes_after_the_replay_and_before_the_first_command() -> None:
    async with opened() as log, Aggregates(log, Hooked) as recorders:
        await emit(log, Noted("old"))
        recorder = recorders.handle("a")
        await recorder.note("new")
        expected = ["handle old", "recovered", "begin new", "handle new", "end new"]
        assert await recorder.look_at("trace") == expected


@in_event_loop
async def test_an_event_written_during_the_replay_is_handled_once() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        await emit(log, *(Noted(str(nr)) for nr in range(2000)))
        recovery = asyncio.create_task(recorders.get("a"))
        for nr in range(2000, 2010):
            await emit(log, Noted(str(nr)))
        recorder = await recovery
        await until(lambda: recorders.handle("a") is not None)
        texts = await recorder.note("end")
        assert texts == [*(str(nr) for nr in range(2010)), "end"]


@in_event_loop
async def test_reads_that_fail_are_tried_again() -> None:
    store = FailingReads()
    async with opened(store) as log, Aggregates(log, Recorder, recovery=AT_ONCE) as recorders:
        await emit(log, Noted("x"))
        store.failures = [ReadFailed("the disk is busy")] * 9
        assert await (await recorders.get("a")).look() == ["x"]
        assert store.reads >= 10


@in_event_loop
async def test_when_all_tries_fail_the_hook_is_told_and_the_aggregate_stops_with_the_error() -> (
    None
):
    store = FailingReads()
    told: list[Exception | None] = []
    async with (
        opened(store) as log,
        Aggregates(log, Hooked, recovery=AT_ONCE, create=lambda: Hooked(told)) as recorders,
    ):
        await emit(log, Noted("x"))
        store.failures = [ReadFailed("the disk is gone")] * 10
        waiting = asyncio.create_task(recorders.handle("a").look())
        with pytest.raises(ReadFailed):
            await recorders.get("a")
        with pytest.raises(ReadFailed):
            await waiting
        assert [type(error) for error in told] == [ReadFailed]
        assert recorders.live == ()
        assert await (await recorders.get("a")).look() == ["x"]


@in_event_loop
async def test_damage_is_not_tried_again() -> None:
    store = FailingReads()
    async with opened(store) as log, Aggregates(log, Recorder, recovery=AT_ONCE) as recorders:
        await emit(log, Noted("x"))
        store.failures = [DamagedEvent(1, "its checksum differs")]
        with pytest.raises(DamagedEvent):
            await recorders.get("a")


@in_event_loop
async def test_by_default_reads_are_tried_ten_times_ten_seconds_apart() -> None:
    assert (Recovery().tries, Recovery().delay_s) == (10, 10.0)


@in_event_loop
async def test_recovery_can_be_disabled() -> None:
    async with opened() as log:
        await emit(log, Noted("old"))
        async with Aggregates(log, Recorder, recovery=Recovery.disabled) as recorders:
            recorder = await recorders.get("a")
            assert await recorder.look() == []
            assert await recorder.note("new") == ["new"]


@in_event_loop
async def test_recovery_can_be_limited_to_a_sequence_number() -> None:
    async with opened() as log:
        await emit(log, *(Noted(str(nr)) for nr in range(1, 10)))
        async with Aggregates(log, Recorder, recovery=Recovery(to_sequence_nr=4)) as recorders:
            recorder = await recorders.get("a")
            assert await recorder.look() == ["1", "2", "3", "4"]
            await emit(log, Noted("later"))
            assert len(await recorder.look()) == 4


@in_event_loop
async def test_an_aggregate_in_a_past_state_must_not_write() -> None:
    async with opened() as log:
        await emit(log, Noted("1"), Noted("2"))
        async with Aggregates(log, Recorder, recovery=Recovery(to_sequence_nr=1)) as recorders:
            recorder = await recorders.get("a")
            with pytest.raises(InThePast):
                await recorder.note("3")
            assert log.sequence_nr == 2


@in_event_loop
async def test_recovery_can_be_limited_to_snapshots_saved_before_a_time_or_to_none() -> None:
    store = MemorySnapshotStore()
    clock = iter([1000, 2000])
    async with opened() as log:
        async with Aggregates(
            log, Hooked, snapshots=store, now_ms=lambda: next(clock)
        ) as recorders:
            recorder = await recorders.get("a")
            for text in ("one", "two"):
                await recorder.note(text)
                await recorder.save()
        replayed = []
        for recovery in (
            Recovery(),
            Recovery(saved_before_ms=2000),
            Recovery(saved_before_ms=1000),
            Recovery(snapshot=False),
            Recovery(to_sequence_nr=1),
        ):
            async with Aggregates(log, Hooked, snapshots=store, recovery=recovery) as recorders:
                trace = await (await recorders.get("a")).look_at("trace")
                assert isinstance(trace, list)
                replayed.append(len(trace) - 1)
        assert replayed == [0, 1, 2, 2, 0]


@in_event_loop
async def test_a_limit_below_what_can_be_is_refused() -> None:
    for wrong in ({"tries": 0}, {"delay_s": -1.0}, {"to_sequence_nr": -1}):
        with pytest.raises(InvalidInput):
            Recovery(**wrong)


@in_event_loop
async def test_only_so_many_aggregates_recover_at_a_time() -> None:
    recovering = 0
    most = 0

    class Counted(Counter, name="counted"):
        def __init__(self) -> None:
            nonlocal recovering, most
            recovering += 1
            most = max(most, recovering)

        def recovered(self, error: Exception | None) -> None:
            nonlocal recovering
            recovering -= 1

    async with opened() as log, Aggregates(log, Counted, max_recoveries=3) as counters:
        names = tuple(str(nr) for nr in range(20))
        await emit(log, Noted("x"), destinations=names)
        await asyncio.gather(*map(counters.get, names))
        assert most == 3
        assert len(counters.live) == 20
