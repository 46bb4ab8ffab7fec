"""Operations and states of replicated types outlive the program that wrote them.

The bytes below were written once and are never changed: a version that reads them otherwise, or
writes the present form otherwise, would part from the sites that run the version before it.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from museion.log.crdt.add_wins_set import Add, AddWinsSet, AddWinsSetState, Remove
from museion.log.crdt.cart import Cart, CartState, Portion, PutIn, TakeOut
from museion.log.crdt.counter import Count, Counter, CounterState
from museion.log.crdt.crdt import Stamp, StoredCrdt
from museion.log.crdt.field_map import (
    AddToField,
    ClearField,
    CountField,
    FieldMap,
    FieldMapState,
    RemoveFromField,
    SetAside,
    SetField,
)
from museion.log.crdt.field_rules import MergeRule
from museion.log.crdt.last_writer_wins import LastWriterWins
from museion.log.crdt.multi_value import MultiValue
from museion.log.crdt.ordered_list import (
    Entry,
    InsertElements,
    MoveElements,
    OrderedList,
    OrderedListState,
    Placing,
    RemoveElements,
)
from museion.log.crdt.places import ROOT, Branches, PlaceId, Spot
from museion.log.crdt.service import OperationWritten
from museion.log.crdt.versions import Assign, RegisterState, Version
from museion.log.event import EventId
from museion.log.event_types import EventTypes
from museion.log.vector_time import VectorTime

STAMP = Stamp(VectorTime({"A": 7, "B": 2}), 1_700_000_000_000, "A")
PLACE = PlaceId("A", 7, 1)
REGISTER: RegisterState[str] = RegisterState(
    (Version("Dawn", STAMP), Version(None, STAMP, cleared=True))
)
SET: AddWinsSetState[str] = AddWinsSetState({"dawn": (STAMP.id,)})
TYPES: dict[str, StoredCrdt[Any, Any, Any]] = {
    each.name: each
    for each in (
        Counter(),
        LastWriterWins(str),
        MultiValue(str),
        AddWinsSet(str),
        Cart(str),
        OrderedList(str),
        FieldMap({}, str, str),
    )
}
OPERATIONS: list[tuple[str, object, str]] = [
    ("counter", Count(-3), "82a474797065a5636f756e74a26279fd"),
    ("last-writer-wins", Assign("Dawn"), "82a474797065a661737369676ea576616c7565a44461776e"),
    (
        "multi-value",
        Assign("Dawn", (EventId("B", 2),)),
        "83a474797065a661737369676ea576616c7565a44461776ea87265706c616365739192a14202",
    ),
    ("add-wins-set", Add("dawn"), "82a474797065a3616464a7656c656d656e74a46461776e"),
    (
        "add-wins-set",
        Remove("dawn", (EventId("B", 2),)),
        "83a474797065a672656d6f7665a7656c656d656e74a46461776ea4616464739192a14202",
    ),
    ("cart", PutIn("pear", 2), "83a474797065a67075742d696ea36b6579a470656172a87175616e7469747902"),
    (
        "cart",
        TakeOut("pear", (EventId("B", 2),)),
        "83a474797065a874616b652d6f7574a36b6579a470656172a4616464739192a14202",
    ),
    (
        "ordered-list",
        InsertElements(("a", "b"), at=Spot(PLACE, left=True)),
        "83a474797065a6696e73657274a8656c656d656e747392a161a162a261749293a1410701c3",
    ),
    (
        "ordered-list",
        MoveElements(("a",), at=Spot(ROOT)),
        "83a474797065a46d6f7665a8656c656d656e747391a161a261749293a00000c2",
    ),
    (
        "ordered-list",
        MoveElements(("a",), at=Spot(PLACE)),
        "83a474797065a46d6f7665a8656c656d656e747391a161a261749293a1410701c2",
    ),
    (
        "ordered-list",
        RemoveElements(("a",), (EventId("B", 2),)),
        "83a474797065a672656d6f7665a8656c656d656e747391a161a4616464739192a14202",
    ),
    (
        "field-map",
        SetField("caption", "Dawn"),
        "83a474797065a3736574a56669656c64a763617074696f6ea576616c7565a44461776e",
    ),
    (
        "field-map",
        SetField("caption", "Dawn", (EventId("B", 2),)),
        (
            "84a474797065a3736574a56669656c64a763617074696f6ea576616c7565a44461776ea87265706c"
            "616365739192a14202"
        ),
    ),
    ("field-map", ClearField("caption"), "82a474797065a5636c656172a56669656c64a763617074696f6e"),
    (
        "field-map",
        AddToField("tags", "dawn"),
        "83a474797065a3616464a56669656c64a474616773a7656c656d656e74a46461776e",
    ),
    (
        "field-map",
        RemoveFromField("tags", "dawn", (EventId("B", 2),)),
        (
            "84a474797065a672656d6f7665a56669656c64a474616773a7656c656d656e74a46461776ea46164"
            "64739192a14202"
        ),
    ),
    (
        "field-map",
        CountField("views", 3),
        "83a474797065a5636f756e74a56669656c64a57669657773a2627903",
    ),
]
STATES: list[tuple[str, object, str]] = [
    ("counter", CounterState(5), "82a474797065a7636f756e746572a5746f74616c05"),
    (
        "last-writer-wins",
        REGISTER,
        (
            "82a474797065a87265676973746572a876657273696f6e739282a576616c7565a44461776ea57374"
            "616d70939182a14107a14202cf0000018bcfe56800a14183a576616c7565c0a57374616d70939182"
            "a14107a14202cf0000018bcfe56800a141a7636c6561726564c3"
        ),
    ),
    (
        "multi-value",
        REGISTER,
        (
            "82a474797065a87265676973746572a876657273696f6e739282a576616c7565a44461776ea57374"
            "616d70939182a14107a14202cf0000018bcfe56800a14183a576616c7565c0a57374616d70939182"
            "a14107a14202cf0000018bcfe56800a141a7636c6561726564c3"
        ),
    ),
    ("add-wins-set", SET, "82a474797065ac6164642d77696e732d736574a46164647381a46461776e9192a14107"),
    (
        "cart",
        CartState({"pear": (Portion(STAMP.id, 2),)}),
        "81a8706f7274696f6e7381a470656172919292a1410702",
    ),
    (
        "ordered-list",
        OrderedListState(
            {"a": Entry((STAMP.id,), (Placing(PLACE, STAMP),))}, {ROOT: Branches((), (PLACE,))}
        ),
        (
            "82a7656e747269657381a16182a4616464739192a14107a8706c6163696e67739182a5706c616365"
            "93a1410701a57374616d70939182a14107a14202cf0000018bcfe56800a141a4747265658193a000"
            "0092909193a1410701"
        ),
    ),
    (
        "field-map",
        FieldMapState[str, str](
            {"caption": REGISTER, "tags": SET, "views": CounterState(5)},
            {"future": (SetAside(CountField("future"), STAMP),)},
        ),
        (
            "82a66669656c647383a763617074696f6e82a474797065a87265676973746572a876657273696f6e"
            "739282a576616c7565a44461776ea57374616d70939182a14107a14202cf0000018bcfe56800a141"
            "83a576616c7565c0a57374616d70939182a14107a14202cf0000018bcfe56800a141a7636c656172"
            "6564c3a47461677382a474797065ac6164642d77696e732d736574a46164647381a46461776e9192"
            "a14107a5766965777382a474797065a7636f756e746572a5746f74616c05a97365745f6173696465"
            "81a66675747572659182a96f7065726174696f6e83a474797065a5636f756e74a56669656c64a666"
            "7574757265a2627901a57374616d70939182a14107a14202cf0000018bcfe56800a141"
        ),
    ),
]
WRITTEN = OperationWritten("counter", b"\x01\x02")
WRITTEN_BYTES = "82a463726474a7636f756e746572a96f7065726174696f6ec4020102"


@pytest.mark.parametrize(("name", "operation", "golden"), OPERATIONS)
def test_the_bytes_of_operations_stay(name: str, operation: object, golden: str) -> None:
    assert msgspec.msgpack.encode(operation).hex() == golden
    read = msgspec.msgpack.decode(bytes.fromhex(golden), type=TYPES[name].operation_type)
    assert read == operation


@pytest.mark.parametrize(("name", "state", "golden"), STATES)
def test_the_bytes_of_states_in_snapshots_stay(name: str, state: object, golden: str) -> None:
    assert msgspec.msgpack.encode(state).hex() == golden
    assert msgspec.msgpack.decode(bytes.fromhex(golden), type=TYPES[name].state_type) == state


def test_the_bytes_of_the_event_that_carries_an_operation_stay() -> None:
    new = EventTypes(OperationWritten).encode(WRITTEN, emitter_id="counters")
    assert (new.type_name, new.form) == ("museion.crdt.operation-written", 1)
    assert new.payload.hex() == WRITTEN_BYTES


def test_every_type_has_golden_bytes_of_all_its_operations_and_its_state() -> None:
    assert {name for name, _, _ in STATES} == set(TYPES)
    for name, crdt in TYPES.items():
        kinds = msgspec.inspect.type_info(crdt.operation_type)
        union = kinds.types if isinstance(kinds, msgspec.inspect.UnionType) else (kinds,)
        tags = {each.tag for each in union if isinstance(each, msgspec.inspect.StructType)}
        tried = {
            each.__struct_config__.tag
            for kind, each, _ in OPERATIONS
            if kind == name and isinstance(each, msgspec.Struct)
        }
        assert tried == tags


def test_the_names_of_merge_rules_stay() -> None:
    assert [rule.value for rule in MergeRule] == [
        "add-wins-set",
        "counter",
        "last-writer-wins",
        "kept-until-resolved",
    ]
