"""A reliable request-reply channel: one outcome for each request, replies at least once."""

from __future__ import annotations

import asyncio

import pytest
from channel_ends import running
from opened_log import opened

from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.sourced.delivery.outbox import NotStopped
from museion.log.sourced.delivery.redelivery import Delivery, OutboxPolicy
from museion.log.sourced.delivery.request_reply import (
    DestinationFailure,
    DestinationNotResponding,
    Reply,
    RequestReplyChannel,
)
from museion.testing.event_loop import in_event_loop, until

Outcome = Reply[int] | DestinationNotResponding | DestinationFailure
TWICE = OutboxPolicy(
    redelivery_delay_s=0.0, max_redeliveries=1, restart_delay_s=0.0, max_restarts=1
)


class Ends:
    """Both ends: doubles numbers, and notes outcomes.

    Attributes:
        silent, failing: how many of the next requests get no reply, or an error.
        refusals: how many of the next outcomes are not taken.
    """

    def __init__(self) -> None:
        self.requests: list[int] = []
        self.outcomes: list[Outcome] = []
        self.silent = 0
        self.failing = 0
        self.refusals = 0

    async def double(self, delivery: Delivery[int]) -> int:
        self.requests.append(delivery.message)
        if self.silent:
            self.silent -= 1
            await asyncio.Event().wait()
        if self.failing:
            self.failing -= 1
            raise ValueError("overflow")
        return delivery.message * 2

    async def take(self, delivery: Delivery[int], outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError("try again")


def channel_of(
    log: EventLog, ends: Ends, policy: OutboxPolicy = TWICE
) -> RequestReplyChannel[int, int]:
    return RequestReplyChannel(
        log, "doubles", int, ends.double, ends.take, reply_limit_s=0.02, policy=policy
    )


@in_event_loop
async def test_each_request_gets_its_reply_in_order() -> None:
    ends = Ends()
    async with opened() as log, running(channel := channel_of(log, ends)):
        for number in (1, 2, 3):
            await channel.send(number)
        await until(lambda: channel.pending == 0)
    assert ends.outcomes == [Reply(2), Reply(4), Reply(6)]


@in_event_loop
async def test_a_reply_that_takes_longer_than_the_time_out_is_asked_for_again() -> None:
    ends = Ends()
    ends.silent = 1
    async with opened() as log, running(channel := channel_of(log, ends)):
        await channel.send(4)
        await until(lambda: channel.pending == 0)
    assert ends.requests == [4, 4]
    assert ends.outcomes == [Reply(8)]


@in_event_loop
async def test_a_destination_that_stays_silent_gives_the_outcome_not_responding() -> None:
    ends = Ends()
    ends.silent = 2
    async with opened() as log, running(channel := channel_of(log, ends)):
        await channel.send(4)
        await channel.send(5)
        await until(lambda: channel.pending == 0)
    assert ends.outcomes == [DestinationNotResponding(2, 0.02), Reply(10)]


@in_event_loop
async def test_a_destination_that_keeps_failing_gives_the_outcome_destination_failure() -> None:
    ends = Ends()
    ends.failing = 2
    async with opened() as log, running(channel := channel_of(log, ends)):
        await channel.send(4)
        await channel.send(5)
        await until(lambda: channel.pending == 0)
    assert ends.outcomes == [DestinationFailure(2, "overflow"), Reply(10)]


@in_event_loop
async def test_a_reply_whose_handling_failed_is_delivered_again() -> None:
    ends = Ends()
    ends.refusals = 1
    async with opened() as log, running(channel := channel_of(log, ends)):
        await channel.send(4)
        await until(lambda: channel.pending == 0)
    assert ends.outcomes == [Reply(8), Reply(8)]


@in_event_loop
async def test_replies_come_at_least_once_over_restarts() -> None:
    ends = Ends()
    ends.silent = 1
    store = MemoryEventStore()
    async with opened(store) as log, running(channel := channel_of(log, ends, OutboxPolicy())):
        await channel.send(4)
        await until(lambda: ends.requests == [4])
    async with opened(store) as log, running(channel := channel_of(log, ends)):
        await until(lambda: ends.outcomes == [Reply(8)])
        await until(lambda: channel.pending == 0)


@in_event_loop
async def test_an_outcome_that_nobody_takes_stops_the_channel_until_it_is_restarted() -> None:
    ends = Ends()
    ends.refusals = 4
    async with opened() as log, running(channel := channel_of(log, ends)):
        await channel.activated()
        await channel.send(4)
        await until(lambda: channel.stopped is not None)
        assert channel.trouble == "try again"
        channel.restart()
        await until(lambda: channel.pending == 0)
        with pytest.raises(NotStopped):
            await channel.drop("nothing is wrong")
