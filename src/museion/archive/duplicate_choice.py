"""Which of several duplicates to keep, and what it takes over from the others.

Not the largest file: that is often the one that was saved badly. Of metadata nothing is lost either
way, so the picture itself counts first, then what speaks for an original, then what people gave it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from museion.archive.asset import AssetId, CollectionId
from museion.archive.catalog.fields import EMBEDDED_FIELDS
from museion.archive.catalog.records import AssetDetail
from museion.archive.catalog.schema import folded
from museion.archive.events import PersonValue
from museion.archive.wanted_changes import Changes

_NEARLY_AS_LARGE = 0.9
"""Pictures with so many of the most pixels count as equally large."""
_TEXTS = tuple(name for name in EMBEDDED_FIELDS if name != "rating")


class Suggestion(msgspec.Struct, frozen=True):
    """Which asset of a group to keep, and why that one; the strongest reason first."""

    asset_id: AssetId
    why: list[str]


class LeftValue(msgspec.Struct, frozen=True):
    """A value of an asset that is not taken over, because the kept one says something else.

    Attributes:
        kept: what the kept asset says; None where others contradict each other.
    """

    asset_id: AssetId
    field: str
    value: PersonValue
    kept: PersonValue


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a kept asset takes over from the others.

    Attributes:
        changes: of its fields and tags.
        collections: that it joins, each with the member behind which it comes.
        left: what contradicts, and stays where it is.
        guarded: assets that fewer sites may read than the kept one; nothing of them is taken over,
            because it would be told to all who may read the kept one.
    """

    changes: Changes = field(default_factory=Changes)
    collections: Mapping[CollectionId, AssetId] = field(default_factory=dict)
    left: Sequence[LeftValue] = ()
    guarded: Sequence[AssetId] = ()


def suggest(members: Sequence[AssetDetail]) -> Suggestion:
    """Return which of the members to keep; the same at every site that knows the same of them.

    Args:
        members: at least one.
    """
    left = sorted(members, key=lambda each: (each.summary.ingest_time, each.summary.id))
    most_pixels = max(map(_pixels, left))
    why = []
    for measure, told in _CRITERIA:
        worth = [measure(each, most_pixels) for each in left]
        best = max(worth)
        winners = [each for each, value in zip(left, worth, strict=True) if value == best]
        if len(winners) < len(left):
            why.append(told(winners[0]))
        left = winners
    return Suggestion(left[0].summary.id, why or ["came in first"])


def inheritance(kept: AssetDetail, others: Sequence[AssetDetail]) -> Inheritance:
    """Return what an asset takes over: tags and collections; of other fields what it has not.

    Of several ratings the highest counts. Where it says nothing itself and the others contradict
    each other, all is left as it is.
    """
    guarded = [each.summary.id for each in others if not _may_tell(each, kept)]
    donors = [each for each in others if each.summary.id not in guarded]
    wanted: dict[str, object] = {}
    left: list[LeftValue] = []
    for name in _TEXTS:
        said = _texts(name, donors)
        own = getattr(kept.summary, name)
        if own is None and len({value for _, value in said}) == 1:
            wanted[name] = said[0][1]
        else:
            left += [LeftValue(giver, name, value, own) for giver, value in said if value != own]
    ratings = [each.summary.rating for each in donors if each.summary.rating]
    if ratings and not kept.summary.rating:
        wanted["rating"] = max(ratings)
    changes = Changes(set=wanted, add_tags=_new_tags(kept, donors))
    return Inheritance(changes, _new_collections(kept, donors), left, guarded)


def _texts(name: str, donors: Sequence[AssetDetail]) -> list[tuple[AssetId, str]]:
    said = [(each.summary.id, getattr(each.summary, name)) for each in donors]
    return [(giver, value) for giver, value in said if value]


def _may_tell(giver: AssetDetail, kept: AssetDetail) -> bool:
    """Tell whether all who may read the kept asset may know what the giver says."""
    allowed, readers = giver.people.access, kept.people.access
    return allowed is None or (readers is not None and set(readers) <= set(allowed))


def _new_tags(kept: AssetDetail, donors: Sequence[AssetDetail]) -> list[str]:
    known = {folded(term) for term in (*kept.people.tags, *kept.keywords)}
    terms = [term for each in donors for term in (*each.people.tags, *each.keywords)]
    return list({folded(term): term for term in terms if folded(term) not in known}.values())


def _new_collections(
    kept: AssetDetail, donors: Sequence[AssetDetail]
) -> dict[CollectionId, AssetId]:
    joined: dict[CollectionId, AssetId] = {}
    for each in donors:
        for collection_id in each.collections:
            if collection_id not in kept.collections:
                joined.setdefault(collection_id, each.summary.id)
    return joined


def _pixels(detail: AssetDetail) -> int:
    return (detail.summary.width or 0) * (detail.summary.height or 0)


def _large(detail: AssetDetail, most_pixels: int) -> int:
    """Return the pixels; those that are nearly the most count as the most."""
    pixels = _pixels(detail)
    return most_pixels if pixels >= most_pixels * _NEARLY_AS_LARGE else pixels


def _richness(detail: AssetDetail, _: int) -> int:
    return len({each.field for each in detail.values})


def _said(detail: AssetDetail, _: int) -> int:
    """Return how much people gave it."""
    return len(detail.people.tags) + len(detail.people.fields) + len(detail.people.comments)


def _early(detail: AssetDetail, _: int) -> tuple[int, ...]:
    """Return a value that is larger for an earlier capture; an unknown one is the latest."""
    time = detail.summary.capture_time
    return tuple(-ord(letter) for letter in time) if time else (-ord("~"),)


def _density(detail: AssetDetail, _: int) -> float:
    """Return the bytes of a pixel in tenths: within one format, how little was thrown away."""
    if detail.summary.media_type != "image/jpeg" or not _pixels(detail):
        return 0.0
    return round(detail.summary.size_bytes / _pixels(detail), 1)


_CRITERIA: tuple[tuple[Callable[[AssetDetail, int], Any], Callable[[AssetDetail], str]], ...] = (
    (_large, lambda one: f"most pixels ({one.summary.width} × {one.summary.height})"),
    (lambda one, _: one.summary.kind == "raw", lambda _: "the camera's raw original"),
    (
        lambda one, _: one.summary.camera is not None,
        lambda one: f"tells its camera ({one.summary.camera})",
    ),
    (_richness, lambda one: f"most metadata ({_richness(one, 0)} fields)"),
    (lambda one, _: one.summary.rating or 0, lambda one: f"best rating ({one.summary.rating})"),
    (
        lambda one, _: len(one.collections),
        lambda one: f"in most collections ({len(one.collections)})",
    ),
    (_said, lambda _: "most said about it by people"),
    (_early, lambda one: f"taken earliest ({one.summary.capture_time})"),
    (_density, lambda _: "least compressed"),
)
"""What counts, in this order, and how it is told: each decides only between those that are equal by
all before it."""
