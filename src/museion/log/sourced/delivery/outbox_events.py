"""What a reliable channel writes to the log; stored forms, held by `tests/compat`."""

from __future__ import annotations

import msgspec

from museion.log.event_types import EventTypes, event_type
from museion.log.sourced.delivery.redelivery import DeliveryKey

__all__ = [
    "CHANNEL_EVENTS",
    "DeliveryStopped",
    "MessagesConfirmed",
    "MessagesDropped",
    "MessagesEnqueued",
]


@event_type("museion.outbox-enqueued")
class MessagesEnqueued(msgspec.Struct, frozen=True):
    """Messages wait to go out together, in order, under one confirmation.

    Attributes:
        messages: encoded, at least one.
        cause: what the sender said that they follow from.
    """

    messages: tuple[bytes, ...]
    cause: DeliveryKey | None = None


@event_type("museion.outbox-confirmed")
class MessagesConfirmed(msgspec.Struct, frozen=True):
    """The messages of an enqueuing event have arrived, and all before them."""

    sequence_nr: int
    attempts: int


@event_type("museion.outbox-stopped")
class DeliveryStopped(msgspec.Struct, frozen=True):
    """A channel gave up for now: the messages of this enqueuing event do not go out."""

    sequence_nr: int
    attempts: int
    reason: str


@event_type("museion.outbox-dropped")
class MessagesDropped(msgspec.Struct, frozen=True):
    """Somebody decided that the messages of an enqueuing event are not delivered any more."""

    sequence_nr: int
    reason: str


CHANNEL_EVENTS = EventTypes(MessagesEnqueued, MessagesConfirmed, DeliveryStopped, MessagesDropped)
"""What a reliable channel writes; immutable."""
