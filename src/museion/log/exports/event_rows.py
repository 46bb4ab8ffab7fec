"""Events as flat rows of plain values, for JSON and tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeAlias

from museion.log.event import Event, EventId
from museion.log.exports.plain_payload import plain_payload

Row: TypeAlias = dict[str, object]


def brief_row(event: Event) -> Row:
    """Return what one line about an event tells."""
    return {
        "sequence_nr": event.sequence_nr,
        "event_id": event_id_text(event.id),
        "time": iso_time(event.system_time_ms),
        "type": event.type_name,
        "form": event.form,
        "aggregate_id": event.aggregate_id,
        "emitter_id": event.emitter_id,
        "size_bytes": len(event.payload),
    }


def full_row(event: Event) -> Row:
    """Return everything about an event, its payload as `plain_payload` tells it."""
    payload = plain_payload(event)
    digest = event.chain_digest
    return brief_row(event) | {
        "log_id": event.log_id,
        "destinations": sorted(event.custom_destinations),
        "vector_timestamp": event.vector_timestamp.times,
        "cause": None if event.cause is None else event_id_text(event.cause),
        "delivery_id": event.delivery_id,
        "subject_key_id": event.subject_key_id,
        "chain_digest": None if digest is None else digest.hex(),
        "payload_form": payload.form,
        "payload": payload.value,
    }


def event_id_text(event_id: EventId) -> str:
    """Return an event id as one word, `ORIGIN:TIME`."""
    return f"{event_id.process_id}:{event_id.time}"


def parse_event_id(text: str) -> EventId | None:
    """Return the event id that a text of `event_id_text` names, None where it names none."""
    process_id, _, time = text.rpartition(":")
    if not process_id or not (time.isascii() and time.isdigit()):
        return None
    return EventId(process_id, int(time))


def iso_time(time_ms: int) -> str:
    """Return a time in ISO 8601, UTC; events keep milliseconds."""
    return _time(time_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_time(time_ms: int) -> str:
    """Return a time of this machine's zone for people."""
    return _time(time_ms).astimezone().isoformat(" ", "milliseconds")[:23]


def _time(time_ms: int) -> datetime:
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):  # a stamp that no clock of ours has given
        return datetime.fromtimestamp(0, UTC)
