"""Payloads under the keys of data subjects: unreadable without the key, and not to be moved."""

from __future__ import annotations

from traceback import format_exception

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_event import written

from museion.log.event import Event
from museion.log.event_types import (
    Erased,
    EventTypes,
    KeyMissing,
    NoSubjectKeys,
    TamperedPayload,
    UndecodablePayload,
    UnencodablePayload,
    Unknown,
    event_type,
)
from museion.log.payloads.encryption import decrypt, encrypt
from museion.log.payloads.upcasting import Fields
from museion.log.subject_keys import InvalidSubject, MemorySubjectKeys, SubjectKey, new_key

KEY = SubjectKey("a" * 16, bytes(range(32)))


@event_type(
    "test.customer-moved",
    form=2,
    upcasters={1: lambda fields: {**fields, "city": fields["place"]}},
    subject=lambda event: event.customer_id,
)
class CustomerMoved(msgspec.Struct, frozen=True):
    customer_id: str
    city: str


@event_type("test.customer-moved", subject=lambda event: event.customer_id)
class CustomerMovedOfOld(msgspec.Struct, frozen=True):
    customer_id: str
    place: str


class Written:
    """An event about a customer, and what is needed to read it."""

    def __init__(self) -> None:
        self.keys = MemorySubjectKeys()
        self.types = EventTypes(CustomerMoved, keys=self.keys)
        self.payload = CustomerMoved("customer-1", "Rome")
        self.event: Event = written(self.types.encode(self.payload, emitter_id="e"))


