"""What the pure CRDTs of one type write into the log, and under which names."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from museion.log.event_types import EventTypes, event_type, tag


@event_type("museion.pure-operated")
class Operated(msgspec.Struct, frozen=True):
    """An operation on an instance was written.

    Attributes:
        operation: its msgpack form; the type of the CRDT knows it.
    """

    instance_id: str
    operation: msgspec.Raw


@event_type("museion.pure-acknowledged")
class Acknowledged(msgspec.Struct, frozen=True):
    """A location told what it has; the stamp of the event says it."""


@event_type("museion.pure-location-admitted")
class LocationAdmitted(msgspec.Struct, frozen=True):
    """A location takes part from here on; it writes only when it has this event."""

    location: str


@event_type("museion.pure-location-retired")
class LocationRetired(msgspec.Struct, frozen=True):
    """A location has left for good; from here on nobody takes anything from it."""

    location: str


PureEvent: TypeAlias = Operated | Acknowledged | LocationAdmitted | LocationRetired

PURE_EVENTS = EventTypes(Operated, Acknowledged, LocationAdmitted, LocationRetired)


def shared_tag(type_name: str) -> str:
    """Return the tag under which all events of one CRDT type are found in a log."""
    return tag(f"pure-crdt:{type_name}")


def aggregate_id_of(type_name: str, instance_id: str) -> str:
    """Return the aggregate that an instance is; instances of two types never share one."""
    return f"{type_name}:{instance_id}"
