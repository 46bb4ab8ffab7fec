"""A reliable channel: a persistent outbox that keeps order and survives a crash, alone."""

from __future__ import annotations

import asyncio
from itertools import chain
from random import Random

import pytest
from channel_ends import AT_ONCE, Receiver, running
from hypothesis import given
from hypothesis import strategies as st
from opened_log import new, opened, steered

from museion.base.errors import InvalidInput
from museion.base.retry import RetryPolicy
from museion.log.event import Event
from museion.log.event_log import EmitterInUse, EventLog, LogClosed
from museion.log.event_store import WriteFailed
from museion.log.memory_store import MemoryEventStore
from museion.log.sourced.delivery.activation import NotActivated, recover_then_activate
from museion.log.sourced.delivery.outbox import NotStopped, OutboxFull, ReliableChannel
from museion.log.sourced.delivery.outbox_events import (
    CHANNEL_EVENTS,
    DeliveryStopped,
    MessagesConfirmed,
    MessagesDropped,
    MessagesEnqueued,
)
from museion.log.sourced.delivery.redelivery import Delivery, DeliveryKey, Destination, OutboxPolicy
from museion.testing.event_loop import in_event_loop, until


def channel_of(
    log: EventLog, receiver: Receiver, policy: OutboxPolicy = AT_ONCE, name: str = "out"
) -> ReliableChannel[str]:
    quick = RetryPolicy(first_delay_s=0.0, longest_delay_s=0.0)
    return ReliableChannel(log, name, receiver.destination(), policy, retry=quick)


async def _nowhere(delivery: Delivery[int]) -> None:
    raise AssertionError(delivery)


def _payload(event: Event) -> object:
    return CHANNEL_EVENTS.decode(event)[0]


@pytest.mark.parametrize("lost", [set(), {"a"}])
@in_event_loop
async def test_a_channel_ends_when_its_log_closes_whether_it_rests_or_tries(lost: set[str]) -> None:
    receiver = Receiver()
    receiver.lost = lost
    async with opened() as log:
        channel = channel_of(log, receiver, OutboxPolicy(redelivery_delay_s=3600.0))
        async with running(channel) as task:
            await channel.enqueue("a")
            await until(lambda: bool(channel.trouble) if lost else channel.pending == 0)
            await log.close()
            async with asyncio.timeout(5):
                await asyncio.wait([task])
            assert isinstance(task.exception(), LogClosed)


@in_event_loop
async def test_to_enqueue_is_an_event_and_the_confirmation_is_one() -> None:
    receiver = Receiver()
    async with opened() as log:
        channel = channel_of(log, receiver)
        async with running(channel):
            assert await channel.enqueue("a")
            await until(lambda: channel.pending == 0)
        assert receiver.taken == ["a"]
        enqueued, confirmed = await log.read(aggregate_id="out")
        assert _payload(enqueued) == MessagesEnqueued((b"\xa1a",))
        assert _payload(confirmed) == MessagesConfirmed(1, attempts=1)


@in_event_loop
async def test_it_needs_no_aggregate_and_keeps_what_was_enqueued_before_it_ran() -> None:
    receiver = Receiver()
    store = MemoryEventStore()
    async with opened(store) as log:
        await channel_of(log, receiver).enqueue("a")
    async with opened(store) as log, running(channel := channel_of(log, receiver)):
        await until(lambda: receiver.taken == ["a"])
        await channel.enqueue("b")
        await until(lambda: receiver.taken == ["a", "b"])


@in_event_loop
async def test_order_is_kept_whatever_fails() -> None:
    receiver = Receiver()
    random = Random(7)  # noqa: S311 (repeatable)
    texts = [str(number) for number in range(100)]
    async with opened() as log:
        channel = channel_of(log, receiver)
        async with running(channel):
            for text in texts:
                receiver.losses += random.randint(0, 2)
                await channel.enqueue(text)
            await until(lambda: channel.pending == 0)
    assert receiver.taken == texts
    assert len(receiver.attempts) > len(texts)


@in_event_loop
async def test_a_message_is_the_same_in_each_attempt_and_attempts_are_counted() -> None:
    receiver = Receiver()
    receiver.losses = 2
    async with opened() as log, running(channel := channel_of(log, receiver)):
        await channel.enqueue("a")
        await until(lambda: receiver.taken == ["a"])
    assert [each.attempt for each in receiver.attempts] == [1, 2, 3]
    assert {(each.key, each.sender) for each in receiver.attempts} == {(DeliveryKey(1, 0), "out")}


