"""A transient channel: sends once, and after a recovery only what was not confirmed."""

from __future__ import annotations

import asyncio
from functools import partial

import msgspec
import pytest
from channel_ends import Receiver, running
from hypothesis import given
from hypothesis import strategies as st
from opened_log import new, opened, steered

from museion.base.errors import InvalidInput
from museion.base.retry import RetryPolicy
from museion.log.event_log import EmitterInUse, EventLog, LogClosed
from museion.log.event_store import WriteFailed
from museion.log.event_types import event_type
from museion.log.memory_store import MemoryEventStore
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.delivery.activation import NotActivated, recover_then_activate
from museion.log.sourced.delivery.channels import Channel, ChannelFull, ChannelNotRecovered
from museion.log.sourced.delivery.redelivery import Delivery, DeliveryKey, Destination
from museion.testing.event_loop import in_event_loop, until


async def channel_of(
    log: EventLog, receiver: Receiver, *, max_buffered: int = 1024
) -> Channel[str]:
    channel = Channel(
        log,
        "default",
        receiver.destination(),
        max_buffered=max_buffered,
        retry=RetryPolicy(first_delay_s=0.0, longest_delay_s=0.0),
    )
    await channel.recover()
    return channel


def ask(channel: Channel[str], *texts: str) -> None:
    """Ask as a sender does in its replay: the n-th text follows from event n."""
    for number, text in enumerate(texts, 1):
        channel.deliver(text, key=DeliveryKey(number))


def _settled(channel: Channel[str]) -> bool:
    """Whether everything was tried."""
    return all(channel.unconfirmed.values())


@pytest.mark.parametrize("activate", [True, False])
@in_event_loop
async def test_a_resting_channel_ends_when_its_log_closes(activate: bool) -> None:
    async with opened() as log:
        channel = await channel_of(log, Receiver())
        async with running(channel, activate=activate) as task:
            await until(lambda: not task.done())
            await log.close()
            async with asyncio.timeout(5):
                await asyncio.wait([task])
            assert isinstance(task.exception(), LogClosed)


@in_event_loop
async def test_a_transient_channel_delivers_in_the_order_of_asking() -> None:
    receiver = Receiver()
    async with opened() as log, running(channel := await channel_of(log, receiver)):
        ask(channel, "a", "b", "c")
        await until(lambda: not channel.unconfirmed)
    assert receiver.taken == ["a", "b", "c"]


@in_event_loop
async def test_it_redelivers_only_what_was_unconfirmed_at_recovery() -> None:
    receiver = Receiver()
    receiver.lost = {"b"}
    store = MemoryEventStore()
    async with opened(store) as log, running(channel := await channel_of(log, receiver)):
        ask(channel, "a", "b", "c")
        await until(lambda: _settled(channel) and "c" in receiver.taken)
        assert channel.unconfirmed == {DeliveryKey(2): "the line is down"}
        assert receiver.texts == ["a", "b", "c"], "what fails is not tried again meanwhile"
    receiver.lost = set()
    async with opened(store) as log, running(channel := await channel_of(log, receiver)):
        ask(channel, "a", "b", "c", "d")
        await until(lambda: not channel.unconfirmed)
    assert receiver.texts == ["a", "b", "c", "b", "d"]


@in_event_loop
async def test_order_is_not_kept_after_a_failure() -> None:
    receiver = Receiver()
    receiver.losses = 1
    store = MemoryEventStore()
    for _ in range(2):
        async with opened(store) as log, running(channel := await channel_of(log, receiver)):
            ask(channel, "a", "b")
            await until(lambda channel=channel: _settled(channel) and "b" in receiver.taken)  # type: ignore[misc]  # bound
    assert receiver.taken == ["b", "a"]


