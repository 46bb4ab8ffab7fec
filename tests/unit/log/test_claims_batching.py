"""Batching and the circuit breaker, and what aggregates and readers notice of the two."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from counting import Counter
from opened_log import held_up, new, opened, steered
from recording import Noted, Recorder, SideBySide, emit, in_both_modes
from texts_view import Texts

from museion.log.circuit_breaker import WritePolicy
from museion.log.event_log import BatchLimits, EventLog, LogUnavailable
from museion.log.event_store import WriteFailed
from museion.log.memory_store import MemoryEventStore
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.view import running
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import in_event_loop, until
from museion.testing.failing_store import FailingStore, Fault

# Batching


@in_event_loop
async def test_the_writes_of_one_emitter_keep_their_order_whatever_groups_they_fall_into() -> None:
    store = steered()
    async with opened(store, BatchLimits(max_batch_events=5)) as log:
        first = await held_up(log, store)
        sizes = (1, 4, 2, 9, 1, 1, 3, 5, 2)
        writes = [
            asyncio.create_task(log.append([new(b"%d" % place)] * size))
            for place, size in enumerate(sizes)
        ]
        await until(lambda: log.statistics.pending_requests == len(sizes))
        store.before_write.set()
        await asyncio.gather(first, *writes)
        payloads = [event.payload for event in await log.read()][1:]
    assert payloads == [b"%d" % place for place, size in enumerate(sizes) for _ in range(size)]
    assert len(store.batches) > 2


@in_event_loop
async def test_a_replay_that_begins_while_writes_are_pending_gets_them_live() -> None:
    """So it need not force them out first: none is missed, none comes twice."""
    store = steered()
    async with opened(store) as log:
        await log.append([new()] * 3)
        store.before_write.clear()
        writes = [asyncio.create_task(log.append([new()] * 2))]
        await until(lambda: store.writes_begun == 2)
        writes += [asyncio.create_task(log.append([new()] * 2)) for _ in range(2)]
        await until(lambda: log.statistics.pending_requests == 2)
        subscription = log.subscribe()
        assert numbers(await subscription.next()) == [1, 2, 3]
        store.before_write.set()
        await asyncio.gather(*writes)
        seen: list[int] = []
        while len(seen) < 6:
            seen += numbers(await subscription.next())
        assert seen == [4, 5, 6, 7, 8, 9]


@in_event_loop
async def test_whoever_recovers_while_writes_are_pending_handles_each_of_them_once() -> None:
    store = steered()
    async with opened(store) as log:
        await emit(log, Noted("before"))
        store.before_write.clear()
        write = asyncio.create_task(emit(log, Noted("pending")))
        await until(lambda: store.writes_begun == 2)
        async with running(Texts, log) as view, Aggregates(log, Recorder) as recorders:
            recorder = await recorders.get("a")
            assert view.texts == await recorder.look() == ["before"]
            store.before_write.set()
            await write
            await until(lambda: len(view.texts) > 1)
            assert view.texts == await recorder.look() == ["before", "pending"]


# Circuit breaker


@in_event_loop
async def test_single_failures_that_are_not_in_a_row_never_open_it() -> None:
    store = FailingStore(MemoryEventStore(log_id="here"))
    told: list[bool] = []
    log = EventLog(store, policy=WritePolicy(first_delay_s=0.0), on_breaker=told.append)
    for _ in range(10):
        store.next_faults.append(Fault.REFUSED)
        await log.append([new()])
    assert (told, log.statistics.retries, log.sequence_nr) == ([], 10, 10)
    await log.close()


@asynccontextmanager
async def with_open_breaker() -> AsyncIterator[tuple[EventLog, FailingStore]]:
    """A log that refuses new requests until its store is mended."""
    store = FailingStore(MemoryEventStore(log_id="here"))
    policy = WritePolicy(
        retries=10_000, first_delay_s=0.001, longest_delay_s=0.002, probe_after_s=3600.0
    )
    log = EventLog(store, policy=policy)
    try:
        yield log, store
    finally:
        store.next_faults.clear()
        await log.close()


@in_event_loop
async def test_with_state_sync_on_who_was_writing_when_it_opened_does_not_see_it() -> None:
    async with with_open_breaker() as (log, store), Aggregates(log, Recorder) as recorders:
        recorder = await recorders.get("a")
        store.next_faults.extend([Fault.REFUSED] * 20_000)
        writing = asyncio.create_task(recorder.note("written"))
        waiting = asyncio.create_task(recorder.note("waited"))
        await until(lambda: log.statistics.breaker_open)
        assert not writing.done()
        assert not waiting.done()
        store.next_faults.clear()
        assert await writing == ["written"]
        assert await waiting == ["written", "waited"]


@in_both_modes
@in_event_loop
async def test_an_aggregate_that_was_idle_when_it_opened_sees_the_log_unavailable(
    kind: type[Recorder],
) -> None:
    async with with_open_breaker() as (log, store), Aggregates(log, kind) as recorders:
        recorder = await recorders.get("a")
        store.next_faults.extend([Fault.REFUSED] * 20_000)
        other = asyncio.create_task(emit(log, Noted("other"), aggregate_id="b"))
        await until(lambda: log.statistics.breaker_open)
        with pytest.raises(LogUnavailable):
            await recorder.note("refused")
        assert await recorder.look() == []
        store.next_faults.clear()
        await other
        assert await recorder.note("kept") == ["kept"]


@in_event_loop
async def test_with_state_sync_off_every_command_sees_the_log_unavailable_at_once() -> None:
    async with with_open_breaker() as (log, store), Aggregates(log, SideBySide) as recorders:
        recorder = await recorders.get("a")
        store.next_faults.extend([Fault.REFUSED] * 20_000)
        writing = asyncio.create_task(recorder.note("written"))
        await until(lambda: log.statistics.breaker_open)
        for _ in range(3):
            with pytest.raises(LogUnavailable):
                await recorder.note("refused")
        assert not writing.done()
        store.next_faults.clear()
        assert await writing == ["written"]


# The log about itself


@in_event_loop
async def test_statistics_count_requests_groups_events_and_the_largest_group() -> None:
    store = steered()
    async with opened(store) as log:
        first = await held_up(log, store)
        others = [asyncio.create_task(log.append([new()] * 3)) for _ in range(4)]
        await until(lambda: log.statistics.pending_requests == 4)
        store.before_write.set()
        await asyncio.gather(first, *others)
        done = log.statistics
    assert (done.requests, done.groups, done.events, done.largest_group) == (5, 2, 13, 12)
    assert 0 < done.write_seconds < 30
    assert (done.refused_requests, done.retries, done.breaker_open) == (0, 0, False)


@in_event_loop
async def test_statistics_count_what_was_refused_and_tried_again() -> None:
    store = steered()
    policy = WritePolicy(retries=2, first_delay_s=0.0, open_after_retries=5)
    async with opened(store, policy=policy) as log:
        store.failures = [WriteFailed("no space")] * 3
        with pytest.raises(WriteFailed):
            await log.append([new()])
        await log.append([new()])
        done = log.statistics
    assert (done.refused_requests, done.retries, done.requests, done.events) == (1, 2, 1, 1)


@in_event_loop
async def test_statistics_count_who_follows_and_who_was_too_slow() -> None:
    async with opened() as log, Aggregates(log, Counter) as counters:
        await counters.get("clicks")
        async with running(Texts, log):
            assert log.statistics.subscriptions == 2
        assert log.statistics.subscriptions == 1
        slow = log.subscribe()
        await log.append([new()] * 2000)
        assert log.statistics.catch_ups == 1
        slow.close()
        assert log.statistics.catch_ups == 1, "also when it has gone"


@in_event_loop
async def test_the_failure_of_a_cancelled_request_is_not_reported_as_lost() -> None:
    store = steered()
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    async with opened(store) as log:
        first = await held_up(log, store)
        first.cancel()
        store.failures = [WriteFailed("no space")]
        store.before_write.set()
        await asyncio.wait([first])
        assert first.cancelled()
    del first
    gc.collect()
    assert reported == []
