"""The service of pure CRDTs on a log: what it writes, and what it refuses."""

from __future__ import annotations

import asyncio

import pytest
from opened_log import new, opened, steered
from pure_sites import AnyService, exchange, handled, logs, services

from museion.log.crdt.counter import Count, StepTooLarge
from museion.log.crdt.pure.add_wins_set import Add, PureAddWinsSet
from museion.log.crdt.pure.cart import PureCart, Put, QuantityOutOfRange
from museion.log.crdt.pure.counter import PureCounter
from museion.log.crdt.pure.pure_crdt import Clear
from museion.log.crdt.pure.pure_events import shared_tag
from museion.log.crdt.pure.replica import OperationNotOfType, UnreadableOperation
from museion.log.crdt.pure.service import PureCrdtService
from museion.log.crdt.pure.service_refusals import (
    NoFounders,
    PureServiceStopped,
)
from museion.log.event_log import EmitterInUse, EventLog, LogClosed
from museion.log.event_store import WriteFailed
from museion.log.memory_store import MemoryEventStore
from museion.testing.event_loop import in_event_loop

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
