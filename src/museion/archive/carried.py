"""Events that others carry within them: a history that is handed on in one piece."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from museion.archive.events import AssetDisclosed, payload_as, type_name
from museion.log.event import Event
from museion.log.replication.protocol import WireEvent
from museion.log.replication.wire import UnusableEvent, from_wire

_DISCLOSED = type_name(AssetDisclosed)


def carried(event: Event) -> Sequence[Event]:
    """Return the events that an event stands for, causes first; mostly just itself.

    All that follow the log look at these. Carried events keep their origin and stamp, and have the
    log id and sequence number of the event that carries them. Some may have been met before. What
    cannot be read as an event is left out.
    """
    if event.type_name != _DISCLOSED:
        return (event,)
    told = payload_as(event, AssetDisclosed)
    found = (_within(envelope, event) for envelope in told.history)
    return tuple(each for each in found if each is not None)


def _within(envelope: bytes, carrier: Event) -> Event | None:
    try:
        event = from_wire(WireEvent(envelope))
    except UnusableEvent:
        return None
    return replace(event, log_id=carrier.log_id, sequence_nr=carrier.sequence_nr)
