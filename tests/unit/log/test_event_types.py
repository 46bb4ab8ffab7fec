"""Typed events: payloads of classes to envelopes and back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_event import written, written_as

from museion.log.event import EventId, InvalidEvent
from museion.log.event_types import (
    DuplicateEventType,
    EventTypes,
    InvalidEventType,
    NoSubjectKeys,
    NotAnEventType,
    UndecodablePayload,
    UnencodablePayload,
    Unknown,
    UnknownForm,
    event_type,
    tag,
    written_name,
)
from museion.log.payloads.event_mark import mark_of
from museion.log.vector_time import VectorTime


class Line(msgspec.Struct, frozen=True):
    article: str
    pieces: int


@event_type("test.order-placed", form=2, upcasters={1: lambda fields: fields})
class OrderPlaced(msgspec.Struct, frozen=True):
    order_id: str
    lines: tuple[Line, ...] = ()
    total: Decimal = Decimal(0)
    placed_at: datetime | None = None
    note: bytes | None = None


@event_type("test.order-paid")
@dataclass(frozen=True, slots=True)
class OrderPaid:
    order_id: str
    cents: int = 0


@event_type("test.person-named", subject=lambda event: event.person_id)
class PersonNamed(msgspec.Struct, frozen=True):
    person_id: str | None
    name: str


class Unmarked(msgspec.Struct, frozen=True):
    order_id: str


class Special(OrderPlaced, frozen=True):
    pass


TYPES = EventTypes(OrderPlaced, OrderPaid, PersonNamed)

orders = st.builds(
    OrderPlaced,
    order_id=st.text(),
    lines=st.lists(st.builds(Line, article=st.text(), pieces=st.integers(-(2**63), 2**63))).map(
        tuple
    ),
    total=st.decimals(allow_nan=False, allow_infinity=False),
    placed_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    note=st.none() | st.binary(),
)
payments = st.builds(OrderPaid, order_id=st.text(), cents=st.integers(0, 2**64 - 1))


class TestMark:
    def test_a_class_has_the_written_name_and_form_that_it_was_given(self) -> None:
        assert written_name(OrderPlaced) == ("test.order-placed", 2)
        assert written_name(OrderPaid) == ("test.order-paid", 1)

    def test_a_class_without_a_mark_has_no_written_name(self) -> None:
        with pytest.raises(NotAnEventType, match="Unmarked"):
            written_name(Unmarked)

    def test_a_subclass_does_not_inherit_the_mark(self) -> None:
        with pytest.raises(NotAnEventType, match="Special"):
            written_name(Special)

    def test_a_subclass_may_have_a_mark_of_its_own(self) -> None:
        kind = event_type("test.special-order-placed")(Special)

        assert written_name(kind) == ("test.special-order-placed", 1)
        assert written_name(OrderPlaced) == ("test.order-placed", 2)
        delattr(Special, "__museion_event_type__")

    @pytest.mark.parametrize("name", ["", "n" * 512, "é" * 256, "\ud800"])
    def test_a_name_that_a_store_cannot_key_is_refused_when_the_class_is_defined(
        self, name: str
    ) -> None:
        with pytest.raises(InvalidEventType, match="1 to 511 bytes"):
            event_type(name)(_fresh())

    @pytest.mark.parametrize("name", ["n", "n" * 511, "größe.geändert"])
    def test_any_other_name_is_taken(self, name: str) -> None:
        assert written_name(event_type(name)(_fresh())) == (name, 1)

    @pytest.mark.parametrize("form", [0, -1])
    def test_forms_are_counted_from_one(self, form: int) -> None:
        with pytest.raises(InvalidEventType, match="a form from 1"):
            event_type("test.fresh", form=form)(_fresh())

    @pytest.mark.parametrize("covered", [(), (1,), (2,), (0, 1, 2), (1, 2, 3)])
    def test_upcasters_cover_each_older_form_and_no_other(self, covered: tuple[int, ...]) -> None:
        upcasters = dict.fromkeys(covered, dict[str, object].copy)

        with pytest.raises(InvalidEventType, match=r"upcaster for each of the forms \[1, 2\]"):
            event_type("test.fresh", form=3, upcasters=upcasters)(_fresh())

    def test_a_class_is_marked_once(self) -> None:
        kind = event_type("test.fresh")(_fresh())

        with pytest.raises(InvalidEventType, match=r"one mark on a class, got 'test\.fresh'"):
            event_type("test.other")(kind)

    def test_only_structs_and_dataclasses_can_be_marked(self) -> None:
        with pytest.raises(InvalidEventType, match="Struct or a dataclass"):
            event_type("test.fresh")(type("Plain", (), {}))

    def test_a_class_whose_fields_are_written_by_position_is_refused(self) -> None:
        kind = msgspec.defstruct("Fresh", [("a", int)], array_like=True)

        with pytest.raises(InvalidEventType, match="fields written by name"):
            event_type("test.fresh")(kind)

    def test_a_class_that_would_refuse_fields_of_newer_programs_is_refused(self) -> None:
        kind = msgspec.defstruct("Fresh", [("a", int)], forbid_unknown_fields=True)

        with pytest.raises(InvalidEventType, match="passes over fields"):
            event_type("test.fresh")(kind)

    def test_later_changes_of_the_given_upcasters_change_nothing(self) -> None:
        upcasters = {1: dict[str, object].copy}
        kind = event_type("test.fresh", form=2, upcasters=upcasters)(_fresh())
        upcasters.clear()

        assert list(mark_of(kind).upcasters) == [1]


class TestSet:
    def test_two_classes_with_one_name_are_refused(self) -> None:
        other = event_type("test.order-paid")(_fresh())

        with pytest.raises(DuplicateEventType, match=r"test\.order-paid, got OrderPaid and Fresh"):
            EventTypes(OrderPaid, other)

    def test_a_class_without_a_mark_is_refused(self) -> None:
        with pytest.raises(NotAnEventType, match="Unmarked"):
            EventTypes(OrderPaid, Unmarked)

    def test_a_class_that_is_given_twice_counts_once(self) -> None:
        assert EventTypes(OrderPaid, OrderPlaced, OrderPaid).kinds == (OrderPaid, OrderPlaced)

    def test_a_larger_set_is_another_one(self) -> None:
        small = EventTypes(OrderPaid)

        assert small.with_kinds(OrderPlaced).kinds == (OrderPaid, OrderPlaced)
        assert small.kinds == (OrderPaid,)


class TestEncoding:
    def test_the_envelope_has_all_that_it_was_given(self) -> None:
        new = TYPES.encode(
            OrderPlaced("o-1"),
            emitter_id="orders/o-1",
            aggregate_id="o-1",
            destinations=["customer-1", tag("red")],
            vector_timestamp=VectorTime({"there": 3}),
            cause=EventId("there", 3),
            delivery_id="d-1",
        )

        assert (new.type_name, new.form) == ("test.order-placed", 2)
        assert (new.emitter_id, new.aggregate_id) == ("orders/o-1", "o-1")
        assert new.destinations == ("customer-1", "tag:red")
        assert new.vector_timestamp == VectorTime({"there": 3})
        assert (new.cause, new.delivery_id) == (EventId("there", 3), "d-1")
        assert new.subject_key_id is None

    def test_a_subclass_without_a_mark_of_its_own_is_refused(self) -> None:
        """Written under its parent's name it would lose what it adds."""
        with pytest.raises(NotAnEventType, match="Special"):
            TYPES.encode(Special("o-1"), emitter_id="e")

    def test_a_marked_class_that_is_not_in_the_set_is_refused(self) -> None:
        with pytest.raises(NotAnEventType, match="OrderPlaced"):
            EventTypes(OrderPaid).encode(OrderPlaced("o-1"), emitter_id="e")

    @pytest.mark.parametrize("value", ["\ud800", 2**64, object()])
    def test_a_value_that_cannot_be_written_is_named_with_its_type(self, value: object) -> None:
        with pytest.raises(UnencodablePayload, match=r"test\.order-paid"):
            TYPES.encode(OrderPaid("o-1", value), emitter_id="e")  # type: ignore[arg-type]

    def test_a_value_of_another_type_than_its_field_is_refused_before_it_is_written(self) -> None:
        """Nobody could read it again, and whoever replays it would stop for good."""
        with pytest.raises(
            UnencodablePayload, match=r"test\.order-paid .* Expected `int`, got `str`"
        ):
            TYPES.encode(OrderPaid("o-1", "12"), emitter_id="e")  # type: ignore[arg-type]

    def test_an_aggregate_cannot_have_the_id_of_a_tag(self) -> None:
        with pytest.raises(InvalidEvent, match="does not begin with tag:"):
            TYPES.encode(OrderPaid("o-1"), emitter_id="e", aggregate_id=tag("red"))

    def test_what_is_about_a_person_is_not_written_in_clear_for_want_of_keys(self) -> None:
        with pytest.raises(NoSubjectKeys, match=r"test\.person-named"):
            TYPES.encode(PersonNamed("p-1", "Ada"), emitter_id="e")

    def test_what_is_about_nobody_needs_no_keys(self) -> None:
        new = TYPES.encode(PersonNamed(None, "Nobody"), emitter_id="e")

        assert TYPES.decode(written(new)) == (PersonNamed(None, "Nobody"),)


