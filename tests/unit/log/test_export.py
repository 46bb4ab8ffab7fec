"""Export: what was written is read back, by other programs too, and from complete files only."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tampering import make_log, tampering

from museion.log.event import Event, EventId
from museion.log.event_store import DamagedEvent
from museion.log.exports.arrow_export import SCHEMA
from museion.log.exports.event_rows import event_id_text, full_row, iso_time, parse_event_id
from museion.log.exports.export import Exported, ExportFormat, JsonLines, export, writing
from museion.log.exports.plain_payload import plain_payload
from museion.log.exports.selection import Selection, last_events
from museion.log.lmdb_store import LmdbEventStore
from museion.log.vector_time import VectorTime

EVENTS = 1300
"""More than two batches of a walk."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "log"
    make_log(path, events=EVENTS)
    return path


@pytest.fixture
def store(folder: Path) -> Iterator[LmdbEventStore]:
    opened = LmdbEventStore(folder, writable=False)
    yield opened
    opened.close()


# --- files ---------------------------------------------------------------------------------------


def test_json_lines_hold_every_event_with_all_its_fields(store: LmdbEventStore) -> None:
    rows, done = _json_lines(store)

    events = store.read(limit=EVENTS)
    assert done == Exported(EVENTS, EVENTS)
    assert rows == [json.loads(msgspec.json.encode(full_row(event))) for event in events]
    assert rows[6]["payload"] == {"number": 7, "text": "ä" * 7}


@pytest.mark.parametrize("file_format", [ExportFormat.ARROW, ExportFormat.PARQUET])
def test_arrow_and_parquet_give_back_what_was_written(
    store: LmdbEventStore, tmp_path: Path, file_format: ExportFormat
) -> None:
    path = tmp_path / "events"
    with writing(path, file_format) as writer:
        export(store, writer)

    table = _read(path, file_format)
    events = store.read(limit=EVENTS)

    assert table.schema.names == SCHEMA.names
    assert table.schema.types == SCHEMA.types
    rows = table.to_pylist()
    assert [row["payload"] for row in rows] == [event.payload for event in events]
    assert [row["chain_digest"] for row in rows] == [event.chain_digest for event in events]
    assert [dict(row["vector_timestamp"]) for row in rows] == [
        event.vector_timestamp.times for event in events
    ]
    assert [row["destinations"] for row in rows] == [[*e.custom_destinations] for e in events]
    assert [row["time"].timestamp() * 1000 for row in rows] == pytest.approx(
        [event.system_time_ms for event in events]
    )
    assert json.loads(rows[6]["payload_json"]) == {"number": 7, "text": "ä" * 7}


@pytest.mark.parametrize("file_format", ExportFormat)
def test_an_export_of_nothing_is_a_file_without_events(
    store: LmdbEventStore, tmp_path: Path, file_format: ExportFormat
) -> None:
    path = tmp_path / "events"

    with writing(path, file_format) as writer:
        done = export(store, writer, Selection(after=EVENTS))

    assert done == Exported(0, EVENTS)
    if file_format is ExportFormat.JSONL:
        assert path.read_bytes() == b""
    else:
        assert _read(path, file_format).num_rows == 0


