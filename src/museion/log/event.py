"""The envelope of an event, before and after the log has written it.

The payload is opaque to the log: bytes with a stable type name and a form number, so that a site
can store and relay events whose types it does not know. Field order is the stored form: fields are
only ever added at the end, with a default. None of these structs can be part of a cycle, so the
garbage collector need not look at them (`gc=False`): a replay makes millions.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from museion.base.errors import InvalidInput
from museion.log.vector_time import VectorTime

UNWRITTEN = 0
"""Local sequence number of an event that no log has written yet."""

MAX_NUMBER = (1 << 64) - 1
"""Largest number that is stored: of a form, a time, or an entry of a vector time."""

MAX_TIME = 1 << 62
"""Largest entry of a vector time; a log that heard of it has as many numbers left for its own.

What a log hears, it counts on from: an entry near the largest number would stop it for good.
"""

DIGEST_BYTES = 32

MAX_NAME_BYTES = 511
"""Longest type name, id or name of a reader, in UTF-8: what every store takes as a key."""


class InvalidEvent(InvalidInput):
    """An event, or the progress beside it, is not of a kind that a log can write."""

    def __init__(self, expected: str, found: object) -> None:
        super().__init__(f"Expected {expected}, got {found!r:.200}.")


class EventId(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The identity of an event, the same at every site and after any re-replication."""

    process_id: str
    time: int


class NewEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event that asks to be written.

    Attributes:
        type_name: stable written name of the payload's type.
        form: number of the payload's stored form, counted from 1.
        payload: encoded domain part.
        emitter_id: the aggregate or processor that emits it.
        aggregate_id: the aggregate whose history it belongs to; replay by aggregate finds it.
        destinations: further aggregates whose replay shall find it.
        vector_timestamp: merge of the stamps of the events that the emitter handled.
        cause: the event that led to this one.
        delivery_id: the delivery that this event confirms.
        subject_key_id: the key that encrypts the payload; destroying it erases the payload.
    """

    type_name: str
    payload: bytes
    emitter_id: str
    form: int = 1
    aggregate_id: str | None = None
    destinations: tuple[str, ...] = ()
    vector_timestamp: VectorTime = VectorTime()
    cause: EventId | None = None
    delivery_id: str | None = None
    subject_key_id: str | None = None


def require_writable(event: NewEvent, known: set[str]) -> None:
    """Check what a type checker cannot; one bad event must not fail the others of its group.

    Args:
        known: names that were found good before; those of this event are added.

    Raises:
        InvalidEvent: a name or id is not 1 to `MAX_NAME_BYTES` bytes of UTF-8, the payload is not
            bytes, or a number cannot be stored.
    """
    _require_content(event, event.destinations, known)


def require_relayable(event: Event, known: set[str]) -> None:
    """Check an event of another log, so that a bad one cannot stop this log or harm what it holds.

    Raises:
        InvalidEvent: as `require_writable`; or its origin, time or digest are of no written event.
    """
    _require_content(event, event.custom_destinations, known)
    if not 0 <= event.system_time_ms <= MAX_NUMBER:
        _require_number("a system time in milliseconds", event.system_time_ms)
    origin = event.process_id  # an entry of the vector time, so its name was checked with these
    if not event.vector_timestamp.times.get(origin, 0):
        require_name(origin)
        raise InvalidEvent("a vector timestamp with an entry of its origin", event.vector_timestamp)
    digest = event.chain_digest
    if digest is not None and len(digest) != DIGEST_BYTES:
        raise InvalidEvent(f"a chain digest of {DIGEST_BYTES} bytes", digest)


def _require_content(event: NewEvent | Event, further: tuple[str, ...], known: set[str]) -> None:
    if isinstance(further, str):  # it would pass for as many names as it has letters
        raise InvalidEvent("a tuple of names as destinations", further)
    for name in (
        event.type_name,
        event.emitter_id,
        event.aggregate_id,
        event.delivery_id,
        event.subject_key_id,
        *further,
    ):
        if name is not None and name not in known:
            require_name(name)
            known.add(name)
    if not isinstance(event.payload, bytes):
        raise InvalidEvent("a payload of bytes", event.payload)
    if not 0 <= event.form <= MAX_NUMBER:
        _require_number("the number of a form", event.form)
    for process_id, time in event.vector_timestamp.times.items():
        if process_id not in known:
            require_name(process_id)
            known.add(process_id)
        if not 0 <= time <= MAX_TIME:
            raise InvalidEvent(f"an entry of a vector time, from 0 to {MAX_TIME}", time)
    if event.cause is not None:
        require_name(event.cause.process_id)
        _require_number("the time of a cause", event.cause.time)


def _require_number(what: str, number: int) -> None:
    if not 0 <= number <= MAX_NUMBER:
        raise InvalidEvent(f"{what}, from 0 to {MAX_NUMBER}", number)


def require_name(name: object) -> None:
    """Check a name that a store uses as a key. Raises `InvalidEvent`."""
    try:
        size_bytes = len(name.encode()) if isinstance(name, str) else 0
    except UnicodeEncodeError:
        size_bytes = 0
    if not 1 <= size_bytes <= MAX_NAME_BYTES:
        raise InvalidEvent(f"a name of 1 to {MAX_NAME_BYTES} bytes of UTF-8", name)


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A written event. Only `log_id` and `sequence_nr` may differ between replicas.

    Attributes:
        process_id: the log that wrote it first.
        log_id: the log it was read from.
        sequence_nr: position in that log, from 1.
        system_time_ms: wall clock of the first write, milliseconds since 1970 UTC.
        vector_timestamp: its causal past, and its own time at `process_id`.
        cause: the event that led to this one.
        delivery_id: the delivery that this event confirms.
        chain_digest: digest over this event and the chain digest of the one before it from the
            same origin (`log.chain`); None in events that form 1 of the store wrote.
        subject_key_id: the key that encrypts the payload, None where it is plain.
    """

    type_name: str
    form: int
    payload: bytes
    emitter_id: str
    aggregate_id: str | None
    custom_destinations: tuple[str, ...]
    system_time_ms: int
    vector_timestamp: VectorTime
    process_id: str
    log_id: str
    sequence_nr: int
    cause: EventId | None = None
    delivery_id: str | None = None
    chain_digest: bytes | None = None
    subject_key_id: str | None = None

    @property
    def id(self) -> EventId:
        """The identity that survives loss and re-replication of a log."""
        return EventId(self.process_id, self.vector_timestamp.local_time(self.process_id))

    @property
    def destinations(self) -> frozenset[str]:
        """All aggregates whose replay finds this event."""
        own = () if self.aggregate_id is None else (self.aggregate_id,)
        return frozenset((*self.custom_destinations, *own))


class Relation(IntEnum):
    """How two distinct events relate."""

    BEFORE = -1
    CONCURRENT = 0
    AFTER = 1


def relation(first: Event, second: Event) -> Relation:
    """Tell whether `first` happened before, after, or concurrently with `second`."""
    if first.vector_timestamp < second.vector_timestamp:
        return Relation.BEFORE
    if second.vector_timestamp < first.vector_timestamp:
        return Relation.AFTER
    return Relation.CONCURRENT
