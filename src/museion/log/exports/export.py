"""Export of a log as JSON lines, Arrow or Parquet, event by event, for other programs.

Columns of Arrow and Parquet, in this order:

    sequence_nr int64, event_id string, origin string, origin_time int64, time timestamp[ms, UTC],
    type string, form int32, aggregate_id string, destinations list<string>, emitter_id string,
    vector_timestamp map<string, int64>, cause string, delivery_id string, subject_key_id string,
    chain_digest binary, payload binary, payload_form string, payload_json string

`payload` is as it was written; `payload_json` is null where the payload is binary or encrypted.
JSON lines have the keys of `museion log show --json`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, Protocol

import msgspec

from museion.base.errors import Unavailable
from museion.log.event import Event
from museion.log.event_store import EventStore
from museion.log.exports.event_rows import full_row
from museion.log.exports.selection import Selection, selected

_OTHER_LINE_ENDS = tuple(
    (each.encode(), f"\\u{ord(each):04x}".encode()) for each in ("\x85", "\u2028", "\u2029")
)


class ExportFormat(StrEnum):
    """How the file is written."""

    JSONL = "jsonl"
    ARROW = "arrow"
    PARQUET = "parquet"


class Exported(msgspec.Struct, frozen=True):
    """What an export wrote.

    Attributes:
        last: the export covers the log up to this number; a later one goes on `after` it.
    """

    events: int
    last: int


class ArrowMissing(Unavailable):
    """The Python package that writes Arrow and Parquet is not there."""

    lasting = True

    def __init__(self) -> None:
        super().__init__(
            "Export to Arrow and Parquet needs the package pyarrow.",
            remedy="Run: pip install 'museion[arrow]', or export to jsonl.",
        )


class EventWriter(Protocol):
    """Writes events to a file; complete after `close`."""

    def write(self, event: Event) -> None:
        """Take one event; may hold it back for a while, in bounded memory."""

    def close(self) -> None:
        """Write what was held back and the end of the file."""


class JsonLines:
    """One JSON object a line; no program that reads line by line finds other line ends in it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._encoder = msgspec.json.Encoder()

    def write(self, event: Event) -> None:
        """Write one line."""
        line = self._encoder.encode(full_row(event))
        for rare, escape in _OTHER_LINE_ENDS:
            line = line.replace(rare, escape)
        self._file.write(line + b"\n")

    def close(self) -> None:
        """Hand over what the file holds back."""
        self._file.flush()


def export(
    store: EventStore,
    writer: EventWriter,
    selection: Selection | None = None,
    *,
    on_event: Callable[[int], None] = lambda sequence_nr: None,
) -> Exported:
    """Write the selected events in the order of the log, and close the writer.

    Memory does not grow with the log. What is appended meanwhile is left out.

    Args:
        on_event: called with the number reached, every few hundred events.

    Raises:
        DamagedEvent: an event is damaged; what stands before it is written.
        ReadFailed: the store cannot be read.
    """
    chosen = selection or Selection()
    end = store.recover().sequence_nr
    last = end if chosen.to is None else min(chosen.to, end)
    count = 0
    for event in selected(store, chosen, to=last, on_event=on_event):
        writer.write(event)
        count += 1
    writer.close()
    return Exported(count, max(last, chosen.after))


@contextmanager
def writing(path: Path, export_format: ExportFormat) -> Iterator[EventWriter]:
    """Open a writer for a file that appears under its name only when the export is complete.

    A file of that name is replaced then. When the `with` statement ends with an error, nothing is
    left behind.

    Raises:
        ArrowMissing: the format needs pyarrow, which is not installed.
        OSError: the file cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield writer_for(file, export_format)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def writer_for(file: IO[bytes], export_format: ExportFormat) -> EventWriter:
    """Return a writer into an open file. Raises `ArrowMissing`."""
    if export_format is ExportFormat.JSONL:
        return JsonLines(file)
    try:
        from museion.log.exports.arrow_export import ArrowRows
    except ModuleNotFoundError as reason:
        raise ArrowMissing from reason
    return ArrowRows(file, parquet=export_format is ExportFormat.PARQUET)
