"""The laws of each type, against an oracle that takes all operations together."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from museion.log.crdt.add_wins_set import Add, AddWinsSet, AddWinsSetState, Remove
from museion.log.crdt.cart import Cart, CartState, PutIn, TakeOut
from museion.log.crdt.counter import Count, Counter, CounterState
from museion.log.crdt.crdt import Stamp
from museion.log.crdt.last_writer_wins import LastWriterWins
from museion.log.crdt.multi_value import MultiValue
from museion.log.crdt.ordered_list import (
    InsertElements,
    ListOperation,
    MoveElements,
    OrderedList,
    OrderedListState,
    RemoveElements,
)
from museion.log.crdt.places import ROOT, PlaceId
from museion.log.crdt.versions import Assign, RegisterState, Version
from museion.log.event import EventId
from museion.testing.contracts.crdt import CrdtContract, Written

ELEMENTS = "abcd"


def happened_before(first: Stamp, second: Stamp) -> bool:
    return first.vector_timestamp < second.vector_timestamp


class TestCounter(CrdtContract[CounterState, Count, int]):
    def crdt(self) -> Counter:
        return Counter()

    def operation(self, random: Random, state: CounterState) -> Count:
        return Count(random.randint(-5, 5))

    def oracle(self, written: Sequence[Written[Count]]) -> int:
        return sum(each.operation.by for each in written)


def last_written(written: Sequence[tuple[Stamp, object]]) -> object:
    """Of the writes that no other write knew, the one with the latest clock."""
    stamps = [stamp for stamp, _ in written]
    maxima = [
        (stamp.time_ms, stamp.creator, stamp.id.time, value)
        for stamp, value in written
        if not any(happened_before(stamp, other) for other in stamps)
    ]
    return max(maxima, key=lambda each: each[:3])[3] if maxima else None


class TestLastWriterWins(CrdtContract[RegisterState[int], Assign[int], int | None]):
    def crdt(self) -> LastWriterWins[int]:
        return LastWriterWins(int)

    def operation(self, random: Random, state: RegisterState[int]) -> Assign[int]:
        return Assign(random.randint(0, 1000))

    def oracle(self, written: Sequence[Written[Assign[int]]]) -> object:
        return last_written([(each.stamp, each.operation.value) for each in written])


class TestMultiValue(CrdtContract[RegisterState[int], Assign[int], tuple[Version[int], ...]]):
    def crdt(self) -> MultiValue[int]:
        return MultiValue(int)

    def operation(self, random: Random, state: RegisterState[int]) -> Assign[int]:
        if random.random() < 0.7:
            return Assign(random.randint(0, 3))
        seen = [each.stamp.id for each in state.versions if random.random() < 0.7]
        return Assign(random.randint(0, 3), tuple(seen))

    def oracle(self, written: Sequence[Written[Assign[int]]]) -> object:
        def is_replaced(old: Written[Assign[int]]) -> bool:
            return any(
                happened_before(old.stamp, new.stamp)
                if new.operation.replaces is None
                else old.stamp.id in new.operation.replaces
                for new in written
            )

        left = [each for each in written if not is_replaced(each)]
        left.sort(key=lambda each: each.stamp.rank, reverse=True)
        return tuple(Version(each.operation.value, each.stamp) for each in left)


class TestAddWinsSet(CrdtContract[AddWinsSetState[str], Add[str] | Remove[str], frozenset[str]]):
    def crdt(self) -> AddWinsSet[str]:
        return AddWinsSet(str)

    def operation(self, random: Random, state: AddWinsSetState[str]) -> Add[str] | Remove[str]:
        return random.choice((Add, Remove))(random.choice(ELEMENTS))

    def oracle(self, written: Sequence[Written[Add[str] | Remove[str]]]) -> object:
        """By causality, not by the adds that a remove carries: an element is in the set if an add
        of it happened before no remove of it."""
        adds = [each for each in written if isinstance(each.operation, Add)]
        removes = [each for each in written if isinstance(each.operation, Remove)]
        return frozenset(
            add.operation.element
            for add in adds
            if not any(
                remove.operation.element == add.operation.element
                and happened_before(add.stamp, remove.stamp)
                for remove in removes
            )
        )


class TestCart(CrdtContract[CartState[str], PutIn[str] | TakeOut[str], dict[str, int]]):
    def crdt(self) -> Cart[str]:
        return Cart(str)

    def operation(self, random: Random, state: CartState[str]) -> PutIn[str] | TakeOut[str]:
        key = random.choice(ELEMENTS)
        return PutIn(key, random.randint(1, 5)) if random.random() < 0.6 else TakeOut(key)

    def oracle(self, written: Sequence[Written[PutIn[str] | TakeOut[str]]]) -> object:
        sums: dict[str, int] = {}
        for each in written:
            put = each.operation
            if isinstance(put, PutIn) and not any(
                isinstance(other.operation, TakeOut)
                and other.operation.key == put.key
                and happened_before(each.stamp, other.stamp)
                for other in written
            ):
                sums[put.key] = sums.get(put.key, 0) + put.quantity
        return sums


class TestOrderedList(CrdtContract[OrderedListState[str], ListOperation[str], tuple[str, ...]]):
    def crdt(self) -> OrderedList[str]:
        return OrderedList(str)

    def operation(self, random: Random, state: OrderedListState[str]) -> ListOperation[str]:
        elements = tuple(random.sample("abcdefgh", random.randint(1, 3)))
        present = [each for each in self.crdt().value(state) if each not in elements]
        drawn = random.random()
        if drawn < 0.25:
            return RemoveElements(elements[:1])
        kind = InsertElements if drawn < 0.65 else MoveElements
        if present and random.random() < 0.5:
            return kind(elements, after=random.choice(present))
        return kind(elements, index=random.choice((None, 0, 1, 2, 5)))

    def oracle(self, written: Sequence[Written[ListOperation[str]]]) -> object:
        standing = {_place_of(element, written): element for element in _members(written)}
        return tuple(standing[place] for place in _walk(ROOT, written) if place in standing)


def _members(written: Sequence[Written[ListOperation[str]]]) -> set[str]:
    return {
        element
        for each in written
        if isinstance(each.operation, InsertElements)
        for element in each.operation.elements
        if not any(
            isinstance(other.operation, RemoveElements)
            and element in other.operation.elements
            and happened_before(each.stamp, other.stamp)
            for other in written
        )
    }


def _place_of(element: str, written: Sequence[Written[ListOperation[str]]]) -> object:
    about = [each for each in written if element in each.operation.elements]
    return last_written(
        [
            (
                each.stamp,
                PlaceId(
                    each.stamp.creator,
                    each.stamp.id.time,
                    each.operation.elements.index(element),
                ),
            )
            for each in about
            if not isinstance(each.operation, RemoveElements)
            and not any(
                isinstance(other.operation, RemoveElements)
                and happened_before(each.stamp, other.stamp)
                for other in about
            )
        ]
    )


def _walk(place: PlaceId, written: Sequence[Written[ListOperation[str]]]) -> list[PlaceId]:
    """By the definition of the tree: what hangs to the left, the place, what hangs to the right."""
    hanging: dict[bool, list[PlaceId]] = {True: [], False: []}
    for each in written:
        if isinstance(each.operation, RemoveElements):
            continue
        name = EventId(each.stamp.creator, each.stamp.id.time)
        own = [PlaceId(name.process_id, name.time, i) for i in range(len(each.operation.elements))]
        if each.operation.at.on == place:
            hanging[each.operation.at.left].append(own[0])
        if place in own[:-1]:
            hanging[False].append(own[own.index(place) + 1])
    lefts = [found for each in sorted(hanging[True]) for found in _walk(each, written)]
    rights = [found for each in sorted(hanging[False]) for found in _walk(each, written)]
    return [*lefts, place, *rights]
