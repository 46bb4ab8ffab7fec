"""What pure CRDTs write outlives the program that wrote it.

The bytes below were written once and are never changed: a version that reads them otherwise, or
writes the present form otherwise, has broken the logs that exist. A new form gets new lines.
"""

from __future__ import annotations

import msgspec
import pytest

from museion.log.crdt.counter import Count
from museion.log.crdt.pure.add_wins_set import Add, PureAddWinsSet, Remove
from museion.log.crdt.pure.cart import Put
from museion.log.crdt.pure.multi_value import Assign
from museion.log.crdt.pure.pure_crdt import Clear
from museion.log.crdt.pure.pure_events import (
    PURE_EVENTS,
    Acknowledged,
    LocationAdmitted,
    LocationRetired,
    Operated,
    aggregate_id_of,
    shared_tag,
)
from museion.log.crdt.pure.replica import Replica
from museion.log.event import Event
from museion.log.event_types import written_name
from museion.log.vector_time import VectorTime

OPERATIONS = [
    (Count(3), "82a474797065a5636f756e74a2627903"),
    (Clear(), "81a474797065a5636c656172"),
    (Add("x"), "82a474797065a3616464a7656c656d656e74a178"),
    (Remove("x"), "82a474797065a672656d6f7665a7656c656d656e74a178"),
    (Put("x", 2), "83a474797065a3707574a46974656da178a87175616e7469747902"),
    (Assign("x"), "82a474797065a661737369676ea576616c7565a178"),
]
EVENTS = [
    (
        Operated("set", msgspec.Raw(msgspec.msgpack.encode(Add("x")))),
        "museion.pure-operated",
        "82ab696e7374616e63655f6964a3736574a96f7065726174696f6e82a474797065a3616464a7656c"
        "656d656e74a178",
    ),
    (Acknowledged(), "museion.pure-acknowledged", "80"),
    (LocationAdmitted("d"), "museion.pure-location-admitted", "81a86c6f636174696f6ea164"),
    (LocationRetired("d"), "museion.pure-location-retired", "81a86c6f636174696f6ea164"),
]
SNAPSHOT = (
    "86a8666f756e6465727392a161a162a973746162696c69747985a56c6f63616ca161a96c6f636174696f6e7392"
    "a161a162a5686561726480a77265746972656480a47365656e9181a16102a76170706c6965649180a66e657765"
    "73749181a16102a4746f6c649181a16102a9696e7374616e63657381a373657482a8756e737461626c65929282"
    "a474797065a3616464a7656c656d656e74a178939181a1610107a1619282a474797065a3616464a7656c656d65"
    "6e74a179939181a1610207a161a6737461626c6590"
)
"""A replica with two operations that are not stable, form 1."""


@pytest.mark.parametrize(("operation", "golden"), OPERATIONS)
def test_the_bytes_of_pure_operations_stay(operation: object, golden: str) -> None:
    assert msgspec.msgpack.encode(operation).hex() == golden
    assert msgspec.msgpack.decode(bytes.fromhex(golden), type=type(operation)) == operation


@pytest.mark.parametrize(("payload", "name", "golden"), EVENTS)
def test_the_bytes_of_pure_events_stay(payload: object, name: str, golden: str) -> None:
    assert written_name(type(payload)) == (name, 1)
    assert PURE_EVENTS.encode(payload, emitter_id="e").payload.hex() == golden
    assert msgspec.msgpack.decode(bytes.fromhex(golden), type=type(payload)) == payload


def test_the_bytes_of_a_snapshot_stay() -> None:
    replica = Replica(PureAddWinsSet(str), "a", ("a", "b"))
    for number, element in enumerate("xy", start=1):
        content = msgspec.Raw(msgspec.msgpack.encode(Add(element)))
        new = PURE_EVENTS.encode(Operated("set", content), emitter_id="e")
        stamp = VectorTime({"a": number})
        replica.take(
            Event(new.type_name, 1, new.payload, "e", None, (), 7, stamp, "a", "a", number)
        )
    assert replica.encode().hex() == SNAPSHOT
    restored = Replica(PureAddWinsSet(str), "a", ("a", "b"))
    assert restored.restore(bytes.fromhex(SNAPSHOT))
    assert restored.state("set") == replica.state("set")


def test_the_names_under_which_a_log_finds_them_stay() -> None:
    assert shared_tag("pure-cart") == "tag:pure-crdt:pure-cart"
    assert aggregate_id_of("pure-cart", "7") == "pure-cart:7"
