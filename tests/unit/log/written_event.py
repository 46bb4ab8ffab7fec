"""A written event for tests of payloads, as a log would hand it out."""

from __future__ import annotations

from msgspec.structs import replace

from museion.log.event import Event, NewEvent
from museion.log.vector_time import VectorTime


def written(new: NewEvent, **changes: object) -> Event:
    """Return a new event as event 7 of a log, with some fields changed afterwards."""
    event = Event(
        type_name=new.type_name,
        form=new.form,
        payload=new.payload,
        emitter_id=new.emitter_id,
        aggregate_id=new.aggregate_id,
        custom_destinations=new.destinations,
        system_time_ms=1_700_000_000_000,
        vector_timestamp=new.vector_timestamp.advance("here", 7),
        process_id="here",
        log_id="here",
        sequence_nr=7,
        cause=new.cause,
        delivery_id=new.delivery_id,
        subject_key_id=new.subject_key_id,
    )
    return replace(event, **changes)


def written_as(type_name: str, payload: bytes, *, form: int = 1) -> Event:
    """Return a written event with these bytes as its payload."""
    new = NewEvent(type_name=type_name, payload=payload, emitter_id="emitter", form=form)
    return written(new, vector_timestamp=VectorTime({"here": 7}))