@in_event_loop
async def test_it_buffers_until_it_is_activated_so_that_nothing_overtakes_the_recovery() -> None:
    receiver = Receiver()
    async with opened() as log:
        channel = await channel_of(log, receiver)
        async with running(channel, activate=False):
            ask(channel, "a", "b")
            with pytest.raises(NotActivated):
                await channel.activated(limit_s=0.01)
            assert receiver.texts == []
            channel.activate()
            await channel.activated()
            await until(lambda: receiver.taken == ["a", "b"])


@in_event_loop
async def test_the_buffer_is_bounded_and_confirmed_messages_take_no_room_in_it() -> None:
    receiver = Receiver()
    store = MemoryEventStore()
    texts = [str(number) for number in range(10)]
    async with opened(store) as log, running(channel := await channel_of(log, receiver)):
        ask(channel, *texts)
        await until(lambda: not channel.unconfirmed)
    async with opened(store) as log:
        channel = await channel_of(log, receiver, max_buffered=2)
        ask(channel, *texts, "more", "and more")
        with pytest.raises(ChannelFull, match="at most 2 messages"):
            channel.deliver("too much", key=DeliveryKey(99))


@in_event_loop
async def test_a_negative_confirmation_leads_to_redelivery_at_the_next_recovery() -> None:
    words = [False, True]

    async def send(delivery: Delivery[str]) -> None:
        delivery.confirm(positive=words.pop(0))

    store = MemoryEventStore()
    for round_nr in range(2):
        async with opened(store) as log:
            channel = Channel(log, "default", Destination("d", str, send, False))
            await channel.recover()
            async with running(channel):
                ask(channel, "a")
                await until(lambda channel=channel: _settled(channel))  # type: ignore[misc]  # bound
                assert bool(channel.unconfirmed) is (round_nr == 0)
    assert words == []


@in_event_loop
async def test_a_series_has_one_confirmation_at_the_end_and_comes_again_as_a_whole() -> None:
    receiver = Receiver()
    receiver.lost = {"c"}
    store = MemoryEventStore()
    for _ in range(3):
        async with opened(store) as log, running(channel := await channel_of(log, receiver)):
            channel.deliver_series(["a", "b", "c"], key=DeliveryKey(1))
            channel.deliver("d", key=DeliveryKey(2))
            await until(lambda channel=channel: _settled(channel) and "d" in receiver.taken)  # type: ignore[misc]  # bound
            receiver.lost = set()
    assert receiver.texts == ["a", "b", "c", "d", "a", "b", "c"]
    assert [each.key for each in receiver.attempts[:3]] == [DeliveryKey(1, n) for n in range(3)]


@in_event_loop
async def test_several_messages_of_one_event_are_told_apart_by_their_index() -> None:
    receiver = Receiver()
    receiver.lost = {"b"}
    store = MemoryEventStore()
    for _ in range(2):
        async with opened(store) as log, running(channel := await channel_of(log, receiver)):
            for index, text in enumerate("abc"):
                channel.deliver(text, key=DeliveryKey(1, index))
            await until(lambda channel=channel: _settled(channel) and "c" in receiver.taken)  # type: ignore[misc]  # bound
            receiver.lost = set()
            await until(lambda channel=channel: _settled(channel))  # type: ignore[misc]  # bound
    assert receiver.texts == ["a", "b", "c", "b"]


@in_event_loop
async def test_a_sender_that_recovers_beside_a_running_channel_gets_only_the_failed_again() -> None:
    receiver = Receiver()
    receiver.lost = {"b"}
    async with opened() as log, running(channel := await channel_of(log, receiver)):
        ask(channel, "a", "b")
        await until(lambda: channel.unconfirmed == {DeliveryKey(2): "the line is down"})
        receiver.lost = set()
        ask(channel, "a", "b")
        await until(lambda: not channel.unconfirmed)
    assert receiver.texts == ["a", "b", "b"]


@in_event_loop
async def test_what_is_confirmed_is_not_remembered_one_by_one() -> None:
    receiver = Receiver()
    store = MemoryEventStore()
    async with opened(store) as log, running(channel := await channel_of(log, receiver)):
        ask(channel, *map(str, range(50)))
        await until(lambda: not channel.unconfirmed)
        assert log.progress("channel:default") == 49, "the newest may have more messages"