def test_an_export_that_fails_leaves_nothing_behind_and_the_old_file_whole(
    store: LmdbEventStore, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("old")

    with pytest.raises(OSError, match="no space"):
        _break_off(store, path)

    assert [each.name for each in tmp_path.iterdir()] == ["events.jsonl"]
    assert path.read_text() == "old"


def test_a_damaged_event_ends_an_export_and_is_named(tmp_path: Path) -> None:
    make_log(tmp_path / "log", events=20)
    with tampering(tmp_path / "log") as tables:
        tables.put_frame(7, tables.frame(7)[:-1])
    damaged = LmdbEventStore(tmp_path / "log", writable=False)
    out = io.BytesIO()

    with pytest.raises(DamagedEvent, match="Event 7 "):
        export(damaged, JsonLines(out))

    assert len(out.getvalue().splitlines()) == 6
    damaged.close()


# --- selection -----------------------------------------------------------------------------------


def test_exports_one_after_another_are_the_export_of_all(store: LmdbEventStore) -> None:
    whole, _ = _json_lines(store)
    parts: list[Any] = []
    after = 0
    for to in (1, 500, 512, 1200, None):
        rows, done = _json_lines(store, Selection(after=after, to=to))
        parts += rows
        after = done.last

    assert parts == whole
    assert after == EVENTS


def test_events_are_chosen_by_aggregate_and_by_type(store: LmdbEventStore) -> None:
    whole, _ = _json_lines(store)

    of_aggregate, _ = _json_lines(store, Selection(aggregate_id="extra-1"))
    of_types, _ = _json_lines(store, Selection(type_names=frozenset({"test.noted-1", "none"})))

    assert of_aggregate == [row for row in whole if "extra-1" in row["destinations"]]
    assert of_types == [row for row in whole if row["type"] == "test.noted-1"]
    assert of_aggregate
    assert of_types


@pytest.mark.parametrize("count", [0, 1, 10, 600, EVENTS, 2 * EVENTS])
def test_the_last_events_are_the_end_of_all(store: LmdbEventStore, count: int) -> None:
    found = last_events(store, count, Selection(), to=EVENTS)

    assert [each.sequence_nr for each in found] == [*range(max(1, EVENTS - count + 1), EVENTS + 1)]


def test_the_last_events_of_a_rare_kind_are_found_far_back(store: LmdbEventStore) -> None:
    whole, _ = _json_lines(store, Selection(aggregate_id="extra-0"))

    found = last_events(store, 50, Selection(aggregate_id="extra-0"), to=EVENTS)

    assert [each.sequence_nr for each in found] == [row["sequence_nr"] for row in whole[-50:]]


# --- payloads ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "form", "value"),
    [
        (b"", "empty", None),
        (msgspec.msgpack.encode({"a": [1, None, 2.5]}), "msgpack", {"a": [1, None, 2.5]}),
        (msgspec.msgpack.encode({"blob": b"\x00\xff"}), "msgpack", {"blob": "AP8="}),
        (msgspec.msgpack.encode({1: {b"k": "v"}}), "msgpack", {"1": {"aw==": "v"}}),
        (b'{"a": [1, 2]}', "json", {"a": [1, 2]}),
        (b"a picture", "text", "a picture"),
        ("Grüße,\nzwei Zeilen".encode(), "text", "Grüße,\nzwei Zeilen"),
        (b"{no json", "text", "{no json"),
        (b"7", "text", "7"),
        (b"\x00\x01\x02", "binary", "AAEC"),
        (b"\xff\xfe\xfd", "binary", "//79"),
        (b"\x81" * 5000, "binary", base64.b64encode(b"\x81" * 5000).decode()),
    ],
)
def test_a_payload_is_told_by_its_looks(payload: bytes, form: str, value: object) -> None:
    plain = plain_payload(_event(payload))

    assert (plain.form, plain.value) == (form, value)
    msgspec.json.encode(plain)


def test_an_extension_of_msgpack_is_shown_as_it_is() -> None:
    plain = plain_payload(_event(msgspec.msgpack.encode({"x": msgspec.msgpack.Ext(5, b"ab")})))

    assert plain.value == {"x": {"extension": 5, "content": "YWI="}}


def test_an_encrypted_payload_stays_as_it_is() -> None:
    event = msgspec.structs.replace(_event(b"{}"), subject_key_id="person-7")

    plain = plain_payload(event)

    assert (plain.form, plain.value) == ("encrypted", "e30=")


def test_an_event_id_is_one_word_that_leads_back_to_it() -> None:
    event_id = EventId("site:with:colons", 77)

    assert parse_event_id(event_id_text(event_id)) == event_id
    assert parse_event_id("77") is None
    assert parse_event_id(":77") is None
    assert parse_event_id("site:x") is None


def test_times_that_no_clock_gives_do_not_stop_an_export() -> None:
    assert iso_time(0) == "1970-01-01T00:00:00.000Z"
    assert iso_time(1 << 62) == "1970-01-01T00:00:00.000Z"


def _break_off(store: LmdbEventStore, path: Path) -> None:
    with writing(path, ExportFormat.JSONL) as writer:
        export(store, writer)
        raise OSError("no space")


def _json_lines(
    store: LmdbEventStore, selection: Selection | None = None
) -> tuple[list[dict[str, Any]], Exported]:
    out = io.BytesIO()
    done = export(store, JsonLines(out), selection)
    return [json.loads(line) for line in out.getvalue().splitlines()], done


def _read(path: Path, file_format: ExportFormat) -> Any:
    if file_format is ExportFormat.PARQUET:
        return pq.read_table(path)
    with pa.ipc.open_file(path) as file:
        return file.read_all()


def _event(payload: bytes) -> Event:
    return Event(
        "test.happened", 1, payload, "emitter", None, (), 0, VectorTime({"here": 1}), "here", "", 1
    )
