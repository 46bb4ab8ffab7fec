"""The stored form of events outlives the program that wrote it.

The bytes below were written by form 1 and form 2 of the log. They are never changed: a version that
reads them otherwise, or writes form 2 otherwise, cannot open the logs that exist. A field may be
added to the envelope at its end, with a default; then its full golden bytes are added here, beside
the old ones.
"""

from __future__ import annotations

import zlib
from contextlib import closing
from pathlib import Path

import lmdb
import msgspec
import pytest
from msgspec.structs import replace

from museion.log.chain import START, next_digest
from museion.log.event import Event, EventId
from museion.log.event_store import DamagedEvent, WriteBatch
from museion.log.frame import envelope_of, frame_of, unpack_frame
from museion.log.lmdb_store import LmdbEventStore
from museion.log.vector_time import VectorTime

FULL = Event(
    type_name="archive.asset-ingested",
    form=2,
    payload=b"\x00payload\xff",
    emitter_id="ingest",
    aggregate_id="asset-1",
    custom_destinations=("collection-1", "collection-2"),
    system_time_ms=1_700_000_000_123,
    vector_timestamp=VectorTime({"rome": 7, "paris": 300}),
    process_id="rome",
    log_id="paris",
    sequence_nr=300,
    cause=EventId("paris", 299),
    delivery_id="delivery-1",
    chain_digest=bytes(4),
    subject_key_id="key-1",
)
PLAIN = Event(
    type_name="archive.asset-ingested",
    form=2,
    payload=b"\x00payload\xff",
    emitter_id="ingest",
    aggregate_id=None,
    custom_destinations=(),
    system_time_ms=1_700_000_000_123,
    vector_timestamp=VectorTime({"rome": 7, "paris": 300}),
    process_id="rome",
    log_id="paris",
    sequence_nr=300,
)
_BEGINNING = (
    "9f"  # an array of 15
    "b6617263686976652e61737365742d696e676573746564"  # type name
    "02"  # form
    "c409007061796c6f6164ff"  # payload
    "a6696e67657374"  # emitter id
)
_MIDDLE = (
    "cf0000018bcfe5687b"  # system time
    "9182a4726f6d6507a57061726973cd012c"  # vector timestamp
    "a4726f6d65"  # process id
    "a57061726973"  # log id
    "cd012c"  # sequence number
)
GOLDEN_FULL = (
    _BEGINNING
    + "a761737365742d3192ac636f6c6c656374696f6e2d31ac636f6c6c656374696f6e2d32"  # destinations
    + _MIDDLE
    + "92a57061726973cd012b"  # cause
    + "aa64656c69766572792d31"  # delivery id
    + "c40400000000"  # chain digest
    + "a56b65792d31"  # subject key id
)
GOLDEN_PLAIN = _BEGINNING + "c090" + _MIDDLE + "c0c0c0c0"
GOLDEN_BEFORE_OPTIONAL_FIELDS = "9b" + _BEGINNING[2:] + "c090" + _MIDDLE

_ENVELOPE_MIDDLE = (
    "cf0000018bcfe5687b"  # system time
    "9182a4726f6d6507a57061726973cd012c"  # vector timestamp
    "a4726f6d65"  # process id
    "a0"  # log id: blank
    "00"  # sequence number: blank
)
GOLDEN_ENVELOPE_FULL = (
    _BEGINNING
    + "a761737365742d3192ac636f6c6c656374696f6e2d31ac636f6c6c656374696f6e2d32"  # destinations
    + _ENVELOPE_MIDDLE
    + "92a57061726973cd012b"  # cause
    + "aa64656c69766572792d31"  # delivery id
    + "c0"  # chain digest: blank
    + "a56b65792d31"  # subject key id
)
GOLDEN_ENVELOPE_PLAIN = _BEGINNING + "c090" + _ENVELOPE_MIDDLE + "c0c0c0c0"
GOLDEN_DIGEST_FULL = "363086169b9642d08030f2c2ee932fa5a6ac0eb092bba0f39d6fed0104811d13"
"""Of the full event as the first of its origin."""
GOLDEN_DIGEST_PLAIN = "ec4028eb1b201dca6b826e2ba5685a55c5a025721b4f7bcf96d3de6786c8c671"
"""Of the plain event behind the full one."""
GOLDEN_FRAME_FULL = "7150cae4" + "02" + GOLDEN_DIGEST_FULL + GOLDEN_ENVELOPE_FULL
"""As event 300 of a log."""
GOLDEN_FRAME_PLAIN = "7c42f091" + "02" + GOLDEN_DIGEST_PLAIN + GOLDEN_ENVELOPE_PLAIN
"""As event 301 of a log."""
GOLDEN_FRAME_WITHOUT_DIGEST = "343dbe80" + "02" + "00" * 32 + GOLDEN_ENVELOPE_PLAIN
"""As event 302 of a log: an event that form 1 wrote elsewhere, replicated to here."""

