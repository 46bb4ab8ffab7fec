"""Replicated types: counters, registers, sets, lists and maps whose concurrent operations commute.

    from museion.log.crdt import Add, AddWinsSet, CrdtService

A type is pure and can be used without a log; `CrdtService` runs its instances on one. Each name is
imported when it is first used. `museion.log.crdt.pure` holds types whose operations shed their
stamps once every site is known to have them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from museion.log.crdt.add_wins_set import Add, AddWinsSet, AddWinsSetState, Remove
    from museion.log.crdt.cart import Cart, CartState, InvalidQuantity, PutIn, TakeOut
    from museion.log.crdt.counter import Count, Counter, CounterState, StepTooLarge
    from museion.log.crdt.crdt import Crdt, Stamp, StoredCrdt
    from museion.log.crdt.field_map import FieldMap, FieldMapState
    from museion.log.crdt.field_rules import (
        AddToField,
        ClearField,
        CountField,
        MergeRule,
        RemoveFromField,
        RuleChanged,
        RuleMismatch,
        SetField,
    )
    from museion.log.crdt.last_writer_wins import LastWriterWins
    from museion.log.crdt.multi_value import MultiValue
    from museion.log.crdt.ordered_list import (
        InsertElements,
        InvalidPlace,
        MoveElements,
        NotInList,
        OrderedList,
        OrderedListState,
        RemoveElements,
    )
    from museion.log.crdt.service import (
        CrdtService,
        InvalidCrdtName,
        UnwritableOperation,
        ValueForm,
    )
    from museion.log.crdt.versions import Assign, RegisterState, Version

_HOMES = {
    "Add": "add_wins_set",
    "AddWinsSet": "add_wins_set",
    "AddWinsSetState": "add_wins_set",
    "Remove": "add_wins_set",
    "Cart": "cart",
    "CartState": "cart",
    "InvalidQuantity": "cart",
    "PutIn": "cart",
    "TakeOut": "cart",
    "Count": "counter",
    "Counter": "counter",
    "CounterState": "counter",
    "StepTooLarge": "counter",
    "Crdt": "crdt",
    "Stamp": "crdt",
    "StoredCrdt": "crdt",
    "FieldMap": "field_map",
    "FieldMapState": "field_map",
    "AddToField": "field_rules",
    "ClearField": "field_rules",
    "CountField": "field_rules",
    "MergeRule": "field_rules",
    "RemoveFromField": "field_rules",
    "RuleChanged": "field_rules",
    "RuleMismatch": "field_rules",
    "SetField": "field_rules",
    "LastWriterWins": "last_writer_wins",
    "MultiValue": "multi_value",
    "InsertElements": "ordered_list",
    "InvalidPlace": "ordered_list",
    "MoveElements": "ordered_list",
    "NotInList": "ordered_list",
    "OrderedList": "ordered_list",
    "OrderedListState": "ordered_list",
    "RemoveElements": "ordered_list",
    "CrdtService": "service",
    "InvalidCrdtName": "service",
    "UnwritableOperation": "service",
    "ValueForm": "service",
    "Assign": "versions",
    "RegisterState": "versions",
    "Version": "versions",
}

__all__ = [
    "Add",
    "AddToField",
    "AddWinsSet",
    "AddWinsSetState",
    "Assign",
    "Cart",
    "CartState",
    "ClearField",
    "Count",
    "CountField",
    "Counter",
    "CounterState",
    "Crdt",
    "CrdtService",
    "FieldMap",
    "FieldMapState",
    "InsertElements",
    "InvalidCrdtName",
    "InvalidPlace",
    "InvalidQuantity",
    "LastWriterWins",
    "MergeRule",
    "MoveElements",
    "MultiValue",
    "NotInList",
    "OrderedList",
    "OrderedListState",
    "PutIn",
    "RegisterState",
    "Remove",
    "RemoveElements",
    "RemoveFromField",
    "RuleChanged",
    "RuleMismatch",
    "SetField",
    "Stamp",
    "StepTooLarge",
    "StoredCrdt",
    "TakeOut",
    "UnwritableOperation",
    "ValueForm",
    "Version",
]


def __getattr__(name: str) -> object:
    # Lazily, so that whoever wants one type does not load the aggregates below the service.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