@in_event_loop
async def test_a_confirmation_that_cannot_be_written_is_written_later() -> None:
    receiver = Receiver()
    store = steered()
    async with opened(store) as log, running(channel := await channel_of(log, receiver)):
        store.failures = [WriteFailed("full"), WriteFailed("full")]
        ask(channel, "a")
        await until(lambda: not channel.unconfirmed)
    assert receiver.texts == ["a"]


@in_event_loop
async def test_only_its_own_confirmations_count() -> None:
    receiver = Receiver()
    async with opened() as log:
        foreign = new(
            b"\x81\xa3key\x92\x01\x00",
            type_name="museion.channel-confirmed",
            aggregate_id="default",
        )
        await log.append([foreign])
        async with running(channel := await channel_of(log, receiver)):
            ask(channel, "a")
            await until(lambda: not channel.unconfirmed)
    assert receiver.taken == ["a"]


@in_event_loop
async def test_wrong_use_is_refused() -> None:
    receiver = Receiver()
    async with opened() as log:
        channel: Channel[str] = Channel(log, "default", receiver.destination())
        with pytest.raises(ChannelNotRecovered):
            channel.deliver("a", key=DeliveryKey(1))
        await channel.recover()
        with pytest.raises(InvalidInput):
            channel.deliver_series([], key=DeliveryKey(1))
        async with running(channel):
            await channel.activated()
            with pytest.raises(EmitterInUse):
                await (await channel_of(log, receiver)).run()


@event_type("test.said")
class Said(msgspec.Struct, frozen=True):
    text: str


class Speaker(Aggregate, name="speaker"):
    """Tells a channel what was said, live and in its replay."""

    def __init__(self, channel: Channel[str]) -> None:
        self._channel = channel

    @command
    async def say(self, text: str) -> None:
        await self.persist(Said(text))

    @handles
    def _said(self, event: Said) -> None:
        self._channel.deliver(event.text, key=DeliveryKey(self.current.sequence_nr))


@in_event_loop
async def test_an_aggregate_asks_again_in_its_replay_and_only_the_unconfirmed_goes_out() -> None:
    receiver = Receiver()
    receiver.lost = {"b"}
    store = MemoryEventStore()
    for said in ("a", "b"), ("c",):
        async with opened(store) as log:
            channel = await channel_of(log, receiver)
            create = partial(Speaker, channel)
            async with (
                running(channel, activate=False),
                Aggregates(log, Speaker, create=create) as speakers,
            ):
                await recover_then_activate([speakers.get("one")], [channel])
                speaker = await speakers.get("one")
                for text in said:
                    await speaker.say(text)
                await until(lambda channel=channel: _settled(channel))  # type: ignore[misc]  # bound
        receiver.lost = set()
    assert receiver.texts == ["a", "b", "b", "c"]


@given(rounds=st.lists(st.sets(st.integers(0, 9)), max_size=5))
def test_each_message_goes_out_until_it_is_confirmed_once_and_never_again(
    rounds: list[set[int]],
) -> None:
    """Each round is a recovery, in which the messages of the set fail."""

    @in_event_loop
    async def run() -> None:
        receiver = Receiver()
        store = MemoryEventStore()
        texts = [str(number) for number in range(10)]
        open_texts = set(texts)
        for lost in [*rounds, set()]:
            receiver.lost = {str(number) for number in lost}
            receiver.attempts.clear()
            async with opened(store) as log, running(channel := await channel_of(log, receiver)):
                ask(channel, *texts)
                while not _settled(channel):  # noqa: ASYNC110 (a channel tells no more)
                    await asyncio.sleep(0)
            assert receiver.texts == [text for text in texts if text in open_texts]
            open_texts &= receiver.lost
        assert sorted(receiver.taken) == texts

    run()
