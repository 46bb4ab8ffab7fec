"""Confirmed delivery: what a retry and two acknowledgements at once lead to."""

from __future__ import annotations

import asyncio

import pytest
from channel_ends import AT_ONCE, Receiver, running
from opened_log import opened, steered
from shipping import LATER, PostOffice, Shop, shop

from museion.log.event_store import WriteFailed
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.delivery.deliveries import DeliveryPolicy
from museion.log.sourced.delivery.outbox import ReliableChannel
from museion.log.sourced.delivery.redelivery import DeliveryKey
from museion.testing.event_loop import in_event_loop, until


@in_event_loop
async def test_a_retry_counts_the_attempts_of_a_parked_delivery_anew() -> None:
    post = PostOffice()
    post.losses = 1000
    policy = DeliveryPolicy(first_delay_s=0.0, longest_delay_s=0.0, park_after=3, warn_after=1000)
    async with opened() as log, shop(log, post, policy, warnings=[]) as corner:
        await corner.order("tea")
        for expected in (3, 6):
            while await corner.parked() != ["tea"]:  # noqa: ASYNC110 (it is asked)
                await asyncio.sleep(0.001)
            assert len(post.attempts) == expected
            await corner.retry("tea")
    assert [each.attempt for each in post.attempts[:6]] == [1, 2, 3, 1, 2, 3]


class BusyShop(Shop, name="shop", state_sync=False):
    """The same with state sync off, so that commands overtake each other."""


@in_event_loop
async def test_of_two_acknowledgements_at_once_one_is_written() -> None:
    post, store = PostOffice(), steered()

    def create() -> BusyShop:
        return BusyShop(post, LATER, confirms_itself=False)

    async with opened(store) as log, Aggregates(log, BusyShop, create=create) as shops:
        corner = await shops.get("corner")
        await corner.order("tea")
        await until(lambda: post.items == ["tea"])
        store.before_write.clear()
        answers = [asyncio.create_task(corner.acknowledge("tea")) for _ in range(3)]
        await until(lambda: store.writes_begun == 2)
        store.before_write.set()
        assert sorted(await asyncio.gather(*answers)) == [False, False, True]
        assert log.sequence_nr == 2


@in_event_loop
async def test_a_message_whose_enqueueing_failed_can_be_enqueued_again_with_its_cause() -> None:
    receiver, store = Receiver(), steered()
    cause = DeliveryKey(5, 0)
    async with opened(store) as log:
        channel = ReliableChannel(log, "out", receiver.destination(), AT_ONCE)
        store.failures = [WriteFailed("no space")]
        with pytest.raises(WriteFailed):
            await channel.enqueue("a", cause=cause)
        assert await channel.enqueue("a", cause=cause)
        assert not await channel.enqueue("a", cause=cause)
        async with running(channel):
            await until(lambda: channel.pending == 0)
    assert receiver.taken == ["a"]