CHAINED_FULL = replace(FULL, chain_digest=bytes.fromhex(GOLDEN_DIGEST_FULL))
CHAINED_PLAIN = replace(PLAIN, chain_digest=bytes.fromhex(GOLDEN_DIGEST_PLAIN), sequence_nr=301)
UNCHAINED = replace(PLAIN, sequence_nr=302)

EACH = pytest.mark.parametrize(
    ("event", "golden"), [(FULL, GOLDEN_FULL), (PLAIN, GOLDEN_PLAIN)], ids=["full", "plain"]
)
EACH_FRAME = pytest.mark.parametrize(
    ("event", "golden"),
    [
        (CHAINED_FULL, GOLDEN_FRAME_FULL),
        (CHAINED_PLAIN, GOLDEN_FRAME_PLAIN),
        (UNCHAINED, GOLDEN_FRAME_WITHOUT_DIGEST),
    ],
    ids=["full", "plain", "without digest"],
)


class TestForm1:
    """Read for ever, written no more."""

    @EACH
    def test_the_fields_of_an_event_stand_in_their_order(self, event: Event, golden: str) -> None:
        assert msgspec.msgpack.encode(event).hex() == golden

    @EACH
    def test_the_envelope_of_old_is_read(self, event: Event, golden: str) -> None:
        assert msgspec.msgpack.decode(bytes.fromhex(golden), type=Event) == event

    def test_an_envelope_without_the_optional_fields_is_read(self) -> None:
        content = bytes.fromhex(GOLDEN_BEFORE_OPTIONAL_FIELDS)
        assert msgspec.msgpack.decode(content, type=Event) == PLAIN

    def test_fields_that_a_later_version_added_are_passed_over(self) -> None:
        content = bytes.fromhex("dc0011" + GOLDEN_FULL[2:] + "c3" + "a3616464")
        assert msgspec.msgpack.decode(content, type=Event) == FULL

    @pytest.mark.parametrize(
        ("event", "golden"),
        [(FULL, GOLDEN_FULL), (PLAIN, GOLDEN_PLAIN), (PLAIN, GOLDEN_BEFORE_OPTIONAL_FIELDS)],
        ids=["full", "plain", "without optional fields"],
    )
    def test_a_frame_of_old_is_read(self, event: Event, golden: str) -> None:
        assert unpack_frame(_frame_of_form_1(golden), 300, "paris") == event

    def test_a_frame_of_old_in_the_place_of_another_is_damage(self) -> None:
        with pytest.raises(DamagedEvent, match="says that it is event 300"):
            unpack_frame(_frame_of_form_1(GOLDEN_FULL), 299, "paris")

    def test_a_log_of_old_is_opened_and_read(self, tmp_path: Path) -> None:
        _make_log_of_form_1(tmp_path)

        with closing(LmdbEventStore(tmp_path)) as store:
            state = store.recover()
            assert (state.log_id, state.sequence_nr) == ("paris", 300)
            assert state.version == FULL.vector_timestamp
            assert (state.chain, state.deleted_to, state.removed_to) == ({}, 0, 0)
            assert list(store.read(limit=9)) == [FULL]
            assert list(store.read(limit=9, aggregate_id="collection-2")) == [FULL]
            assert list(store.aggregate_ids(limit=9)) == ["asset-1", "collection-1", "collection-2"]
            assert store.progress("metadata") == 299

    def test_a_log_of_old_is_read_by_one_who_must_not_write(self, tmp_path: Path) -> None:
        _make_log_of_form_1(tmp_path)

        with closing(LmdbEventStore(tmp_path, writable=False)) as store:
            assert list(store.read(limit=9)) == [FULL]

        assert dict(_tables(tmp_path)[b"meta"])[b"form"] == b"1"

    def test_a_log_of_old_goes_on_with_new_frames_behind_the_old(self, tmp_path: Path) -> None:
        _make_log_of_form_1(tmp_path)
        frame = bytes.fromhex(GOLDEN_FRAME_PLAIN)

        with closing(LmdbEventStore(tmp_path)) as store:
            store.write(WriteBatch([CHAINED_PLAIN], {}, [frame]))
            assert list(store.read(limit=9)) == [FULL, CHAINED_PLAIN]

        tables = _tables(tmp_path)
        stored = [content for _, content in tables[b"events"]]
        assert stored == [_frame_of_form_1(GOLDEN_FULL), frame]
        assert dict(tables[b"meta"])[b"form"] == b"2"


