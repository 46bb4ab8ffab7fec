"""The stored form of events outlives the program that wrote it.

The bytes below were written by form 1 of the log. They are never changed: a version that writes or
reads them otherwise cannot open the logs that exist. A field may be added to the envelope at its
end, with a default; then its full golden bytes are added here, beside the old ones.
"""

from __future__ import annotations

import zlib
from contextlib import closing
from pathlib import Path

import lmdb
import msgspec
import pytest

from museion.log.event import Event, EventId
from museion.log.event_store import WriteBatch
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

EACH = pytest.mark.parametrize(
    ("event", "golden"), [(FULL, GOLDEN_FULL), (PLAIN, GOLDEN_PLAIN)], ids=["full", "plain"]
)


@EACH
def test_the_envelope_is_written_as_ever(event: Event, golden: str) -> None:
    assert msgspec.msgpack.encode(event).hex() == golden


@EACH
def test_the_envelope_of_old_is_read(event: Event, golden: str) -> None:
    assert msgspec.msgpack.decode(bytes.fromhex(golden), type=Event) == event


def test_an_envelope_without_the_optional_fields_is_read() -> None:
    content = bytes.fromhex(GOLDEN_BEFORE_OPTIONAL_FIELDS)
    assert msgspec.msgpack.decode(content, type=Event) == PLAIN


def test_fields_that_a_later_version_added_are_passed_over() -> None:
    content = bytes.fromhex("dc0011" + GOLDEN_FULL[2:] + "c3" + "a3616464")
    assert msgspec.msgpack.decode(content, type=Event) == FULL


def test_the_tables_of_the_store_are_laid_out_as_ever(tmp_path: Path) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        log_id = store.recover().log_id
        store.write(WriteBatch([FULL], {"metadata": 299}))
    content = bytes.fromhex(GOLDEN_FULL)
    number = (300).to_bytes(8, "big")
    ids = [each.to_bytes(8, "big") for each in (1, 2, 3)]
    assert _tables(tmp_path) == {
        b"events": [(number, zlib.crc32(content).to_bytes(4, "big") + content)],
        b"aggregates": list(zip((b"asset-1", b"collection-1", b"collection-2"), ids, strict=True)),
        b"destinations": [(each, number) for each in ids],
        b"progress": [(b"metadata", (299).to_bytes(8, "big"))],
        b"meta": [
            (b"form", b"1"),
            (b"log_id", log_id.encode()),
            (b"version", bytes.fromhex("9182a4726f6d6507a57061726973cd012c")),
        ],
    }


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
