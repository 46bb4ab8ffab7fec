"""An event that a device wrote without a line, and how it is found again in the log of a site.

A device has no entry in vector times. Its events become events of the site that takes them in: the
emitter is `device:<id>`, and the delivery id holds what else must not get lost (`DeviceMark`): the
device's own count, a digest over its history, its direct predecessors, and its wall clock.
"""

from __future__ import annotations

import hashlib
from typing import Annotated
from urllib.parse import quote, unquote

import msgspec
from msgspec import Meta

from museion.log.event import MAX_NAME_BYTES, Event, EventId, NewEvent, require_name
from museion.log.replication.devices.device_errors import InvalidDeviceEvent
from museion.log.vector_time import VectorTime

EMITTER = "device:"
"""Prefix of the emitter of a device's events, and of the aggregate that finds all of them."""

RETIRED = "museion.device-retired"
"""Type name of the event that ends a device."""

START = ""
"""What the first event of a device is chained to."""

_DIGEST_BYTES = 8  # against copies and backups, not against an attacker: 16 letters an event

Count = Annotated[int, Meta(ge=1)]


class DeviceEventId(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """The identity of a device's event, the same in every copy that any site made of it."""

    device_id: str
    count: int


class DeviceEvent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event as a device keeps and sends it. Fields are only ever added at the end.

    Attributes:
        count: which event of its device it is, from 1, without gaps.
        after: own events that led to it, by count: direct predecessors only.
        after_events: events of sites that led to it.
        seen: merge of the stamps of all events of sites that led to this or to earlier events of
            the device; empty where it is the same as in the event before.
        device_time_ms: wall clock of the device, milliseconds since 1970. Shown to people; nothing
            is ordered by it.
    """

    count: Count
    type_name: str
    payload: bytes
    aggregate_id: str | None = None
    form: int = 1
    after: tuple[Count, ...] = ()
    after_events: tuple[EventId, ...] = ()
    seen: VectorTime = VectorTime()
    device_time_ms: int = 0
    destinations: tuple[str, ...] = ()


class DeviceMark(msgspec.Struct, frozen=True):
    """What a site's event tells of the device's event in it.

    Attributes:
        digest: over this and all earlier events of the device.
    """

    device_id: str
    count: int
    digest: str
    after: tuple[int, ...] = ()
    after_events: tuple[EventId, ...] = ()
    device_time_ms: int = 0

    @property
    def id(self) -> DeviceEventId:
        """The identity of the device's event."""
        return DeviceEventId(self.device_id, self.count)


def emitter_of(device_id: str) -> str:
    """Return the emitter id of a device's events; also the aggregate that finds all of them."""
    return EMITTER + device_id


def next_digest(previous: str, event: DeviceEvent) -> str:
    """Return the digest of a device's history with one more event."""
    content = previous.encode() + msgspec.msgpack.encode(event)
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def require_device_event(device_id: str, event: DeviceEvent) -> None:
    """Check what a type checker cannot, so that one bad event cannot block a site.

    Raises:
        InvalidDeviceEvent: it names itself or a later one as its predecessor, or so many that they
            cannot be kept with it; or a number or time is out of range.
        InvalidEvent: a name cannot be stored.
    """
    if any(count >= event.count for count in event.after):
        raise InvalidDeviceEvent(f"predecessors below {event.count}", event.after)
    if event.device_time_ms < 0:
        raise InvalidDeviceEvent("a time of 0 or more", event.device_time_ms)
    size_bytes = len(_mark_text(event, "0" * 2 * _DIGEST_BYTES))
    if size_bytes > MAX_NAME_BYTES:
        raise InvalidDeviceEvent(
            f"few enough predecessors for {MAX_NAME_BYTES} bytes; name only the direct ones",
            len(event.after) + len(event.after_events),
        )
    names = (emitter_of(device_id), event.type_name, event.aggregate_id, *event.destinations)
    for name in names:
        if name is not None:
            require_name(name)


def to_new_event(device_id: str, event: DeviceEvent, digest: str, stamp: VectorTime) -> NewEvent:
    """Return the event that a site writes for one of a device."""
    return NewEvent(
        type_name=event.type_name,
        form=event.form,
        payload=event.payload,
        emitter_id=emitter_of(device_id),
        aggregate_id=event.aggregate_id,
        destinations=(*event.destinations, emitter_of(device_id)),
        vector_timestamp=stamp,
        cause=event.after_events[0] if event.after_events else None,
        delivery_id=_mark_text(event, digest),
    )


def device_mark(event: Event) -> DeviceMark | None:
    """Return what an event tells of the device that wrote it, None for events of sites."""
    if not event.emitter_id.startswith(EMITTER) or event.delivery_id is None:
        return None
    parts = event.delivery_id.split(" ")
    if len(parts) != 5 or not parts[0].isdecimal() or not parts[2].isdecimal():
        return None
    return DeviceMark(
        event.emitter_id.removeprefix(EMITTER),
        int(parts[0]),
        parts[1],
        tuple(int(count) for count in parts[3].split(",") if count.isdecimal()),
        tuple(_id_of(text) for text in parts[4].split(",") if "@" in text),
        int(parts[2]),
    )


def _mark_text(event: DeviceEvent, digest: str) -> str:
    own = ",".join(str(count) for count in event.after)
    others = ",".join(f"{each.time}@{quote(each.process_id)}" for each in event.after_events)
    return f"{event.count} {digest} {event.device_time_ms} {own} {others}"


def _id_of(text: str) -> EventId:
    time, _, process_id = text.partition("@")
    return EventId(unquote(process_id), int(time))
