"""A map of fields, each with a merge rule of its own: the metadata of one thing.

    rules = {"tags": MergeRule.ADD_WINS_SET, "caption": MergeRule.KEPT_UNTIL_RESOLVED}
    fields = FieldMap(rules, str, str)
    state = fields.effect(fields.zero(), SetField("caption", "Dawn"), stamp)
    fields.value(state)  # {"caption": "Dawn"}

The rules are a part of what the operations mean, so all sites must have the same for the fields
that they know. Operations on fields without a rule, as a newer site may write them, are kept as
they are; a map that has the rule takes them in.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar, cast

import msgspec

from museion.log.crdt.add_wins_set import Add, AddWinsSet, AddWinsSetState, Remove
from museion.log.crdt.counter import Count, Counter, CounterState
from museion.log.crdt.crdt import Stamp, StoredCrdt
from museion.log.crdt.field_rules import (
    AddToField,
    ClearField,
    CountField,
    FieldMapState,
    FieldOperation,
    FieldState,
    MergeRule,
    RemoveFromField,
    RuleChanged,
    RuleMismatch,
    SetAside,
    SetField,
    fits,
    is_filled,
    state_kind,
)
from museion.log.crdt.versions import RegisterState, Version, distinct, write

__all__ = [
    "AddToField",
    "ClearField",
    "CountField",
    "FieldMap",
    "FieldMapState",
    "MergeRule",
    "RemoveFromField",
    "RuleChanged",
    "RuleMismatch",
    "SetAside",
    "SetField",
]

V = TypeVar("V")
E = TypeVar("E", bound=Hashable)


class FieldMap(
    StoredCrdt[FieldMapState[V, E], FieldOperation[V, E], Mapping[str, V | frozenset[E] | int]]
):
    """A `StoredCrdt` whose value maps field names to what people see; empty fields are left out.

    A set is seen as a frozenset, a counter as its total, a register as one value; of versions in
    conflict the last written is shown. An effect costs what it costs in its field, whatever the
    others hold.

    Args:
        rules: of all fields that are known here.
        value_type: what values of registers are decoded to.
        element_type: what elements of sets are decoded to; hashable.
        name: stable written name.
        content: what of a value counts when two are compared for a conflict; all of it by default.
        precedence: values of a lower one neither replace nor contest those of a higher one: a value
            that a model computed against one that a person wrote. All are equal by default.
    """

    name = "field-map"
    needs_state = True

    def __init__(
        self,
        rules: Mapping[str, MergeRule],
        value_type: type[V],
        element_type: type[E],
        *,
        name: str = name,
        content: Callable[[V], object] = lambda value: value,
        precedence: Callable[[V], int] = lambda value: 0,
    ) -> None:
        self.name = name
        self.rules: Mapping[str, MergeRule] = MappingProxyType(
            {field: MergeRule(rule) for field, rule in rules.items()}
        )
        self._value_type = value_type
        self._element_type = element_type
        self._content = content
        self._precedence = precedence
        self._set = AddWinsSet(element_type)
        self._counter = Counter()

    # Any: see `StoredCrdt`.
    @property
    def state_type(self) -> Any:
        """The type of states."""
        return FieldMapState[self._value_type, self._element_type]  # type: ignore[name-defined]  # known when it runs

    @property
    def operation_type(self) -> Any:
        """The type of operations."""
        values: Any = self._value_type
        elements: Any = self._element_type
        sets = AddToField[elements] | RemoveFromField[elements]
        return SetField[values] | ClearField | sets | CountField

    def zero(self) -> FieldMapState[V, E]:
        """Return the map without values."""
        return FieldMapState()

    # What people ask for

    def value(self, state: FieldMapState[V, E]) -> dict[str, V | frozenset[E] | int]:
        """Return the values of all fields that have one, by name."""
        state = self._with_set_aside(state)
        values: dict[str, V | frozenset[E] | int] = {}
        for field in sorted(state.fields):
            folded = state.fields[field]
            if isinstance(folded, CounterState):
                values[field] = folded.total
            elif isinstance(folded, AddWinsSetState):
                if folded.adds:
                    values[field] = self._set.value(folded)
            else:
                for version in self._shown(folded):
                    if not version.cleared:
                        values[field] = cast(V, version.value)
                        break
        return values

    def versions(self, state: FieldMapState[V, E], field: str) -> tuple[Version[V], ...]:
        """Return the versions of a register that count, the last written first; else none."""
        folded = self._with_set_aside(state).fields.get(field)
        return self._shown(folded) if isinstance(folded, RegisterState) else ()

    def conflicts(self, state: FieldMapState[V, E]) -> dict[str, tuple[Version[V], ...]]:
        """Return the fields that wait for a person, with all versions that count, by name.

        A version may be `cleared`: one site took the value away while another wrote one.
        """
        state = self._with_set_aside(state)
        found: dict[str, tuple[Version[V], ...]] = {}
        for field in sorted(state.fields):
            folded = state.fields[field]
            if self.rules.get(field) is not MergeRule.KEPT_UNTIL_RESOLVED:
                continue
            versions = self._shown(folded) if isinstance(folded, RegisterState) else ()
            if len(distinct(versions, self._content)) > 1:
                found[field] = versions
        return found

    # The operations

    def prepare(
        self, state: FieldMapState[V, E], operation: FieldOperation[V, E]
    ) -> FieldOperation[V, E] | None:
        """Return the operation completed; None where it would change nothing.

        Nothing comes of a value of lower precedence than the one that stands, of a clearing of what
        is empty, of a removal of what is not there, and of a count of 0.

        Raises:
            RuleMismatch: it does not go with the rule of its field.
            StepTooLarge: as `Counter.prepare`.
        """
        rule = self.rules.get(operation.field)
        if not fits(rule, operation):
            raise RuleMismatch(operation.field, rule, type(operation).__name__)
        folded = self._with_set_aside(state).fields.get(operation.field)
        if isinstance(operation, SetField):
            return None if self._is_outranked(folded, operation.value) else operation
        if isinstance(operation, AddToField):
            return operation
        if isinstance(operation, CountField):
            step = self._counter.prepare(CounterState(), Count(operation.by))
            return operation if step is not None else None
        if isinstance(operation, ClearField):
            return operation if is_filled(folded) else None
        adds = folded.adds.get(operation.element) if isinstance(folded, AddWinsSetState) else None
        return None if adds is None else msgspec.structs.replace(operation, adds=adds)

    def effect(
        self, state: FieldMapState[V, E], operation: FieldOperation[V, E], stamp: Stamp
    ) -> FieldMapState[V, E]:
        """Return the map after an operation.

        Raises:
            RuleChanged: the state of the field was folded under another rule.
        """
        state = self._with_set_aside(state)
        field = operation.field
        if not fits(self.rules.get(field), operation):
            waiting = [*state.set_aside.get(field, ()), SetAside(operation, stamp)]
            waiting.sort(key=lambda each: each.stamp.causal_rank)
            aside = {**state.set_aside, field: tuple(waiting)}
            return FieldMapState(state.fields, aside)
        fields = state.fields.copy()
        fields[field] = self._field_effect(state.fields.get(field), operation, stamp)
        return FieldMapState(fields, state.set_aside)

    def _field_effect(
        self, folded: FieldState[E, V] | None, operation: FieldOperation[V, E], stamp: Stamp
    ) -> FieldState[E, V]:
        rule = self.rules[operation.field]
        if folded is not None and not isinstance(folded, state_kind(rule)):
            raise RuleChanged(operation.field, rule)
        if rule is MergeRule.COUNTER:
            assert isinstance(operation, CountField)
            counter = folded if isinstance(folded, CounterState) else CounterState()
            return self._counter.effect(counter, Count(operation.by), stamp)
        if rule is MergeRule.ADD_WINS_SET:
            elements = folded if isinstance(folded, AddWinsSetState) else AddWinsSetState[E]()
            return self._set_effect(elements, operation, stamp)
        register = folded if isinstance(folded, RegisterState) else RegisterState[V]()
        # A value that nobody has to resolve is replaced by every write that knew it.
        kept = rule is MergeRule.KEPT_UNTIL_RESOLVED
        return _register_effect(register, operation, stamp, named=kept)

    def _set_effect(
        self, folded: AddWinsSetState[E], operation: FieldOperation[V, E], stamp: Stamp
    ) -> AddWinsSetState[E]:
        if isinstance(operation, AddToField):
            return self._set.effect(folded, Add(operation.element), stamp)
        if isinstance(operation, RemoveFromField):
            return self._set.effect(folded, Remove(operation.element, operation.adds), stamp)
        return self._set.cleared(folded, stamp.vector_timestamp)

    # Versions that count

    def _shown(self, register: RegisterState[V]) -> tuple[Version[V], ...]:
        highest = self._highest(register)
        return tuple(
            each
            for each in register.versions
            if each.cleared or self._precedence(cast(V, each.value)) == highest
        )

    def _highest(self, register: RegisterState[V]) -> int | None:
        precedences = [
            self._precedence(cast(V, each.value)) for each in register.versions if not each.cleared
        ]
        return max(precedences, default=None)

    def _is_outranked(self, folded: FieldState[E, V] | None, value: V) -> bool:
        highest = self._highest(folded) if isinstance(folded, RegisterState) else None
        return highest is not None and self._precedence(value) < highest

    # States from elsewhere

    def is_mine(self, state: FieldMapState[V, E]) -> bool:
        """Tell whether a state was folded under the rules that its fields have here."""
        return all(
            isinstance(folded, state_kind(self.rules[field]))
            for field, folded in state.fields.items()
            if field in self.rules
        )

    # Operations that waited for a rule

    def _with_set_aside(self, state: FieldMapState[V, E]) -> FieldMapState[V, E]:
        """Return the state with those operations taken in that have a rule by now."""
        if not any(field in self.rules for field in state.set_aside):
            return state
        fields = state.fields.copy()
        aside: dict[str, tuple[SetAside[V, E], ...]] = {}
        for field, waiting in state.set_aside.items():
            rule = self.rules.get(field)
            left = tuple(each for each in waiting if not fits(rule, each.operation))
            if left:
                aside[field] = left
            for each in waiting:
                if fits(rule, each.operation):
                    fields[field] = self._field_effect(
                        fields.get(field), each.operation, each.stamp
                    )
        return FieldMapState(fields, aside)


def _register_effect(
    register: RegisterState[V], operation: FieldOperation[V, Any], stamp: Stamp, *, named: bool
) -> RegisterState[V]:
    assert isinstance(operation, SetField | ClearField)
    version: Version[V] = (
        Version(operation.value, stamp)
        if isinstance(operation, SetField)
        else Version(None, stamp, cleared=True)
    )
    return write(register, version, operation.replaces if named else None)