class TestForm2:
    """What this version writes."""

    @pytest.mark.parametrize(
        ("event", "golden"),
        [(FULL, GOLDEN_ENVELOPE_FULL), (PLAIN, GOLDEN_ENVELOPE_PLAIN)],
        ids=["full", "plain"],
    )
    def test_the_envelope_is_written_as_ever(self, event: Event, golden: str) -> None:
        assert envelope_of(event).hex() == golden

    def test_the_envelope_is_the_same_at_every_site(self) -> None:
        elsewhere = replace(CHAINED_FULL, log_id="rome", sequence_nr=7)

        assert envelope_of(elsewhere).hex() == GOLDEN_ENVELOPE_FULL

    def test_digests_are_chained_as_ever(self) -> None:
        first = next_digest(START, bytes.fromhex(GOLDEN_ENVELOPE_FULL))
        second = next_digest(first, bytes.fromhex(GOLDEN_ENVELOPE_PLAIN))

        assert (first.hex(), second.hex()) == (GOLDEN_DIGEST_FULL, GOLDEN_DIGEST_PLAIN)

    @EACH_FRAME
    def test_a_frame_is_written_as_ever(self, event: Event, golden: str) -> None:
        assert frame_of(event).hex() == golden

    @EACH_FRAME
    def test_a_frame_is_read_as_ever(self, event: Event, golden: str) -> None:
        assert unpack_frame(bytes.fromhex(golden), event.sequence_nr, "paris") == event

    @EACH_FRAME
    def test_a_frame_in_the_place_of_another_is_damage(self, event: Event, golden: str) -> None:
        with pytest.raises(DamagedEvent):
            unpack_frame(bytes.fromhex(golden), event.sequence_nr + 1, "paris")

    def test_the_tables_of_the_store_are_laid_out_as_ever(self, tmp_path: Path) -> None:
        frame = bytes.fromhex(GOLDEN_FRAME_FULL)
        with closing(LmdbEventStore(tmp_path)) as store:
            log_id = store.recover().log_id
            store.write(WriteBatch([CHAINED_FULL], {"metadata": 299}, [frame]))

        found = _tables(tmp_path)

        assert found == {
            b"events": [(_number(300), frame)],
            b"aggregates": found[b"aggregates"],  # numbered in the order in which they came
            b"destinations": [(_number(each), _number(300)) for each in (1, 2, 3)],
            b"progress": [(b"metadata", _number(299) + bytes.fromhex("36bc26ed"))],
            b"meta": [
                (b"chain", bytes.fromhex("81a4726f6d65c420" + GOLDEN_DIGEST_FULL)),
                (b"form", b"2"),
                (b"indexed_to", _number(300) + bytes.fromhex("8b98069e")),
                (b"log_id", log_id.encode()),
                (b"version", _VERSION),
            ],
        }
        names, numbers = zip(*found[b"aggregates"], strict=True)
        assert names == (b"asset-1", b"collection-1", b"collection-2")
        assert sorted(numbers) == [_number(each) for each in (1, 2, 3)]


_VERSION = bytes.fromhex("9182a4726f6d6507a57061726973cd012c")


def _number(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _frame_of_form_1(golden: str) -> bytes:
    content = bytes.fromhex(golden)
    return zlib.crc32(content).to_bytes(4, "big") + content


def _make_log_of_form_1(folder: Path) -> None:
    """Make what version 0.1 left on disk, with nothing but LMDB."""
    with lmdb.open(str(folder), max_dbs=8) as environment:
        ids = [_number(each) for each in (1, 2, 3)]
        names = (b"asset-1", b"collection-1", b"collection-2")
        tables = {
            b"events": [(_number(300), _frame_of_form_1(GOLDEN_FULL))],
            b"aggregates": list(zip(names, ids, strict=True)),
            b"destinations": [(each, _number(300)) for each in ids],
            b"progress": [(b"metadata", _number(299))],
            b"meta": [(b"form", b"1"), (b"log_id", b"paris"), (b"version", _VERSION)],
        }
        for name, rows in tables.items():
            many = name == b"destinations"
            table = environment.open_db(name, dupsort=many, dupfixed=many)
            with environment.begin(write=True) as writing:
                writing.cursor(table).putmulti(rows)


def _tables(folder: Path) -> dict[bytes, list[tuple[bytes, bytes]]]:
    with lmdb.open(str(folder), max_dbs=8) as environment:
        with environment.begin() as reading:
            names = [name for name, _ in reading.cursor()]
        found = {}
        for name in names:
            table = environment.open_db(name)
            with environment.begin() as reading:
                found[name] = [(bytes(key), bytes(value)) for key, value in reading.cursor(table)]
    return found
