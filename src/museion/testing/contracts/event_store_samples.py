"""Events, batches and readings that the contract of event stores is tried with."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from museion.log.chain import START, next_digest
from museion.log.event import Event, EventId
from museion.log.event_store import EventStore, WriteBatch
from museion.log.frame import envelope_of, frame_of
from museion.log.vector_time import VectorTime

ALL = 1_000
"""A limit above all that a test writes."""


def stored_event(
    number: int,
    *,
    aggregate_id: str | None = None,
    destinations: tuple[str, ...] = (),
    payload: bytes = b"payload",
    log_id: str = "here",
    process_id: str | None = None,
) -> Event:
    """Return an event as a log hands it to its store.

    Args:
        number: sequence number, and its own time at the log that wrote it first.
        process_id: the log that wrote it first; the log itself unless it is given.
    """
    origin = process_id or log_id
    return chained(
        Event(
            type_name="test.happened",
            form=1,
            payload=payload,
            emitter_id="emitter",
            aggregate_id=aggregate_id,
            custom_destinations=destinations,
            system_time_ms=1_700_000_000_000 + number,
            vector_timestamp=VectorTime({origin: number}),
            process_id=origin,
            log_id=log_id,
            sequence_nr=number,
        )
    )


def full_event(number: int) -> Event:
    """Return a replicated event in which every field has a value of its own."""
    return chained(
        Event(
            type_name="archive.ünïcode",
            form=7,
            payload=bytes(range(256)),
            emitter_id="emitter",
            aggregate_id="asset",
            custom_destinations=("one", "two"),
            system_time_ms=1_700_000_000_123,
            vector_timestamp=VectorTime({"here": 5, "there": 2**63}),
            process_id="there",
            log_id="here",
            sequence_nr=number,
            cause=EventId("there", 3),
            delivery_id="delivery",
            subject_key_id="key",
        )
    )


def chained(event: Event) -> Event:
    """Return an event with a chain digest, as if it were the first of its origin."""
    return replace(event, chain_digest=next_digest(START, envelope_of(event)))


def batch(*events: Event, **progress: int) -> WriteBatch:
    """Return a batch to write."""
    return WriteBatch(events, progress, [frame_of(event) for event in events])


def held_by(store: EventStore, *events: Event) -> list[Event]:
    """Return events as the log of a store reads them: under its own log id."""
    log_id = store.recover().log_id
    return [replace(event, log_id=log_id) for event in events]


def numbers(events: Sequence[Event]) -> list[int]:
    """Return the sequence numbers of events."""
    return [event.sequence_nr for event in events]


def heads(*events: Event) -> dict[str, bytes]:
    """Return the chain digest of the last event of each origin."""
    return {event.process_id: event.chain_digest or b"" for event in events}
