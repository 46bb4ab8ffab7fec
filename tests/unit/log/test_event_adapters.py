"""Event adapters: one shape for the domain, another for the log; and tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import pytest
from opened_log import opened
from written_event import written

from museion.log.event import InvalidEvent
from museion.log.event_types import (
    DuplicateEventType,
    EventTypes,
    NotAnEventType,
    event_type,
)
from museion.log.payloads.event_adapters import EventAdapter, Tagged, Tagging, tag
from museion.testing.event_loop import in_event_loop


class Money:
    """A class of the domain that knows nothing of logs."""

    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and other.cents == self.cents

    def __hash__(self) -> int:
        return hash(self.cents)


@event_type("test.money-moved")
class MoneyMoved(msgspec.Struct, frozen=True):
    cents: tuple[int, ...]


class MoneyAdapter:
    domain = Money
    stored = MoneyMoved

    def outgoing(self, payload: Money, /) -> MoneyMoved | Tagged[MoneyMoved]:
        stored = MoneyMoved((payload.cents,))
        return Tagged(stored, ("debit",)) if payload.cents < 0 else stored

    def incoming(self, stored: MoneyMoved, /) -> Sequence[object]:
        return [Money(cents) for cents in stored.cents]


@event_type("test.apple-picked")
@dataclass(frozen=True)
class ApplePicked:
    colour: str


TYPES = EventTypes(adapters=[MoneyAdapter(), Tagging(ApplePicked, lambda apple: [apple.colour])])


def test_a_payload_of_the_domain_is_written_in_its_stored_shape() -> None:
    new = TYPES.encode(Money(5), emitter_id="e")

    assert new.type_name == "test.money-moved"
    assert msgspec.msgpack.decode(new.payload) == {"cents": [5]}


def test_a_stored_payload_comes_back_as_one_of_the_domain() -> None:
    assert TYPES.decode(written(TYPES.encode(Money(5), emitter_id="e"))) == [Money(5)]


@pytest.mark.parametrize("cents", [(), (1,), (1, 2, 3)])
def test_a_stored_payload_may_stand_for_none_one_or_several(cents: tuple[int, ...]) -> None:
    event = written(EventTypes(MoneyMoved).encode(MoneyMoved(cents), emitter_id="e"))

    assert TYPES.decode(event) == [Money(each) for each in cents]


def test_an_adapter_can_tag_what_it_writes() -> None:
    new = TYPES.encode(Money(-5), emitter_id="e", destinations=["bank"])

    assert new.destinations == ("bank", tag("debit"))


def test_payloads_can_be_tagged_without_another_shape() -> None:
    new = TYPES.encode(ApplePicked("red"), emitter_id="e")

    assert new.destinations == ("tag:red",)
    assert TYPES.decode(written(new)) == [ApplePicked("red")]


@in_event_loop
async def test_a_replay_by_aggregate_finds_the_events_with_a_tag() -> None:
    async with opened() as log:
        apples = [ApplePicked(colour) for colour in ("red", "green", "red")]
        await log.append([TYPES.encode(apple, emitter_id="e") for apple in apples])

        found = await log.read(aggregate_id=tag("red"))

    assert [event.sequence_nr for event in found] == [1, 3]


@pytest.mark.parametrize("name", ["", "n" * 508, "\ud800"])
def test_a_tag_has_a_name_that_a_store_can_key(name: str) -> None:
    with pytest.raises(InvalidEvent):
        tag(name)


def test_the_class_that_an_adapter_writes_is_known_by_it() -> None:
    assert TYPES.kinds == (MoneyMoved, ApplePicked)
    assert TYPES.with_kinds(MoneyMoved).decode(written(TYPES.encode(Money(5), emitter_id="e"))) == [
        Money(5)
    ]


def test_an_adapter_writes_a_marked_class_only() -> None:
    class ToNothing(MoneyAdapter):
        stored = Money  # type: ignore[assignment]  # what a checker would refuse

    with pytest.raises(NotAnEventType, match="Money"):
        EventTypes(adapters=[ToNothing()])


def test_what_an_adapter_returns_is_checked_before_it_is_written() -> None:
    class Careless(MoneyAdapter):
        def outgoing(self, payload: Money, /) -> MoneyMoved | Tagged[MoneyMoved]:
            return payload  # type: ignore[return-value]  # what a checker would refuse

    with pytest.raises(NotAnEventType, match="Money"):
        EventTypes(adapters=[Careless()]).encode(Money(5), emitter_id="e")


def test_two_adapters_for_one_class_are_refused() -> None:
    adapters: list[EventAdapter[Money, MoneyMoved]] = [MoneyAdapter(), MoneyAdapter()]

    with pytest.raises(DuplicateEventType, match="one adapter for Money, got MoneyAdapter"):
        EventTypes(adapters=adapters)
