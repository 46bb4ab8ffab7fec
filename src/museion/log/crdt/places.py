"""Places in an order that every site extends: between any two of them a new one can be made.

The places form a tree, read from left to right. A new place hangs to the right of the place that
its author saw before it, or, where something hangs there already, to the left of the next one. So a
run of places that one site makes stays together whatever others make in the same gap, both when it
is made forwards and backwards. Places are never forgotten: others may hang on them.

Source: Weidner, Kleppmann, "The Art of the Fugue: Minimizing Interleaving in Collaborative Text
Editing", IEEE TPDS 36(11), 2025 (arXiv 2305.00583), algorithm 1. Several places made at once are a
chain under one name here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec


class PlaceId(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False, cache_hash=True):
    """The name of a place: the identity of the operation that made it, and which of several."""

    creator: str
    time: int
    index: int = 0


ROOT = PlaceId("", 0)
"""The beginning of the order; holds no element."""


class Branches(msgspec.Struct, frozen=True, array_like=True):
    """What hangs on a place, on each side from left to right."""

    lefts: tuple[PlaceId, ...] = ()
    rights: tuple[PlaceId, ...] = ()


class Spot(msgspec.Struct, frozen=True, array_like=True):
    """Where a new place is to hang: on which one, and on which side of it."""

    on: PlaceId = ROOT
    left: bool = False


Tree: TypeAlias = Mapping[PlaceId, Branches]
"""The branches of the places that have some."""

_NONE = Branches()


def spot_after(tree: Tree, before: PlaceId) -> Spot:
    """Return where a place hangs that shall follow directly after another one."""
    rights = tree.get(before, _NONE).rights
    if not rights:
        return Spot(before)
    following = rights[0]
    while lefts := tree.get(following, _NONE).lefts:
        following = lefts[0]
    return Spot(following, left=True)


def with_run(
    tree: Tree, spot: Spot, creator: str, time: int, length: int
) -> tuple[dict[PlaceId, Branches], list[PlaceId]]:
    """Return the tree with so many new places in a row, and these places."""
    grown = dict(tree)
    run = [PlaceId(creator, time, index) for index in range(length)]
    for place in run:
        _hang(grown, spot, place)
        spot = Spot(place)
    return grown, run


def in_order(tree: Tree) -> list[PlaceId]:
    """Return all places from left to right. O(places)."""
    ordered: list[PlaceId] = []
    # Not recursive: a list that grew at its end is as deep as it is long.
    pending: list[PlaceId | _Passed] = [ROOT]
    while pending:
        place = pending.pop()
        if isinstance(place, _Passed):
            ordered.append(place.place)
            continue
        branches = tree.get(place)
        if branches is None:
            ordered.append(place)
        elif branches.lefts:
            pending.extend(reversed(branches.rights))
            pending.append(_Passed(place))
            pending.extend(reversed(branches.lefts))
        else:
            ordered.append(place)
            pending.extend(reversed(branches.rights))
    return ordered


class _Passed(msgspec.Struct, frozen=True):
    """A place whose left branches stand above it on the stack."""

    place: PlaceId


def _hang(tree: dict[PlaceId, Branches], spot: Spot, place: PlaceId) -> None:
    branches = tree.get(spot.on, _NONE)
    if spot.left:
        tree[spot.on] = Branches(_with(branches.lefts, place), branches.rights)
    else:
        tree[spot.on] = Branches(branches.lefts, _with(branches.rights, place))


def _with(places: tuple[PlaceId, ...], new: PlaceId) -> tuple[PlaceId, ...]:
    return tuple(sorted((*places, new))) if places else (new,)