class TestDecoding:
    @given(orders | payments)
    def test_what_was_encoded_is_decoded(self, payload: object) -> None:
        assert list(TYPES.decode(written(TYPES.encode(payload, emitter_id="e")))) == [payload]

    @given(st.text(min_size=1), st.binary(), st.integers(1, 100))
    def test_an_unknown_type_never_breaks_a_reader(
        self, name: str, payload: bytes, form: int
    ) -> None:
        event = written_as("elsewhere." + name, payload, form=form)

        assert TYPES.decode(event) == (Unknown(event.type_name, form, payload),)

    @given(st.binary(), st.integers(3, 100))
    def test_a_newer_form_never_breaks_an_older_reader(self, payload: bytes, form: int) -> None:
        event = written_as("test.order-placed", payload, form=form)

        assert TYPES.decode(event) == (Unknown("test.order-placed", form, payload),)

    @given(st.binary(), st.integers(-1, 2))
    def test_bytes_that_are_no_payload_are_named_and_nothing_else_is_raised(
        self, payload: bytes, form: int
    ) -> None:
        event = written_as("test.order-placed", payload, form=form)

        with pytest.raises(UndecodablePayload) as raised:
            TYPES.decode(event)

        assert raised.value.event_id == EventId("here", 7)
        assert f"test.order-placed of form {form}" in str(raised.value)

    def test_a_text_that_is_not_utf_8_is_undecodable(self) -> None:
        event = written_as("test.order-paid", b"\x81\xa8order_id\xa1\xff")

        with pytest.raises(UndecodablePayload):
            TYPES.decode(event)

    def test_a_field_that_a_newer_program_added_is_passed_over(self) -> None:
        payload = msgspec.msgpack.encode({"order_id": "o-1", "cents": 5, "currency": "EUR"})

        assert TYPES.decode(written_as("test.order-paid", payload)) == (OrderPaid("o-1", 5),)

    def test_a_field_that_an_older_program_did_not_write_has_its_default(self) -> None:
        payload = msgspec.msgpack.encode({"order_id": "o-1"})

        assert TYPES.decode(written_as("test.order-paid", payload)) == (OrderPaid("o-1", 0),)

    @pytest.mark.parametrize(
        ("type_name", "form"), [("elsewhere.happened", 1), ("test.order-placed", 3)]
    )
    def test_a_strict_reader_stops_at_what_it_does_not_know(
        self, type_name: str, form: int
    ) -> None:
        with pytest.raises(UnknownForm, match="Update this site's program"):
            TYPES.decode_known(written_as(type_name, b"", form=form))

    def test_a_strict_reader_gets_what_it_knows(self) -> None:
        event = written(TYPES.encode(OrderPaid("o-1"), emitter_id="e"))

        assert TYPES.decode_known(event) == (OrderPaid("o-1"),)


def _fresh() -> type[msgspec.Struct]:
    return msgspec.defstruct("Fresh", [("a", int, 0)])
