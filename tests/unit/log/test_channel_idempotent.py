"""A receiver with the keys that it has seen: (sequence number, index) of each sender."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest
from channel_ends import AT_ONCE, running
from opened_log import opened

from museion.log.memory_store import MemoryEventStore
from museion.log.sourced.delivery.idempotent import Idempotent, MemorySeenKeys
from museion.log.sourced.delivery.outbox import ReliableChannel
from museion.log.sourced.delivery.redelivery import Delivery, DeliveryKey, Destination, new_delivery
from museion.testing.event_loop import in_event_loop, until


def delivery_of(text: str, sequence_nr: int, index: int = 0, sender: str = "s") -> Delivery[str]:
    return new_delivery(sender, f"{sequence_nr}-{index}", DeliveryKey(sequence_nr, index), text, 1)


class Effects:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.failures = 0

    async def __call__(self, delivery: Delivery[str]) -> None:
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise ConnectionError
        self.texts.append(delivery.message)


@in_event_loop
async def test_a_key_of_sequence_number_and_index_that_was_seen_is_refused() -> None:
    effects = Effects()
    receiver = Idempotent(MemorySeenKeys(), effects)
    answers = [await receiver(delivery_of("a", 1, index)) for index in (0, 0, 1, 1)]
    assert answers == [True, False, True, False]
    assert effects.texts == ["a", "a"]


@in_event_loop
async def test_senders_are_told_apart() -> None:
    effects = Effects()
    receiver = Idempotent(MemorySeenKeys(), effects)
    assert await receiver(delivery_of("a", 1, sender="left"))
    assert await receiver(delivery_of("b", 1, sender="right"))


@in_event_loop
async def test_a_message_whose_handling_failed_is_not_taken_for_seen() -> None:
    effects = Effects()
    effects.failures = 1
    receiver = Idempotent(MemorySeenKeys(), effects)
    with pytest.raises(ConnectionError):
        await receiver(delivery_of("a", 1))
    assert await receiver(delivery_of("a", 1))


@in_event_loop
async def test_the_same_message_at_the_same_time_has_its_effect_once() -> None:
    effects = Effects()
    receiver = Idempotent(MemorySeenKeys(), effects)
    answers = await asyncio.gather(*[receiver(delivery_of("a", 1)) for _ in range(5)])
    assert sorted(answers) == [False] * 4 + [True]
    assert effects.texts == ["a"]


@in_event_loop
async def test_the_memory_of_keys_is_bounded() -> None:
    keys = MemorySeenKeys(max_keys=2)
    for number in (1, 2, 3):
        await keys.remember("s", DeliveryKey(number))
    assert [await keys.seen("s", DeliveryKey(number)) for number in (1, 2, 3)] == [
        False,
        True,
        True,
    ]


@in_event_loop
async def test_with_it_a_channel_that_delivers_twice_has_each_effect_once() -> None:
    """A confirmation is lost each time: the message arrives, and then the channel ends."""
    effects = Effects()
    receiver = Idempotent(MemorySeenKeys(), effects)
    arrived = 0

    async def lose_the_word(delivery: Delivery[str]) -> None:
        nonlocal arrived
        arrived += 1
        await receiver(delivery)
        if delivery.attempt < 3:
            raise ConnectionError

    store = MemoryEventStore()
    async with opened(store) as log:
        channel = ReliableChannel(log, "out", Destination("d", str, lose_the_word), AT_ONCE)
        async with running(channel):
            for text in "abc":
                await channel.enqueue(text)
            await until(lambda: channel.pending == 0)
    assert arrived == 9
    assert effects.texts == ["a", "b", "c"]


@in_event_loop
async def test_a_key_kept_in_the_transaction_of_the_effect_makes_it_exactly_once() -> None:
    """The recipe for a receiver with a database: whatever is lost around it, one row a message."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.execute(
            "CREATE TABLE seen (sender, sequence_nr, nr, UNIQUE (sender, sequence_nr, nr))"
        )
        database.execute("CREATE TABLE effects (text)")
        failures = ["before", "within", "after"]

        async def take(delivery: Delivery[str]) -> None:
            failure = failures.pop(0) if failures else None
            if failure == "before":
                raise ConnectionError(failure)
            with database:
                database.execute("BEGIN")
                key = (delivery.sender, delivery.key.sequence_nr, delivery.key.index)
                sql = "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
                if database.execute(sql, key).rowcount:
                    database.execute("INSERT INTO effects VALUES (?)", (delivery.message,))
                if failure == "within":
                    raise ConnectionError(failure)
            if failure == "after":
                raise ConnectionError(failure)

        async with opened() as log:
            channel = ReliableChannel(log, "out", Destination("d", str, take), AT_ONCE)
            async with running(channel):
                await channel.enqueue("a")
                await until(lambda: channel.pending == 0)
        assert database.execute("SELECT text FROM effects").fetchall() == [("a",)]
