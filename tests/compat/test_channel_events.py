"""What channels and deliveries store outlives the program that wrote it.

The bytes below were written once and are never changed: a version that reads them otherwise, or
writes the present form otherwise, has broken the outboxes that exist. A new form gets new lines.
"""

from __future__ import annotations

import pytest

from museion.base.codec import decode, encode
from museion.log.event import Event
from museion.log.event_types import EventTypes, written_name
from museion.log.sourced.delivery.channels import CONFIRMATIONS, DeliveryConfirmed
from museion.log.sourced.delivery.outbox_events import (
    CHANNEL_EVENTS,
    DeliveryStopped,
    MessagesConfirmed,
    MessagesDropped,
    MessagesEnqueued,
)
from museion.log.sourced.delivery.redelivery import DeliveryKey
from museion.log.sourced.delivery.unconfirmed import StoredDelivery, Unconfirmed
from museion.log.vector_time import VectorTime

EVENTS = [
    (
        MessagesEnqueued((b"\xa1a",)),
        "museion.outbox-enqueued",
        "82a86d6573736167657391c402a161a56361757365c0",
    ),
    (
        MessagesEnqueued((b"\xa1a", b"\xa1b"), DeliveryKey(7, 1)),
        "museion.outbox-enqueued",
        "82a86d6573736167657392c402a161c402a162a56361757365920701",
    ),
    (
        MessagesConfirmed(5, attempts=2),
        "museion.outbox-confirmed",
        "82ab73657175656e63655f6e7205a8617474656d70747302",
    ),
    (
        DeliveryStopped(5, attempts=36, reason="the line is down"),
        "museion.outbox-stopped",
        "83ab73657175656e63655f6e7205a8617474656d70747324a6726561736f6eb0746865206c696e6520697320"
        "646f776e",
    ),
    (
        MessagesDropped(5, "spoiled"),
        "museion.outbox-dropped",
        "82ab73657175656e63655f6e7205a6726561736f6ea773706f696c6564",
    ),
    (DeliveryConfirmed(DeliveryKey(7, 1)), "museion.channel-confirmed", "81a36b6579920701"),
]
DELIVERIES = "919296a76f726465722d37a4706f737492070103c3a46c6f7374c40a81a46974656da3746561"
"""The deliveries in a snapshot, form 1."""


@pytest.mark.parametrize(("payload", "name", "golden"), EVENTS)
def test_the_bytes_of_channel_events_stay(payload: object, name: str, golden: str) -> None:
    types = CONFIRMATIONS if isinstance(payload, DeliveryConfirmed) else CHANNEL_EVENTS
    new = types.encode(payload, emitter_id="out")
    assert (new.type_name, new.form, new.payload.hex()) == (name, 1, golden)
    assert types.decode_known(_written(name, bytes.fromhex(golden))) == (payload,)


def test_every_channel_event_has_golden_bytes() -> None:
    written = {written_name(kind) for kind in (*CHANNEL_EVENTS.kinds, *CONFIRMATIONS.kinds)}
    assert written == {(name, 1) for _, name, _ in EVENTS}


def test_a_site_that_does_not_know_channels_relays_their_events() -> None:
    for _, name, golden in EVENTS:
        (unknown,) = EventTypes().decode(_written(name, bytes.fromhex(golden)))
        assert bytes.fromhex(golden) in {getattr(unknown, "payload", None)}


def test_the_bytes_of_deliveries_in_snapshots_stay() -> None:
    waiting = Unconfirmed("order-7", "post", DeliveryKey(7, 1), 3, True, "lost")
    deliveries = [StoredDelivery(waiting, b"\x81\xa4item\xa3tea")]
    assert encode(deliveries).hex() == DELIVERIES
    assert decode(bytes.fromhex(DELIVERIES), list[StoredDelivery]) == deliveries


def _written(name: str, payload: bytes) -> Event:
    return Event(
        type_name=name,
        form=1,
        payload=payload,
        emitter_id="out",
        aggregate_id="out",
        custom_destinations=(),
        system_time_ms=0,
        vector_timestamp=VectorTime({"here": 1}),
        process_id="here",
        log_id="here",
        sequence_nr=1,
    )