@in_event_loop
async def test_after_the_maximum_of_redeliveries_and_restarts_delivery_stops_with_an_event() -> (
    None
):
    receiver = Receiver()
    receiver.lost = {"a"}
    policy = OutboxPolicy(
        redelivery_delay_s=0.0, restart_delay_s=0.0, max_redeliveries=2, max_restarts=1
    )
    async with opened() as log:
        channel = channel_of(log, receiver, policy)
        async with running(channel):
            await channel.enqueue("a")
            await channel.enqueue("b")
            await until(lambda: channel.stopped is not None)
            assert receiver.texts == ["a"] * 6
            stopped = DeliveryStopped(1, attempts=6, reason="the line is down")
            assert channel.stopped == stopped
            assert channel.trouble == "the line is down"
            assert [_payload(event) for event in await log.read()][-1] == stopped
            assert channel.pending == 2, "nothing is thrown away"


@in_event_loop
async def test_a_channel_that_stopped_goes_on_after_a_restart_in_order() -> None:
    receiver = Receiver()
    receiver.lost = {"a"}
    policy = OutboxPolicy(redelivery_delay_s=0.0, max_redeliveries=0, max_restarts=0)
    async with opened() as log, running(channel := channel_of(log, receiver, policy)):
        await channel.enqueue("a")
        await channel.enqueue("b")
        await until(lambda: channel.stopped is not None)
        receiver.lost = set()
        channel.restart()
        await until(lambda: channel.pending == 0)
        assert receiver.taken == ["a", "b"]
        with pytest.raises(NotStopped):
            channel.restart()


@in_event_loop
async def test_what_a_channel_stopped_at_can_be_dropped_by_an_event() -> None:
    receiver = Receiver()
    receiver.lost = {"a"}
    policy = OutboxPolicy(redelivery_delay_s=0.0, max_redeliveries=0, max_restarts=0)
    store = MemoryEventStore()
    async with opened(store) as log, running(channel := channel_of(log, receiver, policy)):
        with pytest.raises(NotStopped):
            await channel.drop("not yet")
        await channel.enqueue("a")
        await channel.enqueue("b")
        await until(lambda: channel.stopped is not None)
        await channel.drop("spoiled")
        await until(lambda: channel.pending == 0)
        assert receiver.taken == ["b"]
        assert MessagesDropped(1, "spoiled") in [_payload(each) for each in await log.read()]
    async with opened(store) as log, running(channel := channel_of(log, receiver, policy)):
        await channel.activated()
        assert channel.pending == 0


@in_event_loop
async def test_a_new_run_tries_again_what_a_channel_stopped_at() -> None:
    receiver = Receiver()
    receiver.lost = {"a"}
    policy = OutboxPolicy(redelivery_delay_s=0.0, max_redeliveries=0, max_restarts=0)
    async with opened() as log:
        channel = channel_of(log, receiver, policy)
        async with running(channel):
            await channel.enqueue("a")
            await until(lambda: channel.stopped is not None)
        receiver.lost = set()
        async with running(channel):
            await until(lambda: receiver.taken == ["a"])


@in_event_loop
async def test_a_negative_confirmation_leads_to_redelivery() -> None:
    words = [False, False, True]
    seen: list[int] = []

    async def send(delivery: Delivery[str]) -> None:
        seen.append(delivery.attempt)
        delivery.confirm(positive=words.pop(0))

    async with opened() as log:
        channel = ReliableChannel(log, "out", Destination("d", str, send, False), AT_ONCE)
        async with running(channel):
            await channel.enqueue("a")
            await until(lambda: channel.pending == 0)
    assert seen == [1, 2, 3]


@in_event_loop
async def test_a_positive_confirmation_may_come_after_the_destination_has_returned() -> None:
    receiver = Receiver()
    async with opened() as log:
        explicit = receiver.destination(confirms_by_returning=False)
        channel = ReliableChannel(log, "out", explicit, AT_ONCE)
        async with running(channel):
            await channel.enqueue("a")
            await until(lambda: receiver.taken == ["a"])
            assert channel.pending == 1
            receiver.attempts[0].confirm()
            receiver.attempts[0].confirm(positive=False)  # only the first word counts
            await until(lambda: channel.pending == 0)
    assert len(receiver.attempts) == 1


@in_event_loop
async def test_a_destination_without_any_word_is_asked_again_after_the_limit() -> None:
    receiver = Receiver()
    policy = OutboxPolicy(redelivery_delay_s=0.0, confirm_limit_s=0.01, max_redeliveries=100)
    async with opened() as log:
        explicit = receiver.destination(confirms_by_returning=False)
        channel = ReliableChannel(log, "out", explicit, policy)
        async with running(channel):
            await channel.enqueue("a")
            await until(lambda: len(receiver.attempts) == 3)
            receiver.attempts[-1].confirm()
            await until(lambda: channel.pending == 0)


