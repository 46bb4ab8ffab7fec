"""A list of distinct elements in a person's order, which every site changes.

What wins where changes are concurrent:

- two inserts in one gap: both stay, each run in one piece, in the same order everywhere;
- two inserts of one element: it is there once, at the place written last;
- two moves of one element: it stands once, at the place written last (`LastWriterWins` says what
  "last" means);
- a remove and an insert of one element: the insert, as in `AddWinsSet`;
- a remove and a move of one element: the remove. A move says where an element stands and not that
  it belongs there. Whoever sorts a list moves all of it, and would else bring back everything that
  others took out meanwhile.

Source: the order is that of `places`; that a move is a write of a register that holds the place,
and so makes no second element: Kleppmann, "Moving Elements in List CRDTs", PaPoC 2020.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from museion.base.errors import Conflict, InvalidInput
from museion.log.crdt.add_wins_set import with_id
from museion.log.crdt.crdt import Stamp, StoredCrdt
from museion.log.crdt.places import ROOT, Branches, PlaceId, Spot, in_order, spot_after, with_run
from museion.log.event import EventId

E = TypeVar("E", bound=Hashable)


class InsertElements(msgspec.Struct, Generic[E], frozen=True, omit_defaults=True, tag="insert"):
    """Put elements in, in a row; those that are there already stay where they are.

    Attributes:
        index: put them before what stands there, from 0; beyond the end is the end.
        after: or put them after this element; with neither of the two, at the end.
        at: the place; `prepare` works it out.
    """

    elements: tuple[E, ...]
    index: int | None = None
    after: E | None = None
    at: Spot = Spot()


class MoveElements(msgspec.Struct, Generic[E], frozen=True, omit_defaults=True, tag="move"):
    """Put elements that are there elsewhere, in a row; those that are not there are left out.

    Attributes:
        index, after, at: as in `InsertElements`; `index` counts in the list without them.
    """

    elements: tuple[E, ...]
    index: int | None = None
    after: E | None = None
    at: Spot = Spot()


class RemoveElements(msgspec.Struct, Generic[E], frozen=True, tag="remove"):
    """Take elements out.

    Attributes:
        adds: the inserts that give way; `prepare` fills in those that it observes.
    """

    elements: tuple[E, ...]
    adds: tuple[EventId, ...] = ()


ListOperation: TypeAlias = InsertElements[E] | MoveElements[E] | RemoveElements[E]


class Placing(msgspec.Struct, frozen=True):
    """An element was given a place."""

    place: PlaceId
    stamp: Stamp


class Entry(msgspec.Struct, frozen=True):
    """What is known of an element.

    Attributes:
        adds: the inserts that no remove has taken away, sorted; it is in the list if there are any.
        placings: those that no later placing or remove knew, the last written first.
    """

    adds: tuple[EventId, ...] = ()
    placings: tuple[Placing, ...] = ()


class OrderedListState(msgspec.Struct, Generic[E], frozen=True):
    """The elements, and the tree of all places that there ever were."""

    entries: dict[E, Entry] = {}
    tree: dict[PlaceId, Branches] = {}


class NotInList(Conflict):
    """The element that others shall stand after is not in the list."""

    def __init__(self, element: object) -> None:
        super().__init__(
            f"Expected an element of the list to stand after, got {element!r:.200}.",
            remedy="It may have been removed at another site: read the list again.",
        )


class InvalidPlace(InvalidInput):
    """A place is given in a way that names none."""

    def __init__(self, found: object) -> None:
        super().__init__(
            f"Expected an index from 0 or an element that stays where it is, got {found!r:.200}."
        )


class OrderedList(StoredCrdt[OrderedListState[E], ListOperation[E], tuple[E, ...]]):
    """A `StoredCrdt` whose value is the elements in order.

    An effect copies two dictionaries of references; `value` and `prepare` are O(places), some
    milliseconds at 10,000. Insert and move many at once: that is one operation. An event carries
    at most one insert or move of a list, since places have the name of their event.

    Args:
        element_type: what elements are decoded to; hashable, and not None.
        name: stable written name; lists of another element type take another one.
    """

    name = "ordered-list"
    needs_state = True

    def __init__(self, element_type: type[E], *, name: str = name) -> None:
        self.name = name
        self._element_type = element_type

    # Any: see `StoredCrdt`.
    @property
    def state_type(self) -> Any:
        """The type of states."""
        return OrderedListState[self._element_type]  # type: ignore[name-defined]  # known when it runs

    @property
    def operation_type(self) -> Any:
        """The type of operations."""
        element: Any = self._element_type
        return InsertElements[element] | MoveElements[element] | RemoveElements[element]

    def zero(self) -> OrderedListState[E]:
        """Return the empty list."""
        return OrderedListState()

    def value(self, state: OrderedListState[E]) -> tuple[E, ...]:
        """Return the elements in order."""
        return tuple(_placed(state).values())

    def prepare(
        self, state: OrderedListState[E], operation: ListOperation[E]
    ) -> ListOperation[E] | None:
        """Return the operation for the elements that it concerns, with its place or the inserts
        that it observes; None if it concerns none.

        Raises:
            InvalidPlace: a negative index, both an index and an element to stand after, or one that
                is moved itself.
            NotInList: the element to stand after is not there.
        """
        inserts = isinstance(operation, InsertElements)
        elements = tuple(
            each
            for each in dict.fromkeys(operation.elements)
            if _is_in(state.entries, each) is not inserts
        )
        if not elements:
            return None
        if isinstance(operation, RemoveElements):
            observed = {each for element in elements for each in state.entries[element].adds}
            adds = tuple(sorted(observed, key=lambda each: (each.process_id, each.time)))
            return RemoveElements(elements, adds)
        at = _spot(state, elements, operation)
        if isinstance(operation, InsertElements):
            return InsertElements(elements, at=at)
        return MoveElements(elements, at=at)

    def effect(
        self, state: OrderedListState[E], operation: ListOperation[E], stamp: Stamp
    ) -> OrderedListState[E]:
        """Return the list after an operation."""
        entries = state.entries.copy()
        if isinstance(operation, RemoveElements):
            for element in operation.elements:
                _put(entries, element, _removed(entries.get(element), operation.adds, stamp))
            return OrderedListState(entries, state.tree)
        tree, run = with_run(
            state.tree, operation.at, stamp.creator, stamp.id.time, len(operation.elements)
        )
        inserts = isinstance(operation, InsertElements)
        for element, place in zip(operation.elements, run, strict=True):
            known = entries.get(element, Entry())
            adds = with_id(known.adds, stamp.id) if inserts else known.adds
            entries[element] = Entry(adds, _placings(known, Placing(place, stamp)))
        return OrderedListState(entries, tree)


def _spot(
    state: OrderedListState[E],
    elements: tuple[E, ...],
    operation: InsertElements[E] | MoveElements[E],
) -> Spot:
    index, after = operation.index, operation.after
    if index is not None and (index < 0 or after is not None):
        raise InvalidPlace((index, after))
    if after is not None:
        if after in elements:
            raise InvalidPlace(after)
        if not _is_in(state.entries, after):
            raise NotInList(after)
        return spot_after(state.tree, state.entries[after].placings[0].place)
    moving = frozenset(elements)
    stay = [place for place, element in _placed(state).items() if element not in moving]
    count = len(stay) if index is None else min(index, len(stay))
    return spot_after(state.tree, stay[count - 1] if count else ROOT)


def _placed(state: OrderedListState[E]) -> dict[PlaceId, E]:
    """Return the elements of the list by their places, in order."""
    standing = {
        entry.placings[0].place: element
        for element, entry in state.entries.items()
        if entry.adds and entry.placings
    }
    return {place: standing[place] for place in in_order(state.tree) if place in standing}


def _is_in(entries: Mapping[E, Entry], element: E) -> bool:
    entry = entries.get(element)
    return entry is not None and bool(entry.adds)


def _placings(known: Entry, new: Placing) -> tuple[Placing, ...]:
    kept = _unknown_to(new.stamp, known.placings)
    return tuple(sorted((*kept, new), key=lambda each: each.stamp.rank, reverse=True))


def _removed(known: Entry | None, adds: tuple[EventId, ...], stamp: Stamp) -> Entry:
    if known is None:
        return Entry()
    left = tuple(each for each in known.adds if each not in adds)
    return Entry(left, tuple(_unknown_to(stamp, known.placings)))


def _unknown_to(stamp: Stamp, placings: Iterable[Placing]) -> list[Placing]:
    past = stamp.vector_timestamp
    return [each for each in placings if not each.stamp.vector_timestamp < past]


def _put(entries: dict[E, Entry], element: E, entry: Entry) -> None:
    if entry.adds or entry.placings:
        entries[element] = entry
    else:
        entries.pop(element, None)
