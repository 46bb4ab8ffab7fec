"""Confirmed delivery from an aggregate: at least once, until an event of its own confirms it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest
from opened_log import opened, steered
from shipping import AT_ONCE, LATER, Ordered, Parcel, PostOffice, Shop, shop

from museion.base.codec import Undecodable
from museion.base.errors import InvalidInput
from museion.log.event import NewEvent
from museion.log.event_store import WriteFailed
from museion.log.event_types import EventTypes
from museion.log.snapshots import MemorySnapshotStore
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.delivery.deliveries import (
    Deliveries,
    Delivery,
    DeliveryPolicy,
    Destination,
    NoSuchDelivery,
    NotInEventHandler,
    TooManyUnconfirmed,
    Unconfirmed,
)
from museion.log.sourced.delivery.redelivery import DeliveryKey
from museion.log.sourced.recovery import Recovery
from museion.log.sourced.refusals import NotHandled, WrittenNotHandled
from museion.testing.event_loop import in_event_loop, until


async def _delivered(corner: Shop, *items: str) -> None:
    while sorted(await corner.look()) != sorted(items):  # noqa: ASYNC110 (it is asked)
        await asyncio.sleep(0.001)


async def _parked(corner: Shop, items: Sequence[str]) -> None:
    while await corner.parked() != items:  # noqa: ASYNC110 (it is asked)
        await asyncio.sleep(0.001)


async def _ids(corner: Shop) -> list[str]:
    return [each.delivery_id for each in await corner.unconfirmed()]


@in_event_loop
async def test_an_acknowledgement_becomes_an_event_that_names_the_delivery() -> None:
    post = PostOffice()
    async with opened() as log, shop(log, post) as corner:
        await corner.order("tea")
        await _delivered(corner, "tea")
        assert await corner.unconfirmed() == []
        ordered, delivered = await log.read()
        assert (ordered.delivery_id, delivered.delivery_id) == (None, "tea")
        assert delivered.emitter_id == ordered.emitter_id
        assert post.items == ["tea"]


@in_event_loop
async def test_a_destination_that_drops_the_first_messages_gets_them_again() -> None:
    post = PostOffice()
    post.losses = 5
    async with opened() as log, shop(log, post) as corner:
        await corner.order("tea")
        await _delivered(corner, "tea")
    assert post.items == ["tea"] * 6
    assert [each.attempt for each in post.attempts] == [1, 2, 3, 4, 5, 6]
    assert {(each.delivery_id, each.sender) for each in post.attempts} == {
        ("tea", post.attempts[0].sender)
    }


@in_event_loop
async def test_a_message_has_the_same_key_of_sequence_number_and_index_in_each_attempt() -> None:
    post = PostOffice()
    post.losses = 3
    async with opened() as log, shop(log, post) as corner:
        await corner.order("tea")
        await corner.order("cup", "pot")
        await _delivered(corner, "tea", "cup", "pot")
        orders = [each.sequence_nr for each in await log.read() if each.type_name == "test.ordered"]
    first, second = orders
    keys = {(each.message.item, each.key) for each in post.attempts}
    assert keys == {
        ("tea", DeliveryKey(first, 0)),
        ("cup", DeliveryKey(second, 0)),
        ("pot", DeliveryKey(second, 1)),
    }


@in_event_loop
async def test_nothing_is_sent_during_recovery_and_unconfirmed_messages_again_after_it() -> None:
    post = PostOffice()
    async with opened() as log:
        async with shop(log, post, LATER) as corner:
            await corner.order("tea")
            await _delivered(corner, "tea")
            post.losses = 1
            await corner.order("cup")
            await until(lambda: post.items == ["tea", "cup"])
        async with shop(log, post, LATER) as corner:
            await _delivered(corner, "tea", "cup")
        assert post.items == ["tea", "cup", "cup"], "what was confirmed is not sent"


@in_event_loop
async def test_an_aggregate_that_shows_a_past_state_sends_nothing() -> None:
    post = PostOffice()
    async with opened() as log:
        async with shop(log, post, LATER) as corner:
            await corner.order("tea")
            await _delivered(corner, "tea")
        past = Recovery(to_sequence_nr=1)
        async with Aggregates(log, Shop, create=lambda: Shop(post), recovery=past) as shops:
            corner = await shops.get("corner")
            await corner.redeliver()
            assert await _ids(corner) == ["tea"]
            await asyncio.sleep(0.01)  # nothing is to happen
    assert post.items == ["tea"]


@in_event_loop
async def test_a_confirmation_that_cannot_be_written_leads_to_redelivery() -> None:
    post = PostOffice()
    store = steered()
    async with opened(store) as log, shop(log, post) as corner:
        store.failures = [None, WriteFailed("full"), WriteFailed("full")]
        await corner.order("tea")
        await _delivered(corner, "tea")
    assert post.items == ["tea"] * 3


@in_event_loop
async def test_an_acknowledgement_can_come_as_a_command_of_its_own() -> None:
    post = PostOffice()
    async with opened() as log, shop(log, post, LATER, confirms_itself=False) as corner:
        await corner.order("tea")
        await until(lambda: post.items == ["tea"])
        assert await _ids(corner) == ["tea"]
        assert await corner.acknowledge("tea")
        assert await _ids(corner) == []


@in_event_loop
async def test_a_second_acknowledgement_writes_nothing() -> None:
    post = PostOffice()
    async with opened() as log, shop(log, post, LATER, confirms_itself=False) as corner:
        await corner.order("tea")
        answers = [await corner.acknowledge("tea") for _ in range(3)]
        assert answers == [True, False, False]
        assert log.sequence_nr == 2


@in_event_loop
async def test_a_message_that_is_handed_over_but_not_confirmed_is_sent_again() -> None:
    post = PostOffice()
    async with opened() as log, shop(log, post, confirms_itself=False) as corner:
        await corner.order("tea")
        await until(lambda: len(post.attempts) > 3)
        assert await corner.acknowledge("tea")


@in_event_loop
async def test_a_delivery_is_confirmed_only_by_an_event_that_the_same_aggregate_emitted() -> None:
    post = PostOffice()
    async with opened() as log:
        async with shop(log, post, LATER, confirms_itself=False) as corner:
            await corner.order("tea")
            foreign = NewEvent(
                type_name="test.parcel-delivered",
                payload=b"\x81\xa4item\xa3tea",
                emitter_id="somebody else",
                aggregate_id=(await log.read())[0].aggregate_id,
                delivery_id="tea",
            )
            await log.append([foreign])
            await _delivered(corner, "tea")
            assert await _ids(corner) == ["tea"], "it was handled, but confirms nothing"
        async with shop(log, post, LATER, confirms_itself=False) as corner:
            assert await _ids(corner) == ["tea"], "neither in a replay"


@in_event_loop
async def test_unconfirmed_messages_are_sent_again_on_demand() -> None:
    post = PostOffice()
    async with opened() as log, shop(log, post, LATER, confirms_itself=False) as corner:
        await corner.order("tea", "cup")
        await corner.acknowledge("cup")
        await until(lambda: "tea" in post.items)
        before = len(post.attempts)
        await corner.redeliver()
        await until(lambda: len(post.attempts) == before + 1)
        assert post.items[-1] == "tea"


@in_event_loop
async def test_a_negative_confirmation_leads_to_redelivery() -> None:
    seen: list[int] = []

    async def send(delivery: Delivery[Parcel]) -> None:
        seen.append(delivery.attempt)
        delivery.confirm(positive=delivery.attempt == 3)

    post = PostOffice()
    post.__class__ = type("Refusing", (PostOffice,), {"__call__": staticmethod(send)})
    async with opened() as log, shop(log, post, confirms_by_returning=False) as corner:
        await corner.order("tea")
        await _delivered(corner, "tea")
    assert seen == [1, 2, 3]


@in_event_loop
async def test_an_attempt_without_any_word_is_over_after_its_limit() -> None:
    post = PostOffice()
    policy = DeliveryPolicy(first_delay_s=0.0, longest_delay_s=0.0, confirm_limit_s=0.01)
    async with opened() as log, shop(log, post, policy, confirms_by_returning=False) as corner:
        await corner.order("tea")
        await until(lambda: len(post.attempts) == 3)
        (waiting,) = await corner.unconfirmed()
        assert "Expected a confirmation of delivery 'tea' within 0.01 s" in waiting.reason
        post.attempts[-1].confirm()
        await _delivered(corner, "tea")


@in_event_loop
async def test_the_burst_limit_bounds_what_is_redelivered_in_one_round() -> None:
    post = PostOffice()
    async with opened() as log:
        async with shop(log, post, LATER, confirms_itself=False) as corner:
            await corner.order(*"abcdefg")
            await until(lambda: len(post.attempts) == 7)
        post.attempts.clear()
        post.gate.clear()
        policy = DeliveryPolicy(first_delay_s=0.2, longest_delay_s=60.0, burst_limit=3)
        async with shop(log, post, policy) as corner:
            sizes = set()
            while len(post.attempts) < 7:
                sizes.add(len(post.attempts))
                await asyncio.sleep(0.001)
            assert sizes <= {0, 3, 6}
            post.gate.set()
            await _delivered(corner, *"abcdefg")


@in_event_loop
async def test_a_warning_is_given_after_the_chosen_number_of_attempts() -> None:
    post = PostOffice()
    post.losses = 4
    warnings: list[Unconfirmed] = []
    policy = DeliveryPolicy(first_delay_s=0.0, longest_delay_s=0.0, warn_after=3)
    async with opened() as log, shop(log, post, policy, warnings=warnings) as corner:
        await corner.order("tea")
        await _delivered(corner, "tea")
    assert [each.attempts for each in warnings] == [3, 4]
    assert warnings[0].reason == "the parcel is lost"
    assert warnings[0].destination == "post"


def test_without_a_hook_the_warning_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    @in_event_loop
    async def run() -> None:
        post = PostOffice()
        post.losses = 2
        policy = DeliveryPolicy(first_delay_s=0.0, longest_delay_s=0.0, warn_after=2, park_after=2)
        async with opened() as log, shop(log, post, policy) as corner:
            await corner.order("tea")
            await _parked(corner, ["tea"])

    run()
    (record,) = caplog.records
    assert record.getMessage() == (
        "Delivery 'tea' to 'post' failed 2 times and is parked: the parcel is lost"
    )


@in_event_loop
async def test_after_too_many_attempts_a_delivery_is_parked_listed_and_can_be_retried() -> None:
    post = PostOffice()
    post.losses = 3
    policy = DeliveryPolicy(first_delay_s=0.0, longest_delay_s=0.0, park_after=3)
    async with opened() as log, shop(log, post, policy) as corner:
        await corner.order("tea")
        await _parked(corner, ["tea"])
        await corner.redeliver()
        await asyncio.sleep(0.01)  # nothing is to happen
        assert len(post.attempts) == 3, "a parked delivery is not sent"
        await corner.retry("tea")
        await _delivered(corner, "tea")
        assert await corner.parked() == []


@in_event_loop
async def test_a_parked_delivery_can_be_dropped_by_an_event_and_is_never_lost_silently() -> None:
    post = PostOffice()
    post.losses = 100
    policy = DeliveryPolicy(first_delay_s=0.0, longest_delay_s=0.0, park_after=2)
    async with opened() as log:
        for _ in range(2):
            async with shop(log, post, policy) as corner:
                if log.sequence_nr == 0:
                    await corner.order("tea")
                await _parked(corner, ["tea"])
        async with shop(log, post, policy) as corner:
            await corner.drop("tea")
            assert await corner.unconfirmed() == []
            with pytest.raises(NoSuchDelivery):
                await corner.drop("tea")
            with pytest.raises(NoSuchDelivery):
                await corner.retry("tea")
        assert (await log.read())[-1].delivery_id == "tea"
        async with shop(log, post, policy) as corner:
            assert await corner.unconfirmed() == []


@in_event_loop
async def test_more_than_the_maximum_of_unconfirmed_deliveries_is_refused_in_the_command() -> None:
    post = PostOffice()
    policy = DeliveryPolicy(first_delay_s=60.0, max_unconfirmed=2)
    async with opened() as log, shop(log, post, policy, confirms_itself=False) as corner:
        await corner.order("tea", "cup")
        with pytest.raises(TooManyUnconfirmed, match="at most 2 unconfirmed deliveries"):
            await corner.order("pot")
        assert log.sequence_nr == 1
        await corner.acknowledge("tea")
        await corner.order("pot")


@in_event_loop
async def test_a_delivery_beyond_the_maximum_stops_the_aggregate_but_is_not_lost() -> None:
    """Where the command did not look: the event is written, so the next recovery accepts it."""
    post = PostOffice()
    policy = DeliveryPolicy(first_delay_s=60.0, max_unconfirmed=1)
    async with opened() as log, shop(log, post, policy, confirms_itself=False) as corner:
        with suppress(WrittenNotHandled):
            await corner.order_unchecked("tea", "cup")
        assert await _ids(corner) == ["tea", "cup"]
        await until(lambda: {"tea", "cup"} <= set(post.items))
        with pytest.raises(TooManyUnconfirmed):
            await corner.order("pot")


@in_event_loop
async def test_snapshots_keep_unconfirmed_deliveries_with_attempts_and_parked_ones() -> None:
    post = PostOffice()
    snapshots = MemorySnapshotStore()
    policy = DeliveryPolicy(first_delay_s=0.0, longest_delay_s=0.0, park_after=2)
    async with opened() as log:
        async with shop(log, post, policy, snapshots=snapshots) as corner:
            post.losses = 2
            await corner.order("tea")
            await _parked(corner, ["tea"])
            await corner.save()
            (before,) = await corner.unconfirmed()
        async with shop(log, post, policy, snapshots=snapshots) as corner:
            assert await corner.unconfirmed() == [before]
            assert (before.attempts, before.parked) == (2, True)
            await corner.retry("tea")
            await _delivered(corner, "tea")
            assert post.attempts[-1].key == post.attempts[0].key


@in_event_loop
async def test_unconfirmed_deliveries_of_a_snapshot_are_sent_again_after_recovery() -> None:
    post = PostOffice()
    snapshots = MemorySnapshotStore()
    async with opened() as log:
        async with shop(log, post, LATER, snapshots=snapshots) as corner:
            post.losses = 1
            await corner.order("tea", "cup")
            await _delivered(corner, "cup")
            await corner.save()
        await log.delete(log.sequence_nr)
        async with shop(log, post, LATER, snapshots=snapshots) as corner:
            await _delivered(corner, "cup", "tea")
    assert sorted(post.items) == ["cup", "tea", "tea"]


@in_event_loop
async def test_a_snapshot_with_a_destination_that_is_not_declared_is_passed_over() -> None:
    post = Destination("post", Parcel, PostOffice())
    kept = Deliveries(post).snapshot()
    assert kept == b""
    memory = b"\x91\x92\x96\xa3tea\xa5train\x92\x01\x00\x00\xc2\xa0\xc4\x0a\x81\xa4item\xa3tea"
    with pytest.raises(Undecodable, match="destination 'train' is not declared"):
        Deliveries(post).restore(memory)


@in_event_loop
async def test_a_delivery_outside_of_an_event_handler_is_refused() -> None:
    async with opened() as log, shop(log, PostOffice()) as corner:
        with pytest.raises(NotInEventHandler):
            await corner.deliver_in_command()


@in_event_loop
async def test_an_undeclared_destination_is_refused() -> None:
    class Careless(Shop, name="careless", transient=("_post",)):
        def __init__(self) -> None:
            super().__init__(PostOffice())
            self._post = Destination("post", Parcel, PostOffice())

    async with opened() as log, Aggregates(log, Careless) as shops:
        corner = shops.handle("corner")
        with suppress(WrittenNotHandled):
            await corner.order("tea")
        with pytest.raises(NotHandled) as refused:
            await corner.look()
        assert "declared destinations (post)" in str(refused.value.__cause__)


@in_event_loop
async def test_an_aggregate_with_deliveries_under_way_is_not_unloaded() -> None:
    post = PostOffice()
    post.gate.clear()
    async with (
        opened() as log,
        Aggregates(log, Shop, create=lambda: Shop(post)) as shops,
    ):
        corner = await shops.get("corner")
        await corner.order("tea")
        await until(lambda: post.items == ["tea"])
        assert not shops.unload("corner")
        post.gate.set()
        await _delivered(corner, "tea")
        await until(lambda: shops.unload("corner"))


@pytest.mark.parametrize("wrong", [{"burst_limit": 0}, {"first_delay_s": -1.0}, {"park_after": 0}])
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        DeliveryPolicy(**wrong)  # type: ignore[arg-type]  # fields of several types


@in_event_loop
async def test_a_delivery_id_that_is_unconfirmed_is_delivered_once() -> None:
    post = PostOffice()
    async with opened() as log, shop(log, post, LATER, confirms_itself=False) as corner:
        await corner.order("tea", "tea")
        await corner.order("tea")
        await until(lambda: post.items == ["tea"])
        assert await _ids(corner) == ["tea"]


def test_the_order_event_is_what_the_tests_take_it_for() -> None:
    new = EventTypes(Ordered).encode(Ordered(("tea",)), emitter_id="e")
    assert new.type_name == "test.ordered"
    assert AT_ONCE.delay_s(1) == 0.0
