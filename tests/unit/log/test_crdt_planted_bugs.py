"""The laws catch types that are wrong: each has a bug that looks right at one site."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import test_crdt_laws as laws

import museion.log.crdt as crdts
from museion.log.crdt import Add, Assign, MoveElements, PutIn, RemoveElements, Stamp, Version
from museion.log.crdt.versions import write
from museion.testing.contracts.crdt import CrdtContract

SEEDS = 300


class OverwritingCounter(crdts.Counter):
    """Writes the total that its site saw in place of the step."""

    def prepare(self, state: Any, operation: Any) -> Any:
        return crdts.Count(state.total + operation.by)

    def effect(self, state: Any, operation: Any, stamp: Stamp) -> Any:
        return crdts.CounterState(operation.by)


class PairwiseLastWriterWins(crdts.LastWriterWins[int]):
    """Compares the new write with the winner so far, and forgets the other one."""

    def effect(self, state: Any, operation: Any, stamp: Stamp) -> Any:
        both = write(state, Version(operation.value, stamp), None)
        return crdts.RegisterState(both.versions[:1])


class ForgetfulMultiValue(crdts.MultiValue[int]):
    """Keeps of equal values the one that came first."""

    def effect(self, state: Any, operation: Assign[int], stamp: Stamp) -> Any:
        if any(each.value == operation.value for each in state.versions):
            return state
        return super().effect(state, operation, stamp)


class RemoveWinsSet(crdts.AddWinsSet[str]):
    """Removes whatever adds are there when the remove arrives."""

    def effect(self, state: Any, operation: Any, stamp: Stamp) -> Any:
        if not isinstance(operation, Add):
            operation = crdts.Remove(operation.element, state.adds.get(operation.element, ()))
        return super().effect(state, operation, stamp)


class CartOfLargest(crdts.Cart[str]):
    """Lets a new quantity replace the one before."""

    def effect(self, state: Any, operation: Any, stamp: Stamp) -> Any:
        if isinstance(operation, PutIn):
            state = crdts.CartState(
                {key: each for key, each in state.portions.items() if key != operation.key}
            )
        return super().effect(state, operation, stamp)


class ListByArrival(crdts.OrderedList[str]):
    """Puts moved elements where the last move that arrived says."""

    def effect(self, state: Any, operation: Any, stamp: Stamp) -> Any:
        if isinstance(operation, MoveElements):
            for element in operation.elements:
                known = state.entries.get(element)
                if known is not None:
                    entry = type(known)(known.adds)
                    state = crdts.OrderedListState({**state.entries, element: entry}, state.tree)
        return super().effect(state, operation, stamp)


class ListThatForgetsInserts(crdts.OrderedList[str]):
    """Removes an element with all inserts of it, known to the remove or not."""

    def effect(self, state: Any, operation: Any, stamp: Stamp) -> Any:
        if isinstance(operation, RemoveElements):
            there = (
                state.entries[each].adds for each in operation.elements if each in state.entries
            )
            adds = tuple(each for adds in there for each in adds)
            operation = RemoveElements(operation.elements, adds)
        return super().effect(state, operation, stamp)


PLANTED: list[tuple[CrdtContract[Any, Any, Any], Any]] = [
    (laws.TestCounter(), OverwritingCounter()),
    (laws.TestLastWriterWins(), PairwiseLastWriterWins(int)),
    (laws.TestMultiValue(), ForgetfulMultiValue(int)),
    (laws.TestAddWinsSet(), RemoveWinsSet(str)),
    (laws.TestCart(), CartOfLargest(str)),
    (laws.TestOrderedList(), ListByArrival(str)),
    (laws.TestOrderedList(), ListThatForgetsInserts(str)),
]


@pytest.mark.parametrize(("law", "wrong"), PLANTED, ids=lambda each: type(each).__name__)
def test_a_wrong_type_breaks_a_law(law: CrdtContract[Any, Any, Any], wrong: Any) -> None:
    assert not _is_broken(law, law.crdt())
    assert _is_broken(law, wrong)


def _is_broken(law: CrdtContract[Any, Any, Any], crdt: Any) -> bool:
    law.crdt = lambda: crdt  # type: ignore[method-assign]  # the type under test
    try:
        return any(_diverges(law, Random(seed)) for seed in range(SEEDS))  # noqa: S311 (repeatable)
    finally:
        del law.crdt


def _diverges(law: CrdtContract[Any, Any, Any], random: Random) -> bool:
    history = law.history(random)
    history.heal()
    first, *others = (site.state for site in history.sites)
    return any(each != first for each in others) or (
        law.crdt().value(first) != law.oracle(history.written)
    )