@in_event_loop
async def test_messages_wait_until_the_channel_is_activated() -> None:
    receiver = Receiver()
    async with opened() as log:
        channel = channel_of(log, receiver)
        async with running(channel, activate=False):
            await channel.enqueue("a")
            with pytest.raises(NotActivated):
                await channel.activated(limit_s=0.01)
            assert receiver.texts == []
            channel.activate()
            await channel.activated()
            await until(lambda: receiver.taken == ["a"])


@in_event_loop
async def test_recovery_ends_before_channels_are_activated_and_no_message_overtakes_it() -> None:
    """And a thread can wait for it, blocking."""
    receiver = Receiver()
    order: list[str] = []
    may_recover = asyncio.Event()

    async def recover(channel: ReliableChannel[str]) -> None:
        await channel.enqueue("from the replay")
        await may_recover.wait()
        assert receiver.texts == []
        order.append("recovered")

    async with opened() as log:
        channel = channel_of(log, receiver)
        async with running(channel, activate=False):
            loop = asyncio.get_running_loop()
            work = recover_then_activate([recover(channel)], [channel])
            blocking = asyncio.run_coroutine_threadsafe(work, loop)
            waiting = asyncio.create_task(asyncio.to_thread(blocking.result, 20.0))
            await until(lambda: channel.pending == 1)
            may_recover.set()
            await waiting
            await until(lambda: receiver.taken == ["from the replay"])
    assert order == ["recovered"]


@in_event_loop
async def test_a_recovery_that_fails_activates_no_channel() -> None:
    receiver = Receiver()

    async def fail() -> None:
        raise ValueError("damaged")

    async with opened() as log:
        channel = channel_of(log, receiver)
        async with running(channel, activate=False):
            await channel.enqueue("a")
            with pytest.raises(ValueError, match="damaged"):
                await recover_then_activate([fail()], [channel])
            with pytest.raises(NotActivated):
                await channel.activated(limit_s=0.01)


@in_event_loop
async def test_the_outbox_is_bounded() -> None:
    receiver = Receiver()
    store = MemoryEventStore()
    policy = OutboxPolicy(max_pending=2)
    async with opened(store) as log:
        channel = channel_of(log, receiver, policy)
        await channel.enqueue("a")
        await channel.enqueue("b")
        with pytest.raises(OutboxFull, match="at most 2 messages"):
            await channel.enqueue("c")
    async with opened(store) as log:
        channel = channel_of(log, receiver, policy)
        with pytest.raises(OutboxFull):
            await channel.enqueue("c")
        async with running(channel):
            await until(lambda: channel.pending == 0)
            await channel.enqueue("c")
            await until(lambda: receiver.taken == ["a", "b", "c"])


@in_event_loop
async def test_a_series_goes_out_in_order_under_one_confirmation_at_the_end() -> None:
    receiver = Receiver()
    async with opened() as log, running(channel := channel_of(log, receiver)):
        await channel.enqueue_series(["a", "b", "c"])
        await until(lambda: channel.pending == 0)
        assert receiver.taken == ["a", "b", "c"]
        assert [each.key for each in receiver.attempts] == [DeliveryKey(1, n) for n in range(3)]
        assert log.sequence_nr == 2


@in_event_loop
async def test_a_series_with_a_failure_is_delivered_again_as_a_whole() -> None:
    receiver = Receiver()
    receiver.lost = {"b"}
    async with opened() as log, running(channel := channel_of(log, receiver)):
        await channel.enqueue_series(["a", "b", "c"])
        await until(lambda: len(receiver.attempts) >= 2)
        receiver.lost = set()
        await until(lambda: channel.pending == 0)
    assert receiver.taken[-3:] == ["a", "b", "c"]


@in_event_loop
async def test_a_cause_that_comes_again_in_a_replay_is_enqueued_once() -> None:
    receiver = Receiver()
    store = MemoryEventStore()
    causes = [DeliveryKey(4, 0), DeliveryKey(4, 1), DeliveryKey(9, 0)]
    for _ in range(2):
        async with opened(store) as log, running(channel := channel_of(log, receiver)):
            for cause in causes:
                await channel.enqueue(str(cause.sequence_nr), cause=cause)
            assert not await channel.enqueue("9", cause=causes[-1])
            await until(lambda channel=channel: channel.pending == 0)  # type: ignore[misc]  # bound
    assert receiver.taken == ["4", "4", "9"]


@in_event_loop
async def test_what_another_site_or_emitter_wrote_under_the_name_is_not_delivered() -> None:
    receiver = Receiver()
    async with opened(MemoryEventStore(log_id="there")) as there:
        await channel_of(there, receiver).enqueue("from there")
        replicated = list(await there.read())
    async with opened() as log, running(channel := channel_of(log, receiver)):
        await log.append_replicated(replicated)
        strange = new(
            replicated[0].payload,
            type_name="museion.outbox-enqueued",
            aggregate_id="out",
        )
        await log.append([strange])
        await channel.enqueue("from here")
        await until(lambda: channel.pending == 0)
    assert receiver.taken == ["from here"]


