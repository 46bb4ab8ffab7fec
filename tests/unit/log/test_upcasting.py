"""Old forms of payloads: brought to the present one form after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_event import written_as

from museion.log.event import Event
from museion.log.event_types import EventTypes, UndecodablePayload, event_type
from museion.log.payloads.upcasting import Fields, Upcaster, upcast

Upcasted: TypeAlias = Mapping[str, object] | Sequence[object]


@event_type("test.stock-counted")
class StockCounted(msgspec.Struct, frozen=True):
    article: str
    pieces: int


def split_into_pieces(fields: Fields) -> Upcasted:
    """Form 1 told all articles in one event; form 2 has an event for each."""
    articles = fields["articles"]
    assert isinstance(articles, dict)
    return [{"article": name, "count": count} for name, count in articles.items()]


def rename_count(fields: Fields) -> Upcasted:
    """Form 3 calls the count pieces; a negative count was a way to say that it was counted."""
    count = fields.pop("count")
    if isinstance(count, int) and count < 0:
        return [StockCounted(str(fields["article"]), -count)]
    return fields | {"pieces": count}


@event_type("test.stock-arrived", form=3, upcasters={1: split_into_pieces, 2: rename_count})
class StockArrived(msgspec.Struct, frozen=True):
    article: str
    pieces: int
    place: str = "unknown"


TYPES = EventTypes(StockArrived, StockCounted)


def old(fields: object, form: int) -> Event:
    return written_as("test.stock-arrived", msgspec.msgpack.encode(fields), form=form)


def test_an_old_form_goes_through_every_upcaster_above_it() -> None:
    assert TYPES.decode(old({"article": "nail", "count": 3}, 2)) == [StockArrived("nail", 3)]


def test_an_upcaster_may_make_several_events_of_one_in_their_order() -> None:
    payloads = TYPES.decode(old({"articles": {"nail": 3, "bolt": 4}}, 1))

    assert payloads == [StockArrived("nail", 3), StockArrived("bolt", 4)]


def test_an_upcaster_may_make_nothing_of_an_event() -> None:
    assert TYPES.decode(old({"articles": {}}, 1)) == []


def test_an_upcaster_may_make_payloads_of_another_type() -> None:
    payloads = TYPES.decode(old({"articles": {"nail": 3, "bolt": -4}}, 1))

    assert payloads == [StockArrived("nail", 3), StockCounted("bolt", 4)]


def test_a_payload_of_a_class_that_the_reader_does_not_know_is_refused() -> None:
    with pytest.raises(UndecodablePayload, match="StockCounted"):
        EventTypes(StockArrived).decode(old({"articles": {"bolt": -4}}, 1))


def test_the_present_form_goes_through_no_upcaster() -> None:
    assert TYPES.decode(old({"article": "nail", "pieces": 3}, 3)) == (StockArrived("nail", 3),)


@pytest.mark.parametrize("fields", [{"wrong": 1}, {"articles": 5}, [1, 2], "text", None])
def test_what_an_upcaster_does_not_expect_is_named_as_an_undecodable_event(fields: object) -> None:
    with pytest.raises(UndecodablePayload, match=r"form 1: (\w+Error|NoMapping)"):
        TYPES.decode(old(fields, 1))


@pytest.mark.parametrize("returned", [None, 5, "text", b"bytes"])
def test_an_upcaster_that_returns_neither_fields_nor_a_sequence_is_named(returned: object) -> None:
    def broken(_: Fields) -> Upcasted:
        return returned  # type: ignore[return-value]  # what a checker would refuse

    kind = event_type("test.broken", form=2, upcasters={1: broken})(msgspec.defstruct("Kind", []))

    with pytest.raises(UndecodablePayload, match="expected a mapping"):
        EventTypes(kind).decode(written_as("test.broken", b"\x80", form=1))


def test_the_result_is_checked_against_the_class() -> None:
    with pytest.raises(UndecodablePayload, match="pieces"):
        TYPES.decode(old({"article": "nail", "count": "three"}, 2))


fields_of_any_form = st.dictionaries(st.text(), st.integers() | st.text(), max_size=4)
upcasters = st.sampled_from(
    [
        lambda fields: fields,
        lambda fields: [fields],
        lambda fields: [],
        lambda fields: [fields, {"copy": True}],
        lambda fields: {**fields, "added": len(fields)},
        lambda fields: [{"name": name, "value": value} for name, value in fields.items()],
        lambda fields: (StockCounted("nail", len(fields)), fields),
    ]
)


@given(fields_of_any_form, st.lists(upcasters, max_size=5))
def test_a_chain_of_upcasters_equals_composing_them_by_hand(
    fields: Fields, chain: list[Upcaster]
) -> None:
    by_hand: list[object] = [dict(fields)]
    for upcaster in chain:
        by_hand = [result for member in by_hand for result in _applied(upcaster, member)]

    numbered = dict(enumerate(chain, start=1))
    chained = upcast(dict(fields), form=1, to_form=len(chain) + 1, upcasters=numbered)

    assert list(chained) == by_hand


def _applied(upcaster: Upcaster, member: object) -> list[object]:
    if not isinstance(member, dict):
        return [member]
    result = upcaster(dict(member))
    return [result] if isinstance(result, dict) else list(result)
