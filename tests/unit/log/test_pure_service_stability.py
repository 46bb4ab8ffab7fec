"""What becomes stable at a service of pure CRDTs, and whom it waits for."""

from __future__ import annotations

import asyncio

import pytest
from opened_log import opened, steered
from pure_sites import acknowledged, exchange, handled, logs, services

from museion.log.crdt.pure.add_wins_set import Add, PureAddWinsSet, Remove
from museion.log.crdt.pure.service_refusals import (
    NoSuchChange,
    NotTakingPart,
)
from museion.log.replication.link import pull_all
from museion.testing.event_loop import in_event_loop, until

SET = PureAddWinsSet(str)


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
