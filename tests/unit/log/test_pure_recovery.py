"""The service of pure CRDTs recovers from snapshots and from the log."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from opened_log import opened, steered
from pure_sites import acknowledged, exchange, handled, logs, services

from museion.base.retry import RetryPolicy
from museion.log.crdt.counter import Count
from museion.log.crdt.pure.add_wins_set import Add, PureAddWinsSet, Remove
from museion.log.crdt.pure.counter import PureCounter
from museion.log.crdt.pure.service import PureCrdtService
from museion.log.event_store import ReadFailed
from museion.log.snapshots import MemorySnapshotStore
from museion.log.sourced.refusals import NoSnapshotStore
from museion.testing.event_loop import in_event_loop

SET = PureAddWinsSet(str)


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
