"""The circuit breaker: while the store keeps failing, new requests are refused at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from opened_log import new

from museion.log.circuit_breaker import CircuitBreaker, WritePolicy
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.event_store import WriteFailed
from museion.log.log_errors import LogUnavailable
from museion.log.memory_store import MemoryEventStore
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import in_event_loop, until
from museion.testing.failing_store import FailingStore, Fault

NEVER_S = 3600.0
STUBBORN = WritePolicy(
    retries=1_000, first_delay_s=0.001, longest_delay_s=0.005, probe_after_s=NEVER_S
)


@asynccontextmanager
async def broken(
    policy: WritePolicy = STUBBORN,
) -> AsyncIterator[tuple[EventLog, FailingStore, list[bool]]]:
    """A log whose next writes fail until `next_faults` is cleared, and what the breaker told."""
    store = FailingStore(MemoryEventStore(log_id="here"))
    told: list[bool] = []
    log = EventLog(store, policy=policy, on_breaker=told.append)
    store.next_faults.extend([Fault.REFUSED] * 10_000)
    try:
        yield log, store, told
    finally:
        store.next_faults.clear()
        await log.close()


async def begun_and_open(log: EventLog) -> asyncio.Task[list[Event]]:
    """Append; return when that has failed often enough to open the breaker."""
    first = asyncio.create_task(log.append([new(b"first")]))
    await until(lambda: log.statistics.breaker_open)
    return first


@in_event_loop
async def test_the_first_failure_alone_keeps_it_closed() -> None:
    async with broken() as (log, store, told):
        store.next_faults.clear()
        store.next_faults.append(Fault.REFUSED)
        await log.append([new()])
        assert log.statistics.retries == 1
        assert told == []


@pytest.mark.parametrize("retries", [0, 1, 2, 5])
def test_it_opens_after_as_many_failed_retries_as_the_policy_says(retries: int) -> None:
    told: list[bool] = []
    breaker = CircuitBreaker(WritePolicy(open_after_retries=retries), told.append)
    for _ in range(retries):
        breaker.failed()
        assert not breaker.is_open
    breaker.failed()
    assert breaker.is_open
    assert told == [True]


@in_event_loop
async def test_it_opens_after_two_failed_retries_by_default() -> None:
    store = FailingStore(MemoryEventStore(log_id="here"))
    store.next_faults.extend([Fault.REFUSED] * 2)
    told: list[bool] = []
    log = EventLog(store, on_breaker=told.append)
    await log.append([new()])
    assert told == []
    store.next_faults.extend([Fault.REFUSED] * 3)
    await log.append([new()])
    assert told == [True, False]
    await log.close()


@in_event_loop
async def test_while_it_is_open_every_new_write_is_refused_at_once() -> None:
    async with broken() as (log, store, _):
        first = await begun_and_open(log)
        for _ in range(3):
            with pytest.raises(LogUnavailable):
                await log.append([new(b"refused")])
        with pytest.raises(LogUnavailable):
            await log.append_replicated([], progress={"far": 1})
        with pytest.raises(LogUnavailable):
            await log.delete(0)
        store.next_faults.clear()
        await first
        assert [event.payload for event in await log.read()] == [b"first"]


@in_event_loop
async def test_the_original_request_keeps_being_retried_while_it_is_open() -> None:
    async with broken() as (log, store, _):
        first = await begun_and_open(log)
        retries = log.statistics.retries
        await until(lambda: log.statistics.retries > retries + 3)
        assert not first.done()
        store.next_faults.clear()
        assert numbers(await first) == [1]


@in_event_loop
async def test_it_closes_on_success_and_requests_pass_again() -> None:
    async with broken() as (log, store, _):
        first = await begun_and_open(log)
        store.next_faults.clear()
        await first
        assert not log.statistics.breaker_open
        assert numbers(await log.append([new()])) == [2]


@in_event_loop
async def test_there_is_one_notification_of_opening_and_one_of_closing() -> None:
    async with broken() as (log, store, told):
        first = await begun_and_open(log)
        retries = log.statistics.retries
        await until(lambda: log.statistics.retries > retries + 3)
        assert told == [True]
        store.next_faults.clear()
        await first
        await log.append([new()])
        assert told == [True, False]


@in_event_loop
async def test_it_is_closed_when_the_log_is_opened_again() -> None:
    store = FailingStore(MemoryEventStore(log_id="here"))
    store.next_faults.extend([Fault.REFUSED] * 4)
    log = EventLog(store, policy=WritePolicy(first_delay_s=0.001))
    with pytest.raises(WriteFailed):
        await log.append([new()])
    assert log.statistics.breaker_open
    await log.close()
    log = EventLog(store)
    assert not log.statistics.breaker_open
    await log.append([new()])
    await log.close()


@in_event_loop
async def test_when_the_retries_run_out_nothing_of_the_request_is_in_the_log() -> None:
    policy = WritePolicy(retries=3, first_delay_s=0.001, probe_after_s=0.0)
    async with broken(policy) as (log, store, _):
        with pytest.raises(WriteFailed):
            await log.append([new(b"refused")], progress={"reader": 7})
        assert log.statistics.retries == 3
        store.next_faults.clear()
        assert numbers(await log.append([new(b"kept")])) == [1]
        assert [event.payload for event in await log.read()] == [b"kept"]
        assert log.progress("reader") == 0


@in_event_loop
async def test_now_and_then_a_request_probes_a_store_that_nobody_else_writes_to() -> None:
    policy = WritePolicy(retries=2, first_delay_s=0.001, probe_after_s=0.02)
    async with broken(policy) as (log, store, told):
        with pytest.raises(WriteFailed):
            await log.append([new()])
        store.next_faults.clear()
        async with asyncio.timeout(10):
            while log.statistics.breaker_open:
                try:
                    await log.append([new()])
                except LogUnavailable:
                    await asyncio.sleep(0.001)
        assert told == [True, False]


@in_event_loop
async def test_deleting_counts_as_a_write() -> None:
    async with broken() as (log, store, told):
        store.next_faults.clear()
        await log.append([new()] * 3)
        store.next_faults.extend([Fault.REFUSED] * 3)
        assert await log.delete(2) == 2
        assert told == [True, False]


@in_event_loop
async def test_reads_go_on_while_it_is_open() -> None:
    async with broken() as (log, store, _):
        store.next_faults.appendleft(None)
        await log.append([new(b"before")])
        second = await begun_and_open(log)
        assert [event.payload for event in await log.read()] == [b"before"]
        store.next_faults.clear()
        await second


@in_event_loop
async def test_closing_the_log_ends_the_retries() -> None:
    async with broken(WritePolicy(retries=9, first_delay_s=NEVER_S)) as (log, _, _):
        first = asyncio.create_task(log.append([new()]))
        await asyncio.sleep(0)
        await log.close()
        with pytest.raises(WriteFailed):
            await first
