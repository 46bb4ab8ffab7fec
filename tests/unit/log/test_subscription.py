"""Following a log: nothing missed, nothing twice, and a queue that has a bound."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opened_log import new, opened

from museion.base.errors import InvalidInput
from museion.log.event import Event
from museion.log.event_log import (
    BatchLimits,
    EmitterInUse,
    EventLog,
    LogClosed,
    QueueLimits,
    WritePolicy,
)
from museion.log.subscription import SlowSubscriber, SubscriberTooSlow, Subscription
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import in_event_loop


async def take(subscription: Subscription, last: int) -> list[int]:
    seen: list[int] = []
    while not seen or seen[-1] < last:
        seen += numbers(await subscription.next())
    return seen


@in_event_loop
async def test_what_is_written_between_subscribing_and_reading_is_neither_missed_nor_doubled() -> (
    None
):
    async with opened() as log:
        await log.append([new()] * 3)
        subscription = log.subscribe()
        await log.append([new()] * 3)
        assert await take(subscription, 6) == [1, 2, 3, 4, 5, 6]


@in_event_loop
async def test_live_events_come_without_a_look_into_the_store() -> None:
    from opened_log import steered

    store = steered()
    async with opened(store) as log:
        subscription = log.subscribe()
        await log.append([new()])
        store.before_read = lambda: pytest.fail("the store was read")
        assert numbers(await subscription.next()) == [1]


@in_event_loop
async def test_a_subscriber_that_is_too_slow_catches_up_from_the_store() -> None:
    async with opened() as log:
        subscription = log.subscribe(limits=QueueLimits(max_events=10))
        for _ in range(5):
            await log.append([new()] * 7)
        assert subscription.catch_ups == log.statistics.catch_ups == 1
        assert await take(subscription, 35) == list(range(1, 36))
        await log.append([new()])
        assert subscription.take_ready()[0].sequence_nr == 36, "it is live again"


@in_event_loop
async def test_bytes_are_bounded_too() -> None:
    async with opened() as log:
        subscription = log.subscribe(limits=QueueLimits(max_bytes=100))
        for _ in range(5):
            await log.append([new(bytes(40))])
        assert subscription.catch_ups == 1
        assert await take(subscription, 5) == [1, 2, 3, 4, 5]


@in_event_loop
async def test_a_subscriber_may_choose_to_fail_instead() -> None:
    async with opened() as log:
        limits = QueueLimits(max_events=2, when_full=SlowSubscriber.FAIL)
        subscription = log.subscribe(limits=limits)
        await log.append([new()] * 3)
        with pytest.raises(SubscriberTooSlow, match="stands at event 0"):
            await subscription.next()


@in_event_loop
async def test_a_slow_subscriber_delays_nobody() -> None:
    async with opened() as log:
        log.subscribe(limits=QueueLimits(max_events=1))
        quick = log.subscribe()
        for number in range(1, 50):
            await log.append([new()])
            assert numbers(await quick.next()) == [number]


@in_event_loop
async def test_live_batches_keep_the_limits_of_a_page() -> None:
    async with opened(limits=BatchLimits(replay_batch_events=4)) as log:
        subscription = log.subscribe()
        await log.append([new()] * 10)
        sizes = [len(await subscription.next()) for _ in range(3)]
        assert sizes == [4, 4, 2]


@in_event_loop
async def test_a_subscription_to_an_aggregate_sees_its_events_and_knows_how_far_it_is() -> None:
    async with opened() as log:
        await log.append([new(aggregate_id="x"), new(aggregate_id="y")])
        subscription = log.subscribe(aggregate_id="x")
        assert not subscription.caught_up
        assert numbers(await subscription.next()) == [1]
        await log.append([new(aggregate_id="y"), new(destinations=("x", "y")), new()])
        assert not subscription.caught_up
        assert numbers(await subscription.next()) == [4]
        assert subscription.caught_up
        assert subscription.position == 5, "what does not concern it is no reason to stand back"


@in_event_loop
async def test_deleted_events_are_not_replayed() -> None:
    async with opened() as log:
        await log.append([new(aggregate_id="x")] * 6)
        await log.delete(4)
        assert await take(log.subscribe(), 6) == [5, 6]
        assert await take(log.subscribe(aggregate_id="x"), 6) == [5, 6]
        await log.delete(6)
        everything_is_gone = log.subscribe()
        await log.append([new(aggregate_id="x")])
        assert await take(everything_is_gone, 7) == [7]


@in_event_loop
async def test_a_closed_log_ends_all_subscriptions() -> None:
    async with opened() as log:
        subscriptions = [log.subscribe(), log.subscribe(aggregate_id="x")]
        waiting = [asyncio.create_task(each.next()) for each in subscriptions]
        await asyncio.sleep(0)
        await log.close()
        for task in waiting:
            with pytest.raises(LogClosed):
                await task


@in_event_loop
async def test_a_closed_subscription_takes_no_more_and_is_not_counted() -> None:
    async with opened() as log:
        subscription = log.subscribe()
        assert log.statistics.subscriptions == 1
        subscription.close()
        subscription.close()
        await log.append([new()])
        assert log.statistics.subscriptions == 0


@in_event_loop
async def test_one_emitter_of_a_name_is_active_at_a_time() -> None:
    async with opened() as log:
        with log.claim("counter-1"):
            with pytest.raises(EmitterInUse, match="counter-1"), log.claim("counter-1"):
                pass
            with log.claim("counter-2"):
                pass
        with log.claim("counter-1"):
            pass


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), max_events=st.integers(1, 12))
def test_whatever_the_pace_every_subscriber_sees_every_event_once_in_log_order(
    seed: int, max_events: int
) -> None:
    async def run() -> None:
        random = Random(seed)  # noqa: S311 (repeatable)
        async with opened(limits=BatchLimits(replay_batch_events=5)) as log:
            await log.append([new(aggregate_id="x")] * random.randint(1, 12))
            slow = asyncio.create_task(_follow(log, None, 60, max_events, Random(seed)))  # noqa: S311
            own = asyncio.create_task(_follow(log, "x", 60, max_events, Random(seed)))  # noqa: S311
            while log.sequence_nr < 60:
                size = min(random.randint(1, 9), 60 - log.sequence_nr)
                await log.append([new(aggregate_id=random.choice("xy")) for _ in range(size - 1)])
                await log.append([new(aggregate_id="x")])
            everything = list(await log.read())
            assert await slow == everything
            assert await own == [each for each in everything if each.aggregate_id == "x"]

    asyncio.run(run())


async def _follow(
    log: EventLog, aggregate_id: str | None, last: int, max_events: int, random: Random
) -> list[Event]:
    seen: list[Event] = []
    subscription = log.subscribe(aggregate_id=aggregate_id, limits=QueueLimits(max_events))
    while not seen or seen[-1].sequence_nr < last:
        for _ in range(random.randint(0, 8)):
            await asyncio.sleep(0)
        seen += await subscription.next()
    return seen


@pytest.mark.parametrize("limits", [{"max_events": 0}, {"max_bytes": 0}])
def test_a_queue_without_room_is_refused(limits: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match="1 event and 1 byte"):
        QueueLimits(**limits)  # type: ignore[arg-type]  # integers only


def test_a_write_policy_with_negative_values_is_refused() -> None:
    with pytest.raises(InvalidInput, match="0 or more"):
        WritePolicy(retries=-1)
