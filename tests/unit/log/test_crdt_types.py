"""What the types promise, one example each; the laws stand in `test_crdt_laws`."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

import museion.log.crdt
from museion.log.crdt.add_wins_set import Add, AddWinsSet, AddWinsSetState, Remove
from museion.log.crdt.cart import Cart, InvalidQuantity, PutIn, TakeOut
from museion.log.crdt.counter import MAX_STEP, Count, Counter, StepTooLarge
from museion.log.crdt.crdt import Stamp, StoredCrdt
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
from museion.log.crdt.versions import Assign
from museion.log.event import EventId
from museion.log.vector_time import VectorTime
from museion.testing.contracts.crdt import Site, Written


def stamp(creator: str, time_ms: int = 0, **times: int) -> Stamp:
    return Stamp(VectorTime(times), time_ms, creator)


class Replica(Site):  # type: ignore[type-arg]  # of any type
    """A site that one test writes at."""

    def __init__(self, crdt: StoredCrdt, name: str) -> None:  # type: ignore[type-arg]
        super().__init__(name, crdt.zero())
        self.crdt = crdt

    def write(self, operation: object, time_ms: int = 0) -> None:
        prepared = self.crdt.prepare(self.state, operation)
        if prepared is not None:
            number = self.version.local_time(self.name) + 1
            own = Stamp(self.version.advance(self.name, number), time_ms, self.name)
            self.take(self.crdt, Written(prepared, own))

    def hear(self, other: Replica) -> None:
        known = {each.stamp.id for each in self.log}
        for each in other.log:
            if each.stamp.id not in known:
                self.take(self.crdt, each)

    @property
    def value(self) -> Any:
        return self.crdt.value(self.state)


def two(crdt: StoredCrdt, *operations: object) -> tuple[Replica, Replica]:  # type: ignore[type-arg]
    """Two replicas that know the same operations."""
    first, second = Replica(crdt, "A"), Replica(crdt, "B")
    for operation in operations:
        first.write(operation)
    second.hear(first)
    return first, second


def meet(first: Replica, second: Replica) -> object:
    """Let both hear of each other, and return the value that they have then."""
    first.hear(second)
    second.hear(first)
    assert first.state == second.state
    return first.value


def test_every_name_at_the_door_is_there() -> None:
    assert sorted(museion.log.crdt._HOMES) == museion.log.crdt.__all__
    for name in museion.log.crdt.__all__:
        assert getattr(museion.log.crdt, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Countr'"):
        _ = museion.log.crdt.Countr


# Counter


def test_a_counter_counts_up_and_down_at_every_site() -> None:
    first, second = two(Counter(), Count(5))
    first.write(Count(-2))
    second.write(Count(4))
    assert meet(first, second) == 7


def test_a_counter_refuses_steps_that_its_total_could_not_bear() -> None:
    for step in (MAX_STEP + 1, -MAX_STEP - 1):
        with pytest.raises(StepTooLarge):
            Counter().prepare(Counter().zero(), Count(step))


# Registers


def test_the_last_writer_is_the_later_one_by_cause_whatever_the_clocks_say() -> None:
    first, second = two(LastWriterWins(str))
    first.write(Assign("old"), time_ms=100)
    second.hear(first)
    second.write(Assign("new"), time_ms=1)
    assert meet(first, second) == "new"


def test_of_concurrent_writers_the_later_clock_wins_and_then_the_larger_creator() -> None:
    for first_ms, second_ms, winner in ((2, 1, "a"), (1, 2, "b"), (1, 1, "b")):
        first, second = two(LastWriterWins(str))
        first.write(Assign("a"), first_ms)
        second.write(Assign("b"), second_ms)
        assert meet(first, second) == winner


def test_three_writes_that_beat_each_other_in_a_circle_have_one_winner() -> None:
    """Counter-example: `c` follows `a` with a slow clock, `b` is concurrent to both."""
    register = LastWriterWins(str)
    a, b, c = (
        (Assign("a"), stamp("A", 10, A=1)),
        (Assign("b"), stamp("B", 5, B=1)),
        (Assign("c"), stamp("C", 1, A=1, C=1)),
    )
    for order in permutations((a, b, c)):
        if order.index(a) < order.index(c):
            state = register.zero()
            for operation, its_stamp in order:
                state = register.effect(state, operation, its_stamp)
            assert register.value(state) == "b"


def test_a_multi_value_register_keeps_concurrent_values_each_with_its_stamp() -> None:
    first, second = two(MultiValue(str), Assign("old"))
    first.write(Assign("a"), 1)
    second.write(Assign("b"), 2)
    meet(first, second)
    found = MultiValue(str).value(first.state)
    assert [(each.value, each.stamp.creator, each.stamp.time_ms) for each in found] == [
        ("b", "B", 2),
        ("a", "A", 1),
    ]
    assert MultiValue(str).conflict(first.state)
    first.write(Assign("c"))
    meet(first, second)
    assert not MultiValue(str).conflict(second.state)


def test_equal_concurrent_values_are_no_conflict() -> None:
    first, second = two(MultiValue(str))
    first.write(Assign("a"))
    second.write(Assign("a"))
    meet(first, second)
    assert not MultiValue(str).conflict(first.state)
    assert len(MultiValue(str).value(first.state)) == 2


# Add-wins set and cart


def test_an_add_wins_over_a_concurrent_remove() -> None:
    first, second = two(AddWinsSet(str), Add("x"))
    first.write(Remove("x"))
    second.write(Add("x"))
    assert meet(first, second) == {"x"}


def test_a_remove_takes_away_all_adds_that_it_observed() -> None:
    first, second = two(AddWinsSet(str), Add("x"), Add("x"))
    second.write(Add("x"))
    meet(first, second)
    first.write(Remove("x"))
    assert meet(first, second) == frozenset()


def test_a_remove_carries_the_adds_that_it_observed() -> None:
    first, _ = two(AddWinsSet(str), Add("x"), Add("x"))
    prepared = AddWinsSet(str).prepare(first.state, Remove("x"))
    assert isinstance(prepared, Remove)
    assert prepared.adds == tuple(each.stamp.id for each in first.log)


def test_a_large_set_is_added_to_without_copying_its_elements() -> None:
    words = AddWinsSet(str)
    adds: dict[str, tuple[EventId, ...]] = {
        f"word-{number}": (stamp("A", A=number + 1).id,) for number in range(10_000)
    }
    state = AddWinsSetState(adds)
    later = words.effect(state, Add("new"), stamp("A", A=10_001))
    assert len(later.adds) == 10_001
    assert len(state.adds) == 10_000
    assert all(later.adds[word] is ids for word, ids in adds.items())


def test_quantities_of_surviving_adds_are_summed() -> None:
    first, second = two(Cart(str), PutIn("pear", 2), PutIn("pear", 1))
    first.write(TakeOut("pear"))
    second.write(PutIn("pear", 4))
    assert meet(first, second) == {"pear": 4}
    first.write(PutIn("pear", 1))
    second.write(PutIn("pear", 1))
    assert meet(first, second) == {"pear": 6}


@pytest.mark.parametrize("quantity", [0, -1, (1 << 40) + 1])
def test_a_cart_refuses_a_quantity_that_is_not_above_zero(quantity: int) -> None:
    with pytest.raises(InvalidQuantity):
        Cart(str).prepare(Cart(str).zero(), PutIn("pear", quantity))


# Ordered list

LIST = OrderedList(str)


def listed(*elements: str) -> tuple[Replica, Replica]:
    return two(LIST, InsertElements(elements))


def test_elements_stand_where_a_person_puts_them() -> None:
    one, _ = listed("a", "b", "c")
    one.write(InsertElements(("x",), index=0))
    one.write(InsertElements(("y",), after="a"))
    one.write(InsertElements(("z",)))
    one.write(InsertElements(("end",), index=99))
    assert one.value == ("x", "a", "y", "b", "c", "z", "end")
    one.write(MoveElements(("end", "x"), index=1))
    assert one.value == ("a", "end", "x", "y", "b", "c", "z")
    one.write(MoveElements(("a",), after="z"))
    one.write(RemoveElements(("y", "b")))
    assert one.value == ("end", "x", "c", "z", "a")


def test_an_element_is_in_the_list_once() -> None:
    one, _ = listed("a", "b", "a")
    one.write(InsertElements(("b", "c"), index=0))
    assert one.value == ("c", "a", "b")
    written = len(one.log)
    one.write(InsertElements(("a", "b")))
    one.write(MoveElements(("absent",), index=0))
    one.write(RemoveElements(("absent",)))
    assert len(one.log) == written


def test_an_element_that_two_sites_insert_is_there_once() -> None:
    first, second = listed("a", "b")
    first.write(InsertElements(("x",), index=0), 1)
    second.write(InsertElements(("x",), index=2), 2)
    assert meet(first, second) == ("a", "b", "x")
    first.write(RemoveElements(("x",)))
    assert meet(first, second) == ("a", "b")


@pytest.mark.parametrize("backwards", [False, True])
def test_runs_that_two_sites_insert_in_one_gap_are_not_mixed(backwards: bool) -> None:
    first, second = listed("a", "z")
    for number in range(4):
        for site, run in ((first, "f"), (second, "s")):
            after = "a" if backwards or not number else f"{run}{number - 1}"
            site.write(InsertElements((f"{run}{number}",), after=after))
    merged = meet(first, second)
    assert isinstance(merged, tuple)
    assert (merged[0], merged[-1]) == ("a", "z")
    assert [each[0] for each in merged[1:-1]] in (list("ffffssss"), list("ssssffff"))


def test_of_two_moves_of_one_element_one_place_wins_and_nothing_is_doubled() -> None:
    first, second = listed("a", "b", "c", "x")
    first.write(MoveElements(("x",), index=0), time_ms=1)
    second.write(MoveElements(("x",), after="b"), time_ms=2)
    assert meet(first, second) == ("a", "b", "x", "c")


def test_a_remove_wins_over_a_concurrent_move() -> None:
    first, second = listed("a", "b", "x")
    first.write(RemoveElements(("x",)), time_ms=1)
    second.write(MoveElements(("x",), index=0), time_ms=2)
    assert meet(first, second) == ("a", "b")
    first.write(InsertElements(("x",), index=1))
    assert meet(first, second) == ("a", "x", "b")


def test_an_insert_wins_over_a_concurrent_remove() -> None:
    first, second = listed("a", "x", "b")
    second.write(RemoveElements(("x",)))
    second.write(InsertElements(("x",), index=0))
    first.write(RemoveElements(("x",)))
    assert meet(first, second) == ("x", "a", "b")


def test_an_element_stays_after_one_that_was_removed_meanwhile() -> None:
    first, second = listed("a", "b", "c")
    first.write(RemoveElements(("b",)))
    second.write(InsertElements(("x",), after="b"))
    assert meet(first, second) == ("a", "x", "c")


def test_a_place_that_is_none_is_refused() -> None:
    one, _ = listed("a", "b")
    for wrong in (
        InsertElements(("x",), index=-1),
        InsertElements(("x",), index=0, after="a"),
        MoveElements(("a",), after="a"),
    ):
        with pytest.raises(InvalidPlace):
            one.write(wrong)
    with pytest.raises(NotInList):
        one.write(InsertElements(("x",), after="gone"))


def test_a_list_of_ten_thousand_is_read_whole() -> None:
    """Neither its length nor the depth of its tree is limited by recursion."""
    names = tuple(f"asset-{number}" for number in range(10_000))
    one, _ = listed(*names)
    one.write(MoveElements(("asset-9999",), index=0))
    assert one.value == ("asset-9999", *names[:-1])


def test_a_list_is_empty_before_the_first_insert() -> None:
    assert LIST.value(OrderedListState()) == ()