class TestCipher:
    @given(st.binary(), st.text(), st.integers(1, 9))
    def test_what_was_encrypted_is_decrypted(self, content: bytes, name: str, form: int) -> None:
        encrypted = encrypt(content, KEY, type_name=name, form=form)

        assert decrypt(encrypted, KEY, type_name=name, form=form) == content

    @given(st.binary(), st.integers(2, 20))
    def test_equal_payloads_never_have_equal_ciphertexts(self, content: bytes, count: int) -> None:
        encrypted = {encrypt(content, KEY, type_name="t", form=1) for _ in range(count)}
        nonces = {each[:12] for each in encrypted}

        assert len(encrypted) == len(nonces) == count

    @given(st.binary(max_size=40), st.data())
    def test_any_changed_bit_is_found(self, content: bytes, data: st.DataObject) -> None:
        encrypted = bytearray(encrypt(content, KEY, type_name="t", form=1))
        bit = data.draw(st.integers(0, len(encrypted) * 8 - 1))
        encrypted[bit // 8] ^= 1 << bit % 8

        with pytest.raises(TamperedPayload):
            decrypt(bytes(encrypted), KEY, type_name="t", form=1)

    @pytest.mark.parametrize("size_bytes", [0, 1, 11, 12, 27, 28])
    def test_a_cut_payload_is_found(self, size_bytes: int) -> None:
        encrypted = encrypt(b"x", KEY, type_name="t", form=1)

        with pytest.raises(TamperedPayload):
            decrypt(encrypted[:size_bytes], KEY, type_name="t", form=1)

    @pytest.mark.parametrize(
        ("key", "name", "form"),
        [
            (KEY, "u", 1),
            (KEY, "t", 2),
            (SubjectKey("b" * 16, KEY.key), "t", 1),
            (SubjectKey(KEY.key_id, bytes(32)), "t", 1),
        ],
        ids=["other type", "other form", "other key id", "other key"],
    )
    def test_a_payload_cannot_be_moved(self, key: SubjectKey, name: str, form: int) -> None:
        encrypted = encrypt(b"x", KEY, type_name="t", form=1)

        with pytest.raises(TamperedPayload, match="changed or moved"):
            decrypt(encrypted, key, type_name=name, form=form)

    def test_a_key_does_not_print_itself(self) -> None:
        key = new_key()

        assert key.key.hex() not in repr(key)
        assert str(key.key) not in repr(key)


class TestEvents:
    def test_an_event_about_a_subject_names_the_key_and_hides_the_payload(self) -> None:
        case = Written()

        assert case.event.subject_key_id == case.keys.get_or_create("customer-1").key_id
        assert b"Rome" not in case.event.payload
        assert b"customer-1" not in case.event.payload

    def test_who_has_the_key_reads_the_payload(self) -> None:
        case = Written()

        assert list(case.types.decode(case.event)) == [case.payload]

    def test_one_subject_has_one_key_and_each_subject_its_own(self) -> None:
        case = Written()
        same = case.types.encode(CustomerMoved("customer-1", "Oslo"), emitter_id="e")
        other = case.types.encode(CustomerMoved("customer-2", "Oslo"), emitter_id="e")

        assert same.subject_key_id == case.event.subject_key_id != other.subject_key_id

    def test_after_the_key_is_destroyed_the_payload_is_erased(self) -> None:
        case = Written()
        case.keys.destroy("customer-1")

        assert case.event.subject_key_id is not None
        erased = Erased("test.customer-moved", case.event.subject_key_id)
        assert case.types.decode(case.event) == (erased,)

    def test_a_subject_that_is_seen_again_is_readable_and_its_past_stays_erased(self) -> None:
        case = Written()
        case.keys.destroy("customer-1")
        again = written(case.types.encode(case.payload, emitter_id="e"))

        assert again.subject_key_id != case.event.subject_key_id
        assert list(case.types.decode(again)) == [case.payload]
        assert isinstance(case.types.decode(case.event)[0], Erased)

    def test_a_missing_key_is_not_taken_for_a_destroyed_one(self) -> None:
        case = Written()
        elsewhere = EventTypes(CustomerMoved, keys=MemorySubjectKeys())

        with pytest.raises(KeyMissing, match="missing, but was not destroyed"):
            elsewhere.decode(case.event)

    def test_a_reader_without_keys_is_told_so(self) -> None:
        with pytest.raises(NoSubjectKeys):
            EventTypes(CustomerMoved).decode(Written().event)

    def test_keys_can_be_given_later(self) -> None:
        case = Written()

        assert list(EventTypes(CustomerMoved).with_keys(case.keys).decode(case.event)) == [
            case.payload
        ]

    def test_a_program_that_does_not_know_the_type_hands_the_encrypted_payload_on(self) -> None:
        event = Written().event

        assert EventTypes().decode(event) == (Unknown(event.type_name, 2, event.payload),)

    def test_old_forms_are_decrypted_before_they_are_upcasted(self) -> None:
        keys = MemorySubjectKeys()
        before = EventTypes(CustomerMovedOfOld, keys=keys)
        after = EventTypes(CustomerMoved, keys=keys)
        event = written(before.encode(CustomerMovedOfOld("customer-1", "Rome"), emitter_id="e"))

        assert after.decode(event) == [CustomerMoved("customer-1", "Rome")]

    def test_a_payload_that_is_moved_to_another_form_is_found(self) -> None:
        case = Written()

        with pytest.raises(TamperedPayload):
            case.types.decode(written(case.types.encode(case.payload, emitter_id="e"), form=1))

    def test_what_was_encrypted_does_not_come_into_an_error(self) -> None:
        """An upcaster's error may quote what it met, and errors end up in log files."""

        def to_number(fields: Fields) -> Fields:
            return fields | {"city": int(str(fields["place"]))}

        keys = MemorySubjectKeys()
        before = EventTypes(CustomerMovedOfOld, keys=keys)
        kind = event_type("test.customer-moved", form=2, upcasters={1: to_number})
        after = EventTypes(kind(msgspec.defstruct("Moved", [("city", int)])), keys=keys)
        event = written(before.encode(CustomerMovedOfOld("customer-1", "Rome"), emitter_id="e"))

        with pytest.raises(UndecodablePayload, match="ValueError") as raised:
            after.decode(event)

        told = "".join(format_exception(raised.value, limit=0))
        assert "Rome" not in told

    def test_a_field_of_a_wrong_type_is_refused_without_a_word_of_what_it_holds(self) -> None:
        with pytest.raises(UnencodablePayload, match="ValidationError") as raised:
            Written().types.encode(CustomerMoved("c", 1234), emitter_id="e")  # type: ignore[arg-type]  # wrong

        assert "1234" not in "".join(format_exception(raised.value, limit=0))

    @pytest.mark.parametrize("subject_id", ["", 7, b"customer", "n" * 512])
    def test_what_cannot_name_a_subject_is_refused_and_not_repeated_in_the_error(
        self, subject_id: str
    ) -> None:
        named = msgspec.defstruct("Named", [("who", object)], frozen=True)
        kind = event_type("test.named", subject=lambda each: each.who)(named)
        types = EventTypes(kind, keys=MemorySubjectKeys())

        with pytest.raises(InvalidSubject) as raised:
            types.encode(kind(subject_id), emitter_id="e")

        assert "customer" not in str(raised.value)
