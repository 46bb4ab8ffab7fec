"""The service of pure CRDTs on a log: what it writes, refuses, recovers, and waits for."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from opened_log import new, opened, steered
from pure_sites import AnyService, acknowledged, exchange, handled, logs, services

from museion.base.retry import RetryPolicy
from museion.log.crdt.counter import Count, StepTooLarge
from museion.log.crdt.pure.add_wins_set import Add, PureAddWinsSet, Remove
from museion.log.crdt.pure.cart import PureCart, Put, QuantityOutOfRange
from museion.log.crdt.pure.counter import PureCounter
from museion.log.crdt.pure.pure_crdt import Clear
from museion.log.crdt.pure.pure_events import shared_tag
from museion.log.crdt.pure.replica import OperationNotOfType, UnreadableOperation
from museion.log.crdt.pure.service import PureCrdtService
from museion.log.crdt.pure.service_refusals import (
    NoFounders,
    NoSuchChange,
    NotTakingPart,
    PureServiceStopped,
)
from museion.log.event_log import EmitterInUse, EventLog, LogClosed
from museion.log.event_store import ReadFailed, WriteFailed
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.link import pull_all
from museion.log.snapshots import MemorySnapshotStore
from museion.log.sourced.refusals import NoSnapshotStore
from museion.testing.event_loop import in_event_loop, until

SET = PureAddWinsSet(str)


@in_event_loop
async def test_update_returns_the_value_with_the_operation() -> None:
    async with logs("a") as (log,), services(PureCounter(), log) as (counters,):
        assert await counters.update("clicks", Count(3)) == 3
        assert await counters.update("clicks", Count(-1)) == 2
        assert await counters.value("clicks") == 2
        assert await counters.value("others") == 0


@in_event_loop
async def test_many_updates_at_a_time_all_count() -> None:
    async with logs("a") as (log,), services(PureCounter(), log) as (counters,):
        await asyncio.gather(*(counters.update("clicks", Count()) for _ in range(50)))
        assert await counters.value("clicks") == 50
        assert counters.status.unstable == 0


@in_event_loop
async def test_an_operation_that_does_nothing_is_not_written() -> None:
    async with logs("a") as (log,), services(PureCounter(), log) as (counters,):
        assert await counters.update("clicks", Count(0)) == 0
        assert log.sequence_nr == 0


@in_event_loop
async def test_a_refused_operation_is_not_written() -> None:
    async with logs("a") as (log,):
        async with services(PureCart(str), log) as (carts,):
            for quantity in (0, -1, 1 << 50):
                with pytest.raises(QuantityOutOfRange):
                    await carts.update("cart", Put("bread", quantity))
            with pytest.raises(OperationNotOfType):
                await carts.update("cart", Put(7, 1))
        async with services(PureCounter(), log) as (counters,):
            with pytest.raises(StepTooLarge):
                await counters.update("clicks", Count(1 << 50))
        assert log.sequence_nr == 0


@in_event_loop
async def test_clear_keeps_concurrent_adds() -> None:
    async with logs("a", "b") as (a, b), services(SET, a, b) as (here, there):
        await here.update("set", Add("known"))
        await exchange(a, b)
        await handled((here, there), (a, b))
        await here.update("set", Clear())
        await there.update("set", Add("concurrent"))
        await exchange(a, b)
        await handled((here, there), (a, b))
        assert await here.value("set") == await there.value("set") == {"concurrent"}


@in_event_loop
async def test_operations_shed_their_stamps_once_all_acknowledged() -> None:
    async with logs("a", "b", "c") as all_logs, services(SET, *all_logs) as all_three:
        await all_three[0].update("set", Add("x"))
        await all_three[1].update("set", Add("y"))
        assert all_three[0].status.unstable == 1
        await acknowledged(all_three, all_logs)
        assert [each.status.unstable for each in all_three] == [0, 0, 0]
        assert [await each.value("set") for each in all_three] == [{"x", "y"}] * 3


@in_event_loop
async def test_one_silent_location_stops_compaction_and_is_named() -> None:
    async with logs("a", "b", "c") as (a, b, c), services(SET, a, b, c) as (first, second, third):
        for number in range(5):
            await first.update("set", Add(str(number)))
        await exchange(a, b, c)
        await handled((first, second, third), (a, b, c))
        await second.acknowledge()
        await exchange(a, b, c)
        await handled((first, second, third), (a, b, c))
        assert first.waiting_for == ("c",)
        assert first.status.unstable == 5
        await third.acknowledge()
        await exchange(a, b, c)
        await handled((first, second, third), (a, b, c))
        assert not first.waiting_for
        assert first.status.unstable == 0


@in_event_loop
async def test_acknowledgements_do_not_ask_for_acknowledgements() -> None:
    async with logs("a", "b") as all_logs, services(SET, *all_logs) as both:
        await both[0].update("set", Add("x"))
        await acknowledged(both, all_logs)
        end = all_logs[0].sequence_nr
        assert [await each.acknowledge() for each in both] == [False, False]
        assert all_logs[0].sequence_nr == end


@in_event_loop
async def test_recovery_from_the_log_gives_the_same_state() -> None:
    async with logs("a", "b", "c") as all_logs:
        async with services(SET, *all_logs, snapshots=MemorySnapshotStore()) as all_three:
            for element in "uvwxyz":
                await all_three[0].update("set", Add(element))
                await all_three[1].update("set", Remove(element))
            await acknowledged(all_three, all_logs)
            await all_three[2].update("other", Add("late"))
            await exchange(*all_logs)
            await handled(all_three, all_logs)
            before = [(await each.save()).state for each in all_three]
        async with services(SET, *all_logs, snapshots=MemorySnapshotStore()) as again:
            assert [(await each.save()).state for each in again] == before


@in_event_loop
async def test_recovery_from_a_snapshot_gives_the_same_state() -> None:
    snapshots = MemorySnapshotStore()
    async with logs("a", "b", "c") as all_logs:
        async with services(SET, *all_logs, snapshots=snapshots) as all_three:
            for element in "xyz":
                await all_three[0].update("set", Add(element))
            await acknowledged(all_three, all_logs)
            await all_three[0].update("set", Add("unstable"))
            saved = await all_three[0].save()
            await all_three[0].update("set", Add("after the snapshot"))
            before = (await all_three[0].save()).state
        snapshots.delete(saved.emitter_id, from_sequence_nr=saved.sequence_nr + 1)
        async with services(SET, *all_logs, snapshots=snapshots) as again:
            assert (await again[0].save()).state == before


@in_event_loop
async def test_a_snapshot_of_other_founders_is_passed_over() -> None:
    snapshots = MemorySnapshotStore()
    async with logs("a", "b") as (a, _):
        async with services(SET, a, locations=("a", "b"), snapshots=snapshots) as (first,):
            await first.update("set", Add("x"))
            await first.save()
        async with services(SET, a, locations=("a",), snapshots=snapshots) as (alone,):
            assert alone.status.locations == ("a",)
            assert alone.status.unstable == 0
            assert await alone.value("set") == {"x"}


@pytest.mark.parametrize("change", [{"state": b"\xc1"}, {"state": b""}, {"form": 2}])
def test_a_snapshot_that_cannot_be_read_costs_a_replay_only(change: dict[str, object]) -> None:
    asyncio.run(_recover_beside(change))


async def _recover_beside(change: dict[str, object]) -> None:
    snapshots = MemorySnapshotStore()
    async with logs("a") as (log,):
        async with services(SET, log, snapshots=snapshots) as (first,):
            await first.update("set", Add("x"))
            snapshots.save(replace(await first.save(), **change))
        async with services(SET, log, snapshots=snapshots) as (again,):
            assert await again.value("set") == {"x"}


@in_event_loop
async def test_without_a_place_for_snapshots_none_is_saved() -> None:
    async with logs("a") as (log,), services(SET, log) as (sets,):
        with pytest.raises(NoSnapshotStore):
            await sets.save()


@in_event_loop
async def test_own_operations_under_way_hold_stability_back() -> None:
    # What others know may get into the log before an own operation that did not know it. Were it
    # stable by then, the own operation would be taken for one that knew it.
    store = steered()
    async with (
        opened(store) as here,
        logs("there") as (there,),
        services(SET, here, there) as (sets, others),
    ):
        await others.update("set", Add("x"))
        store.before_write.clear()
        coming = asyncio.create_task(pull_all(there, here))
        await until(lambda: store.writes_begun == 1)
        removing = asyncio.create_task(sets.update("set", Remove("x")))
        await until(lambda: here.statistics.pending_requests == 1)
        # Let the first write pass, and hold the second up until the first is handled.
        store.after_write.clear()
        store.before_write.set()
        await until(lambda: len(store.batches) == 1)
        store.before_write.clear()
        store.after_write.set()
        await until(lambda: sets.position == 1)
        assert await sets.value("set") == {"x"}
        store.before_write.set()
        assert await removing == {"x"}
        await coming
        await exchange(here, there)
        await handled((sets, others), (here, there))
        assert await others.value("set") == {"x"}


@in_event_loop
async def test_a_write_that_fails_leaves_the_value_and_does_not_block_stability() -> None:
    store = steered()
    async with opened(store) as log, services(SET, log) as (sets,):
        store.failures.append(WriteFailed("a test"))
        with pytest.raises(WriteFailed):
            await sets.update("set", Add("x"))
        assert await sets.value("set") == frozenset()
        assert await sets.update("set", Add("y")) == {"y"}
        assert sets.status.unstable == 0


@in_event_loop
async def test_an_admitted_location_writes_once_it_has_its_admission() -> None:
    async with (
        logs("a", "b", "c") as (a, b, c),
        services(SET, a, b, c, locations=("a", "b")) as (first, second, third),
    ):
        await first.update("set", Add("x"))
        with pytest.raises(NotTakingPart):
            await third.update("set", Add("too early"))
        assert not await third.acknowledge()
        await first.admit("c")
        with pytest.raises(NoSuchChange):
            await first.admit("c")
        await exchange(a, b, c)
        await handled((first, second, third), (a, b, c))
        assert await third.update("set", Add("y")) == {"x", "y"}
        assert second.status.locations == ("a", "b", "c")
        await second.update("set", Add("z"))
        assert second.waiting_for == ("a", "c")


@in_event_loop
async def test_a_retired_location_is_not_waited_for() -> None:
    async with (
        logs("a", "b", "c") as (a, b, c),
        services(SET, a, b, c) as (first, second, third),
    ):
        await third.update("set", Add("last words"))
        await exchange(a, b, c)
        await handled((first, second, third), (a, b, c))
        await first.retire("c")
        with pytest.raises(NoSuchChange):
            await first.retire("c")
        await acknowledged((first, second), (a, b))
        await first.update("set", Add("x"))
        await acknowledged((first, second), (a, b))
        assert first.status.unstable == second.status.unstable == 0
        assert await second.value("set") == {"last words", "x"}
        await exchange(a, c)
        await handled((third,), (c,))
        with pytest.raises(NotTakingPart):
            await third.update("set", Add("too late"))


@in_event_loop
async def test_a_location_may_retire_itself() -> None:
    async with logs("a", "b") as (a, b), services(SET, a, b) as (first, second):
        await second.update("set", Add("x"))
        await second.retire("b")
        await exchange(a, b)
        await handled((first, second), (a, b))
        await first.update("set", Add("y"))
        assert first.status.unstable == 0
        assert first.waiting_for == ()


@in_event_loop
async def test_one_service_of_a_type_runs_on_a_log() -> None:
    async with logs("a") as (log,), services(SET, log):
        with pytest.raises(EmitterInUse):
            await PureCrdtService(log, SET, locations=("a",)).__aenter__()


@in_event_loop
async def test_a_service_that_does_not_run_refuses() -> None:
    async with logs("a") as (log,):
        service = PureCrdtService(log, SET, locations=("a",))
        with pytest.raises(PureServiceStopped):
            await service.value("set")
        async with service:
            await service.update("set", Add("x"))
        with pytest.raises(PureServiceStopped):
            await service.update("set", Add("y"))
        with pytest.raises(NoFounders):
            PureCrdtService(log, SET, locations=())


@in_event_loop
async def test_a_service_may_be_opened_again() -> None:
    async with logs("a") as (log,):
        service = PureCrdtService(log, PureCounter(), locations=("a",))
        async with service:
            await service.update("clicks", Count(2))
        async with service:
            assert await service.update("clicks", Count(1)) == 3


@in_event_loop
async def test_a_log_that_cannot_be_read_for_a_while_is_tried_again() -> None:
    store = steered()
    async with opened(store) as log:
        async with services(SET, log) as (sets,):
            await sets.update("set", Add("x"))
        failures = [ReadFailed("a test"), ReadFailed("a test")]

        def fail_twice() -> None:
            if failures:
                raise failures.pop()

        store.before_read = fail_twice
        soon = RetryPolicy(first_delay_s=0.001)
        async with PureCrdtService(log, SET, locations=("here",), policy=soon) as again:
            assert await again.value("set") == {"x"}
            assert again.trouble is None


@in_event_loop
async def test_a_service_ends_with_its_log() -> None:
    log = EventLog(MemoryEventStore(log_id="a"))
    async with services(SET, log) as (sets,):
        await log.close()
        with pytest.raises((PureServiceStopped, LogClosed)):
            await sets.update("set", Add("x"))


@in_event_loop
async def test_an_operation_of_another_type_stops_the_service() -> None:
    async with logs("a", "b") as (a, b):
        async with services(PureAddWinsSet(int, name=SET.name), b, locations=("a", "b")) as (sets,):
            await sets.update("set", Add(7))
        async with services(SET, a, locations=("a", "b")) as (strings,):
            await exchange(a, b)
            with pytest.raises(PureServiceStopped, match="UnreadableOperation"):
                await _until_it_raises(strings)
            assert "Expected an operation of" in str(strings.trouble)
        with pytest.raises(UnreadableOperation):
            await PureCrdtService(a, SET, locations=("a", "b")).__aenter__()


async def _until_it_raises(sets: AnyService) -> None:
    while True:
        await sets.value("set")
        await asyncio.sleep(0)


@in_event_loop
async def test_an_event_of_the_type_that_nobody_here_knows_stops_the_service() -> None:
    async with logs("a") as (log,), services(SET, log) as (sets,):
        await log.append([new(destinations=(shared_tag(SET.name),))])
        with pytest.raises(PureServiceStopped, match="UnknownForm"):
            await _until_it_raises(sets)
