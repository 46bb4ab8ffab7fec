"""What an aggregate knows of a delivery that waits for its confirmation, and what can go wrong."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from museion.base.errors import InvalidInput, NotFound, Unavailable
from museion.log.sourced.delivery.redelivery import DeliveryKey

__all__ = [
    "NoSuchDelivery",
    "NotInEventHandler",
    "StoredDelivery",
    "TooManyUnconfirmed",
    "Unconfirmed",
    "UnknownDestination",
]


class Unconfirmed(msgspec.Struct, frozen=True, array_like=True):
    """A delivery that waits for its confirmation; fields are only ever added, with a default.

    Attributes:
        attempts: how many began; counted anew after a recovery without a snapshot.
        parked: it is not tried any more, until `retry`.
        reason: why the last attempt failed; empty before the first has.
    """

    delivery_id: str
    destination: str
    key: DeliveryKey
    attempts: int = 0
    parked: bool = False
    reason: str = ""


class TooManyUnconfirmed(Unavailable):
    """An aggregate has as many unconfirmed deliveries as its policy allows."""

    def __init__(self, max_unconfirmed: int) -> None:
        super().__init__(
            f"Expected at most {max_unconfirmed} unconfirmed deliveries, got one more.",
            remedy="Wait for confirmations, or retry or drop what is parked.",
        )


class NoSuchDelivery(NotFound):
    """A delivery is not, or no longer, unconfirmed."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(f"There is no unconfirmed delivery {delivery_id!r}.")


class NotInEventHandler(InvalidInput):
    """A delivery was asked for outside of an event handler; it would be lost at a recovery."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(
            f"Delivery {delivery_id!r} was asked for outside of an event handler.",
            remedy="Persist an event, and deliver in its handler.",
        )


class UnknownDestination(InvalidInput):
    """A delivery goes to a destination that the aggregate did not declare."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(
            f"Expected one of the declared destinations ({', '.join(sorted(known))}), got {name!r}."
        )


class StoredDelivery(msgspec.Struct, frozen=True, array_like=True):
    """An unconfirmed delivery in a snapshot, with its encoded message."""

    waiting: Unconfirmed
    message: bytes
