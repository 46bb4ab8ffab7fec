"""A map of fields with merge rules: its law, and what people meet with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.log.crdt.crdt import Stamp
from museion.log.crdt.field_map import (
    AddToField,
    ClearField,
    CountField,
    FieldMap,
    FieldMapState,
    MergeRule,
    RemoveFromField,
    RuleChanged,
    RuleMismatch,
    SetField,
)
from museion.log.crdt.field_rules import FieldOperation
from museion.log.crdt.versions import Version
from museion.log.vector_time import VectorTime
from museion.testing.contracts.crdt import CrdtContract, Written

RULES = {
    "tags": MergeRule.ADD_WINS_SET,
    "views": MergeRule.COUNTER,
    "rating": MergeRule.LAST_WRITER_WINS,
    "caption": MergeRule.KEPT_UNTIL_RESOLVED,
}
FIELDS = FieldMap(RULES, str, str)
State = FieldMapState[str, str]
Operation = FieldOperation[str, str]
Value = Mapping[str, str | frozenset[str] | int]


def stamp(creator: str, time_ms: int = 0, **times: int) -> Stamp:
    return Stamp(VectorTime(times), time_ms, creator)


def after(
    *steps: tuple[Operation, Stamp], fields: FieldMap[str, str] = FIELDS, state: State | None = None
) -> State:
    folded = state or fields.zero()
    for operation, stamp in steps:
        folded = fields.effect(folded, operation, stamp)
    return folded


class TestFieldMap(CrdtContract[State, Operation, Value]):
    """With operations of a newer site, which writes a field that has no rule here."""

    def crdt(self) -> FieldMap[str, str]:
        return FieldMap(RULES | {"future": MergeRule.ADD_WINS_SET}, str, str)

    def operation(self, random: Random, state: State) -> Operation:
        word = random.choice("xyz")
        register = random.choice(("rating", "caption"))
        seen = tuple(
            each.stamp.id for each in FIELDS.versions(state, "caption") if random.random() < 0.7
        )
        return random.choice(
            (
                AddToField("tags", word),
                AddToField("future", word),
                RemoveFromField("tags", word),
                ClearField("tags"),
                CountField("views", random.randint(-3, 3)),
                SetField(register, word),
                SetField("caption", word, seen),
                ClearField(register),
            )
        )

    def oracle(self, written: Sequence[Written[Operation]]) -> Value:
        counts = [each.operation for each in written if isinstance(each.operation, CountField)]
        found: dict[str, str | frozenset[str] | int] = (
            {"views": sum(each.by for each in counts)} if counts else {}
        )
        for field in ("tags", "future"):
            if elements := _elements(field, written):
                found[field] = elements
        for field in ("rating", "caption"):
            for _, value in _standing(field, written):
                if value is not None:
                    found[field] = value
                    break
        return found


def _elements(field: str, written: Sequence[Written[Operation]]) -> frozenset[str]:
    def takes_away(other: Written[Operation], element: str) -> bool:
        operation = other.operation
        if isinstance(operation, RemoveFromField):
            return (operation.field, operation.element) == (field, element)
        return isinstance(operation, ClearField) and operation.field == field

    return frozenset(
        add.operation.element
        for add in written
        if isinstance(add.operation, AddToField) and add.operation.field == field
        if not any(
            takes_away(other, add.operation.element)
            and add.stamp.vector_timestamp < other.stamp.vector_timestamp
            for other in written
        )
    )


def _standing(
    field: str, written: Sequence[Written[Operation]]
) -> list[tuple[tuple[int, str, int], str | None]]:
    writes = [
        (each.operation, each.stamp)
        for each in written
        if isinstance(each.operation, SetField | ClearField) and each.operation.field == field
    ]
    standing = [
        (stamp.rank, operation.value if isinstance(operation, SetField) else None)
        for operation, stamp in writes
        if not any(
            stamp.vector_timestamp < other.vector_timestamp
            if newer.replaces is None
            else stamp.id in newer.replaces
            for newer, other in writes
        )
    ]
    return sorted(standing, key=lambda each: each[0], reverse=True)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_site_that_learns_a_rule_late_has_the_value_of_those_that_knew_it(random: Random) -> None:
    law, older = TestFieldMap(), FieldMap(RULES, str, str)
    for site in law.history(random).sites:
        learnt_at = random.randint(0, len(site.log))
        state = older.zero()
        for index, each in enumerate(site.log):
            fields = older if index < learnt_at else law.crdt()
            state = fields.effect(state, each.operation, each.stamp)
        assert law.crdt().value(state) == law.oracle(site.log)


def test_each_field_is_merged_by_its_own_rule() -> None:
    state = after(
        (AddToField("tags", "dawn"), stamp("A", A=1)),
        (AddToField("tags", "dusk"), stamp("B", B=1)),
        (CountField("views", 2), stamp("A", A=2)),
        (CountField("views", 3), stamp("B", B=2)),
        (SetField("rating", "5"), stamp("A", 10, A=3)),
        (SetField("rating", "4"), stamp("B", 20, B=3)),
        (SetField("caption", "Dawn"), stamp("A", 10, A=4)),
        (SetField("caption", "Dusk"), stamp("B", 20, B=4)),
    )
    assert FIELDS.value(state) == {
        "tags": {"dawn", "dusk"},
        "views": 5,
        "rating": "4",
        "caption": "Dusk",
    }
    assert list(FIELDS.conflicts(state)) == ["caption"]


def conflicting() -> tuple[State, Stamp, Stamp]:
    first, second = stamp("A", 10, A=1), stamp("B", 20, B=1)
    return (
        after((SetField("caption", "x"), first), (SetField("caption", "y"), second)),
        first,
        second,
    )


def test_a_conflict_shows_every_version_with_when_and_where_it_was_written() -> None:
    state, first, second = conflicting()
    assert FIELDS.conflicts(state) == {"caption": (Version("y", second), Version("x", first))}


def test_a_resolution_replaces_the_versions_that_it_knew() -> None:
    state, *_ = conflicting()
    resolved = after((SetField("caption", "z"), stamp("A", 30, A=2, B=1)), state=state)
    assert FIELDS.value(resolved) == {"caption": "z"}
    assert FIELDS.conflicts(resolved) == {}


def test_a_third_version_that_is_concurrent_to_a_resolution_stays_in_conflict_with_it() -> None:
    state, *_ = conflicting()
    third = (SetField("caption", "w"), stamp("C", 5, C=1))
    resolution = (SetField("caption", "z"), stamp("A", 30, A=2, B=1))
    for steps in ((third, resolution), (resolution, third)):
        found = FIELDS.conflicts(after(*steps, state=state))
        assert [each.value for each in found["caption"]] == ["z", "w"]


def test_a_version_that_came_in_while_a_person_chose_is_not_replaced_unseen() -> None:
    """The site knew it when the choice was written; the person did not."""
    state, first, second = conflicting()
    state = after((SetField("caption", "w"), stamp("C", 5, C=1)), state=state)
    chosen = SetField("caption", "z", replaces=(first.id, second.id))
    resolved = after((chosen, stamp("A", 30, A=2, B=1, C=1)), state=state)
    assert [each.value for each in FIELDS.conflicts(resolved)["caption"]] == ["z", "w"]


def test_equal_concurrent_values_are_no_conflict() -> None:
    state = after(
        (SetField("caption", "x"), stamp("A", A=1)), (SetField("caption", "x"), stamp("B", B=1))
    )
    assert FIELDS.conflicts(state) == {}
    assert FIELDS.value(state) == {"caption": "x"}


def test_what_counts_in_a_comparison_is_for_the_program_to_say() -> None:
    fields = FieldMap(RULES, str, str, content=str.casefold)
    state = after(
        (SetField("caption", "DAWN"), stamp("A", A=1)),
        (SetField("caption", "dawn"), stamp("B", B=1)),
    )
    assert list(FIELDS.conflicts(state)) == ["caption"]
    assert fields.conflicts(state) == {}


def test_clearing_a_field_that_somebody_else_sets_is_a_conflict() -> None:
    known = stamp("A", 1, A=1)
    state = after(
        (SetField("caption", "x"), known),
        (ClearField("caption"), stamp("A", 30, A=2)),
        (SetField("caption", "y"), stamp("B", 20, A=1, B=1)),
    )
    versions = FIELDS.conflicts(state)["caption"]
    assert [(each.value, each.cleared) for each in versions] == [(None, True), ("y", False)]
    assert FIELDS.value(state) == {"caption": "y"}


def test_a_field_that_was_cleared_has_no_value() -> None:
    state = after(
        (SetField("caption", "x"), stamp("A", A=1)),
        (SetField("rating", "5"), stamp("A", A=2)),
        (AddToField("tags", "dawn"), stamp("A", A=3)),
        (ClearField("caption"), stamp("A", A=4)),
        (ClearField("rating"), stamp("A", A=5)),
        (ClearField("tags"), stamp("A", A=6)),
    )
    assert FIELDS.value(state) == {}
    for field in ("caption", "rating", "tags"):
        assert FIELDS.prepare(state, ClearField(field)) is None


def test_clearing_a_set_leaves_what_was_added_at_the_same_time() -> None:
    state = after(
        (AddToField("tags", "dawn"), stamp("A", A=1)),
        (AddToField("tags", "dusk"), stamp("B", B=1)),
        (ClearField("tags"), stamp("A", A=2)),
    )
    assert FIELDS.value(state) == {"tags": frozenset({"dusk"})}


def machine_below_person(value: str) -> int:
    return 0 if value.startswith("model:") else 1


WITH_PRECEDENCE = FieldMap(RULES, str, str, precedence=machine_below_person)


@pytest.mark.parametrize("field", ["caption", "rating"])
def test_a_machine_value_neither_contests_nor_hides_that_of_a_person(field: str) -> None:
    state = after(
        (SetField(field, "Dawn"), stamp("A", 10, A=1)),
        (SetField(field, "model:sky"), stamp("B", 20, B=1)),
        fields=WITH_PRECEDENCE,
    )
    assert WITH_PRECEDENCE.value(state) == {field: "Dawn"}
    assert WITH_PRECEDENCE.conflicts(state) == {}
    assert WITH_PRECEDENCE.prepare(state, SetField(field, "model:sea")) is None
    assert WITH_PRECEDENCE.prepare(state, SetField(field, "Dusk")) is not None


def test_two_machine_values_may_be_in_conflict_until_a_person_writes() -> None:
    state = after(
        (SetField("caption", "model:sky"), stamp("A", A=1)),
        (SetField("caption", "model:sea"), stamp("B", B=1)),
        fields=WITH_PRECEDENCE,
    )
    assert list(WITH_PRECEDENCE.conflicts(state)) == ["caption"]
    state = WITH_PRECEDENCE.effect(state, SetField("caption", "Dawn"), stamp("A", A=2))
    assert WITH_PRECEDENCE.conflicts(state) == {}


def test_what_a_newer_site_writes_of_an_unknown_field_is_kept_and_read_later() -> None:
    future = AddToField("people", "Ann")
    state = after(
        (SetField("caption", "x"), stamp("A", A=1)),
        (future, stamp("B", B=1)),
        (AddToField("people", "Bob"), stamp("C", C=1)),
        (msgspec.structs.replace(future, field="places"), stamp("B", B=2)),
    )
    assert FIELDS.value(state) == {"caption": "x"}
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=FIELDS.state_type)
    newer = FieldMap({**RULES, "people": MergeRule.ADD_WINS_SET}, str, str)
    assert newer.value(stored) == {"caption": "x", "people": {"Ann", "Bob"}}
    removal = newer.prepare(stored, RemoveFromField("people", "Ann"))
    assert removal is not None
    taken = newer.effect(stored, removal, stamp("A", A=2, B=2, C=1))
    assert newer.value(taken) == {"caption": "x", "people": {"Bob"}}
    assert list(taken.set_aside) == ["places"]


def test_an_operation_without_a_fitting_rule_is_refused_here() -> None:
    for operation in (
        SetField("tags", "x"),
        SetField("unknown", "x"),
        AddToField("caption", "x"),
        ClearField("views"),
        CountField("rating"),
    ):
        with pytest.raises(RuleMismatch):
            FIELDS.prepare(FIELDS.zero(), operation)


def test_an_operation_that_changes_nothing_is_not_written() -> None:
    zero = FIELDS.zero()
    assert FIELDS.prepare(zero, RemoveFromField("tags", "x")) is None
    assert FIELDS.prepare(zero, CountField("views", 0)) is None
    assert FIELDS.prepare(zero, ClearField("caption")) is None


def test_a_state_of_another_rule_is_not_folded_on_by_mistake() -> None:
    state = after((AddToField("tags", "x"), stamp("A", A=1)))
    changed = FieldMap({"tags": MergeRule.COUNTER}, str, str)
    with pytest.raises(RuleChanged):
        changed.effect(state, CountField("tags"), stamp("A", A=2))


def test_operations_of_one_event_take_effect_in_their_order() -> None:
    event = stamp("A", A=1)
    state = after(
        (SetField("caption", "x"), event),
        (SetField("caption", "y"), event),
        (AddToField("tags", "dawn"), event),
        (ClearField("tags"), event),
        (AddToField("tags", "dusk"), event),
        (AddToField("tags", "dusk"), event),
        (SetField("rating", "5"), event),
        (ClearField("rating"), event),
    )
    assert FIELDS.value(state) == {"caption": "y", "tags": frozenset({"dusk"})}
    assert FIELDS.conflicts(state) == {}
    removal = FIELDS.prepare(state, RemoveFromField("tags", "dusk"))
    assert removal == RemoveFromField("tags", "dusk", (event.id,))


def test_an_effect_leaves_the_states_of_other_fields_as_they_are() -> None:
    state = after(
        *((AddToField("tags", f"tag-{i}"), stamp("A", A=i + 1)) for i in range(100)),
        (SetField("caption", "x"), stamp("A", A=101)),
    )
    later = FIELDS.effect(state, SetField("caption", "y"), stamp("A", A=102))
    assert later.fields["tags"] is state.fields["tags"]
