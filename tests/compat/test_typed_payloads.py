"""Typed payloads outlive the program that wrote them, and pass through programs that know them not.

The bytes below were written once and are never changed: a version that reads them otherwise, or
writes the present form otherwise, has broken the logs that exist. A new form gets new lines.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.event_types import Erased, EventTypes, TamperedPayload, Unknown, event_type
from museion.log.frame import envelope_of
from museion.log.memory_store import MemoryEventStore
from museion.log.payloads.encryption import encrypt
from museion.log.payloads.upcasting import Fields
from museion.log.subject_keys import MemorySubjectKeys, NoKey, SubjectKey
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop

NAME = "test.room-booked"


def one_for_each_night(fields: Fields) -> Sequence[Mapping[str, object]]:
    """Form 1 told the number of nights; form 2 has an event for each."""
    nights = fields.pop("nights")
    assert isinstance(nights, int)
    return [fields | {"night": number} for number in range(1, nights + 1)]


def price_in_cents(fields: Fields) -> Mapping[str, object]:
    """Form 2 had a decimal price; form 3 has cents."""
    return fields | {"cents": int(Decimal(str(fields.pop("price"))) * 100)}


@event_type(NAME, form=3, upcasters={1: one_for_each_night, 2: price_in_cents})
class RoomBooked(msgspec.Struct, frozen=True):
    room: str
    night: int
    cents: int
    breakfast: bool = False


@event_type("test.guest-arrived", subject=lambda event: event.guest_id)
class GuestArrived(msgspec.Struct, frozen=True):
    guest_id: str
    name: str


@event_type("test.all-kinds-of-values")
class AllKindsOfValues(msgspec.Struct, frozen=True):
    text: str
    number: int
    fraction: float
    exact: Decimal
    at: datetime
    day: date
    content: bytes
    several: tuple[int, ...]
    by_name: dict[str, int]
    nothing: None
    more: RoomBooked


GOLDEN = {
    1: "83a4726f6f6da32d3132a66e696768747302a57072696365a435332e35",
    2: "83a4726f6f6da32d3132a56e6967687401a57072696365a435332e35",
    3: "84a4726f6f6da32d3132a56e6967687401a563656e7473cd14e6a9627265616b66617374c3",
}
"""Payloads of a booking by form."""
FIRST = RoomBooked("-12", 1, 5350)
GOLDEN_VALUES = (
    "8b"
    "a474657874a663616665cc81"  # decomposed, and kept so
    "a66e756d626572cf7fffffffffffffff"
    "a86672616374696f6ecb3fb999999999999a"
    "a56578616374a6302e31303030"
    "a26174d7ffa21fe8006553f100"
    "a3646179aa323032342d30322d3239"
    "a7636f6e74656e74c40200ff"
    "a77365766572616c920102"
    "a762795f6e616d6581a16101"
    "a76e6f7468696e67c0"
    "a46d6f7265" + GOLDEN[3]
)
VALUES = AllKindsOfValues(
    text="cafe\u0301",
    number=2**63 - 1,
    fraction=0.1,
    exact=Decimal("0.1000"),
    at=datetime(2023, 11, 14, 22, 13, 20, 680_000, UTC),
    day=date(2024, 2, 29),
    content=b"\x00\xff",
    several=(1, 2),
    by_name={"a": 1},
    nothing=None,
    more=replace(FIRST, breakfast=True),
)
KEY = SubjectKey("a" * 16, bytes(range(32)))
NONCE = bytes(range(100, 112))
GOLDEN_ENCRYPTED = (
    "6465666768696a6b6c6d6e6f"  # nonce
    "cab3b9131c9a22c15706f88faf0019896ff3a264ea0196d1e6b5cd"  # ciphertext
    "100942f05f400095589a0e410fef5292"  # tag
)
GUEST = GuestArrived("guest-1", "Ada")


class FixedKeys(MemorySubjectKeys):
    """Knows one key, the one that the golden bytes were encrypted under."""

    def __init__(self, found: SubjectKey | NoKey = KEY) -> None:
        super().__init__()
        self._found = found

    def find(self, key_id: str) -> SubjectKey | NoKey:
        return self._found if key_id == KEY.key_id else NoKey.UNKNOWN


TYPES = EventTypes(RoomBooked, GuestArrived, AllKindsOfValues)


def event(name: str, form: int, golden: str, **more: object) -> Event:
    written = Event(
        type_name=name,
        form=form,
        payload=bytes.fromhex(golden),
        emitter_id="desk",
        aggregate_id=None,
        custom_destinations=(),
        system_time_ms=0,
        vector_timestamp=VectorTime({"rome": 1}),
        process_id="rome",
        log_id="rome",
        sequence_nr=1,
    )
    return replace(written, **more)


class TestForms:
    @pytest.mark.parametrize(
        ("form", "meant"),
        [
            (1, [FIRST, replace(FIRST, night=2)]),
            (2, [FIRST]),
            (3, [replace(FIRST, breakfast=True)]),
        ],
    )
    def test_every_form_of_old_is_read_as_it_was_meant(
        self, form: int, meant: list[object]
    ) -> None:
        assert list(TYPES.decode(event(NAME, form, GOLDEN[form]))) == meant

    def test_the_present_form_is_written_as_ever(self) -> None:
        new = TYPES.encode(replace(FIRST, breakfast=True), emitter_id="desk")

        assert (new.type_name, new.form, new.payload.hex()) == (NAME, 3, GOLDEN[3])

    def test_every_kind_of_value_is_written_and_read_as_ever(self) -> None:
        new = TYPES.encode(VALUES, emitter_id="desk")

        assert new.payload.hex() == GOLDEN_VALUES
        assert TYPES.decode(event(new.type_name, 1, GOLDEN_VALUES)) == (VALUES,)


class TestEncrypted:
    EVENT = event("test.guest-arrived", 1, GOLDEN_ENCRYPTED, subject_key_id=KEY.key_id)

    def test_an_encrypted_payload_is_written_as_ever(self) -> None:
        content = msgspec.msgpack.encode(GUEST)
        encrypted = encrypt(content, KEY, type_name="test.guest-arrived", form=1, nonce=NONCE)

        assert encrypted.hex() == GOLDEN_ENCRYPTED

    def test_an_encrypted_payload_of_old_is_read(self) -> None:
        assert list(TYPES.with_keys(FixedKeys()).decode(self.EVENT)) == [GUEST]

    def test_once_its_key_is_destroyed_it_is_erased(self) -> None:
        decoded = TYPES.with_keys(FixedKeys(NoKey.DESTROYED)).decode(self.EVENT)

        assert decoded == (Erased("test.guest-arrived", KEY.key_id),)

    def test_under_another_type_it_is_not_read(self) -> None:
        moved = replace(self.EVENT, type_name=NAME, form=3)

        with pytest.raises(TamperedPayload):
            TYPES.with_keys(FixedKeys()).decode(moved)


class TestUnknownTypes:
    """New event types do not break sites that are not upgraded yet."""

    @in_event_loop
    async def test_an_event_of_an_unknown_type_is_stored_relayed_and_read_by_a_third_party(
        self,
    ) -> None:
        new = TYPES.encode(VALUES, emitter_id="desk", aggregate_id="a", destinations=["b"])
        async with opened("rome") as rome, opened("paris") as paris, opened("oslo") as oslo:
            await rome.append([new])
            await paris.append_replicated(await rome.read())
            (relayed,) = await paris.read(aggregate_id="b")
            passed_over = EventTypes().decode(relayed)
            await oslo.append_replicated([relayed])
            (arrived,) = await oslo.read(aggregate_id="a")
            (first,) = await rome.read()

        assert passed_over == (Unknown(new.type_name, 1, bytes.fromhex(GOLDEN_VALUES)),)
        assert TYPES.decode(arrived) == (VALUES,)
        assert envelope_of(arrived) == envelope_of(relayed) == envelope_of(first)
        assert arrived.payload.hex() == GOLDEN_VALUES
        assert arrived.chain_digest == first.chain_digest

    @in_event_loop
    async def test_a_newer_form_is_relayed_by_a_site_that_knows_an_older_one_only(self) -> None:
        newer = NewEvent(type_name=NAME, form=4, payload=b"\x81\xa1x\x01", emitter_id="desk")
        async with opened("rome") as rome, opened("paris") as paris:
            await rome.append([newer])
            await paris.append_replicated(await rome.read())
            (relayed,) = await paris.read()

        assert TYPES.decode(relayed) == (Unknown(NAME, 4, newer.payload),)
        assert (relayed.form, relayed.payload) == (4, newer.payload)


@asynccontextmanager
async def opened(log_id: str) -> AsyncIterator[EventLog]:
    log = EventLog(MemoryEventStore(log_id=log_id))
    try:
        yield log
    finally:
        await log.close()
