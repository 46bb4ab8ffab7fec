"""Writes events as Arrow and Parquet; needs the extra `museion[arrow]`."""

from __future__ import annotations

from typing import IO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from museion.log.event import Event
from museion.log.exports.event_rows import event_id_text
from museion.log.exports.plain_payload import plain_payload

_MAX_ROWS = 8192
_MAX_BYTES = 16 << 20
"""A row group is written when it holds so many events or payload bytes."""

SCHEMA = pa.schema(
    [
        pa.field("sequence_nr", pa.int64(), nullable=False),
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("origin_time", pa.int64(), nullable=False),
        pa.field("time", pa.timestamp("ms", "UTC"), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("form", pa.int32(), nullable=False),
        pa.field("aggregate_id", pa.string()),
        pa.field("destinations", pa.list_(pa.string()), nullable=False),
        pa.field("emitter_id", pa.string(), nullable=False),
        pa.field("vector_timestamp", pa.map_(pa.string(), pa.int64()), nullable=False),
        pa.field("cause", pa.string()),
        pa.field("delivery_id", pa.string()),
        pa.field("subject_key_id", pa.string()),
        pa.field("chain_digest", pa.binary()),
        pa.field("payload", pa.binary(), nullable=False),
        pa.field("payload_form", pa.string(), nullable=False),
        pa.field("payload_json", pa.string()),
    ]
)
"""The columns; names and types are stable, new ones come at the end."""

_JSON = msgspec.json.Encoder()
_OPAQUE = frozenset({"binary", "encrypted", "empty"})


class ArrowRows:
    """Writes an Arrow file (IPC, random access) or a Parquet file, in groups of rows."""

    def __init__(self, file: IO[bytes], *, parquet: bool) -> None:
        self._writer = pq.ParquetWriter(file, SCHEMA) if parquet else pa.ipc.new_file(file, SCHEMA)
        self._rows: list[tuple[object, ...]] = []
        self._size_bytes = 0

    def write(self, event: Event) -> None:
        """Take one event; write when a group is full."""
        self._rows.append(_row(event))
        self._size_bytes += len(event.payload)
        if len(self._rows) >= _MAX_ROWS or self._size_bytes >= _MAX_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the rest and the end of the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        arrays = [pa.array(column, each.type) for column, each in zip(columns, SCHEMA, strict=True)]
        self._writer.write_batch(pa.record_batch(arrays, schema=SCHEMA))
        self._rows.clear()
        self._size_bytes = 0


def _row(event: Event) -> tuple[object, ...]:
    payload = plain_payload(event)
    as_json = None if payload.form in _OPAQUE else _JSON.encode(payload.value).decode()
    return (
        event.sequence_nr,
        event_id_text(event.id),
        event.process_id,
        event.id.time,
        event.system_time_ms,
        event.type_name,
        event.form,
        event.aggregate_id,
        list(event.custom_destinations),
        event.emitter_id,
        list(event.vector_timestamp.times.items()),
        None if event.cause is None else event_id_text(event.cause),
        event.delivery_id,
        event.subject_key_id,
        event.chain_digest,
        event.payload,
        payload.form,
        as_json,
    )