@in_event_loop
async def test_a_confirmation_that_cannot_be_written_is_written_later_without_sending_again() -> (
    None
):
    receiver = Receiver()
    store = steered()
    async with opened(store) as log, running(channel := channel_of(log, receiver)):
        store.failures = [None, WriteFailed("full"), WriteFailed("full")]
        await channel.enqueue("a")
        await until(lambda: channel.pending == 0)
    assert receiver.texts == ["a"]


@in_event_loop
async def test_a_message_that_cannot_be_enqueued_is_not_in_the_outbox() -> None:
    store = steered()
    async with opened(store) as log:
        channel = channel_of(log, Receiver())
        store.failures = [WriteFailed("full")]
        with pytest.raises(WriteFailed):
            await channel.enqueue("a")
        assert channel.pending == 0
        with pytest.raises(InvalidInput):
            await channel.enqueue_series([])


@in_event_loop
async def test_a_message_of_another_type_stops_the_channel_and_can_be_dropped() -> None:
    receiver = Receiver()
    policy = OutboxPolicy(redelivery_delay_s=0.0, max_redeliveries=0, max_restarts=0)
    async with opened() as log:
        numbers: ReliableChannel[int] = ReliableChannel(log, "out", Destination("n", int, _nowhere))
        await numbers.enqueue(7)
        async with running(channel := channel_of(log, receiver, policy)):
            await channel.enqueue("a")
            await until(lambda: channel.stopped is not None)
            await channel.drop("an older version wrote numbers")
            await until(lambda: channel.pending == 0)
    assert receiver.taken == ["a"]


@in_event_loop
async def test_messages_enqueued_together_share_a_flush_of_the_disk() -> None:
    store = steered()
    receiver = Receiver()
    async with opened(store) as log:
        channel = channel_of(log, receiver)
        store.before_write.clear()
        first = asyncio.create_task(channel.enqueue("0"))
        await until(lambda: store.writes_begun == 1)
        others = [asyncio.create_task(channel.enqueue(str(number))) for number in range(1, 100)]
        await until(lambda: log.statistics.pending_requests == 99)
        store.before_write.set()
        await asyncio.gather(first, *others)
        assert channel.pending == 100
        assert store.writes_begun == 2
        async with running(channel):
            await until(lambda: channel.pending == 0)
    assert receiver.taken == [str(number) for number in range(100)]


@in_event_loop
async def test_two_channels_of_one_name_cannot_run() -> None:
    async with opened() as log, running(first := channel_of(log, Receiver())):
        await first.activated()
        with pytest.raises(EmitterInUse):
            await channel_of(log, Receiver()).run()


@in_event_loop
async def test_channels_of_different_names_do_not_see_each_other() -> None:
    left, right = Receiver(), Receiver()
    async with (
        opened() as log,
        running(to_left := channel_of(log, left, name="left")),
        running(to_right := channel_of(log, right, name="right")),
    ):
        for number in range(5):
            await to_left.enqueue(f"l{number}")
            await to_right.enqueue(f"r{number}")
        await until(lambda: to_left.pending == to_right.pending == 0)
    assert left.taken == [f"l{n}" for n in range(5)]
    assert right.taken == [f"r{n}" for n in range(5)]


@given(
    series=st.lists(st.lists(st.text(max_size=2), min_size=1, max_size=3), max_size=8),
    losses=st.lists(st.integers(0, 2), max_size=8),
    stops=st.sets(st.integers(0, 8)),
)
def test_however_often_it_is_stopped_and_fails_everything_arrives_in_order(
    series: list[list[str]], losses: list[int], stops: set[int]
) -> None:
    @in_event_loop
    async def run() -> None:
        receiver = Receiver()
        store = MemoryEventStore()
        texts = iter(enumerate(series))
        for stop in [*sorted(stops), 99]:
            async with opened(store) as log, running(channel := channel_of(log, receiver)):
                for place, messages in texts:
                    receiver.losses += losses.pop() if losses else 0
                    await channel.enqueue_series(messages)
                    if place >= stop:
                        break
        async with opened(store) as log, running(channel := channel_of(log, receiver)):
            await channel.activated()
            await until(lambda: channel.pending == 0)
        assert _first_times(receiver) == list(chain(*series))

    run()


def _first_times(receiver: Receiver) -> list[str]:
    """Return what was taken, in order, each key once."""
    taken: dict[DeliveryKey, str] = {}
    for each in receiver.attempts:
        taken.setdefault(each.key, each.message)
    assert list(taken) == sorted(taken)
    return list(taken.values())
