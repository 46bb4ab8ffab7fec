"""How the fields of a map are merged: one rule each, its operations, and its states."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from museion.base.errors import Conflict, InvalidInput
from museion.log.crdt.add_wins_set import AddWinsSetState
from museion.log.crdt.counter import CounterState
from museion.log.crdt.crdt import Stamp
from museion.log.crdt.versions import RegisterState
from museion.log.event import EventId

V = TypeVar("V")
E = TypeVar("E", bound=Hashable)


class MergeRule(StrEnum):
    """What becomes of concurrent changes of one field. The values are written names."""

    ADD_WINS_SET = "add-wins-set"
    COUNTER = "counter"
    LAST_WRITER_WINS = "last-writer-wins"
    KEPT_UNTIL_RESOLVED = "kept-until-resolved"


class SetField(msgspec.Struct, Generic[V], frozen=True, omit_defaults=True, tag="set"):
    """Give a field a value, or resolve its conflict; for registers.

    Attributes:
        replaces: the versions that give way, by the ids of their stamps; None for all that the
            writing site had. A person's resolution names those that the person saw, so that one
            that came in meanwhile stays in conflict with the result.
    """

    field: str
    value: V
    replaces: tuple[EventId, ...] | None = None


class ClearField(msgspec.Struct, frozen=True, omit_defaults=True, tag="clear"):
    """Take the value of a register away, or all elements that the site had observed from a set.

    Attributes:
        replaces: as in `SetField`; for registers.
    """

    field: str
    replaces: tuple[EventId, ...] | None = None


class AddToField(msgspec.Struct, Generic[E], frozen=True, tag="add"):
    """Put an element into a field that is a set."""

    field: str
    element: E


class RemoveFromField(msgspec.Struct, Generic[E], frozen=True, tag="remove"):
    """Take an element out of a field that is a set; `prepare` fills in the adds it observes."""

    field: str
    element: E
    adds: tuple[EventId, ...] = ()


class CountField(msgspec.Struct, frozen=True, tag="count"):
    """Count a field that is a counter up, or down where `by` is negative."""

    field: str
    by: int = 1


FieldOperation: TypeAlias = (
    SetField[V] | ClearField | AddToField[E] | RemoveFromField[E] | CountField
)
FieldState: TypeAlias = CounterState | AddWinsSetState[E] | RegisterState[V]


class SetAside(msgspec.Struct, Generic[V, E], frozen=True):
    """An operation that no rule here goes with, and its stamp."""

    operation: SetField[V] | ClearField | AddToField[E] | RemoveFromField[E] | CountField
    stamp: Stamp


class FieldMapState(msgspec.Struct, Generic[V, E], frozen=True):
    """The state of each field that has a rule.

    Attributes:
        set_aside: by field, causes before effects, the operations that no rule here goes with.
    """

    fields: dict[str, CounterState | AddWinsSetState[E] | RegisterState[V]] = {}
    set_aside: dict[str, tuple[SetAside[V, E], ...]] = {}


class RuleMismatch(InvalidInput):
    """An operation does not go with the rule of its field, or the field has no rule here."""

    def __init__(self, field: str, rule: MergeRule | None, operation: str) -> None:
        known = f"the rule {rule.value!r}" if rule else "no rule here"
        super().__init__(
            f"Field {field!r} has {known}; got {operation}.",
            remedy="Set and clear registers, add to and remove from sets, count counters.",
        )


class RuleChanged(Conflict):
    """The state of a field was folded under another rule than the one it has now."""

    def __init__(self, field: str, rule: MergeRule) -> None:
        super().__init__(
            f"Field {field!r} has the rule {rule.value!r}, but its state is of another one.",
            remedy="Fold the map again from its events.",
        )


def fits(rule: MergeRule | None, operation: object) -> bool:
    """Tell whether an operation goes with a rule."""
    return rule is not None and isinstance(operation, _OPERATIONS[rule])


def state_kind(rule: MergeRule) -> type:
    """Return the class of the states that fields of a rule have."""
    return _STATES[rule]


def is_filled(folded: FieldState[Any, Any] | None) -> bool:
    """Tell whether clearing the field would take something away."""
    if isinstance(folded, AddWinsSetState):
        return bool(folded.adds)
    versions = folded.versions if isinstance(folded, RegisterState) else ()
    return any(not each.cleared for each in versions)


_REGISTER = (SetField, ClearField)
_OPERATIONS: Mapping[MergeRule, tuple[type, ...]] = MappingProxyType(
    {
        MergeRule.ADD_WINS_SET: (AddToField, RemoveFromField, ClearField),
        MergeRule.COUNTER: (CountField,),
        MergeRule.LAST_WRITER_WINS: _REGISTER,
        MergeRule.KEPT_UNTIL_RESOLVED: _REGISTER,
    }
)
_STATES: Mapping[MergeRule, type] = MappingProxyType(
    {
        MergeRule.ADD_WINS_SET: AddWinsSetState,
        MergeRule.COUNTER: CounterState,
        MergeRule.LAST_WRITER_WINS: RegisterState,
        MergeRule.KEPT_UNTIL_RESOLVED: RegisterState,
    }
)
