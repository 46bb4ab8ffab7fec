"""What the HTTP API takes and says about duplicates. Keys are stable: added, never renamed."""

from __future__ import annotations

from typing import Any

import msgspec

from museion.api.schemas import Tile, tile
from museion.archive.catalog.records import AssetDetail
from museion.archive.duplicate_choice import Inheritance, LeftValue, Suggestion
from museion.archive.duplicate_keeping import Kept
from museion.archive.duplicates import DuplicateGroup, NearDuplicate


class DuplicateMember(Tile, frozen=True, kw_only=True):
    """One of several duplicates.

    `bits` and `similarity` compare it with the suggested one: in how many of 64 bits the
    fingerprints differ, and how similar the embeddings are. Null where the two are duplicates of
    the group's centre but not of each other; `similarity` also where one has no embedding.
    """

    size_bytes: int
    camera: str | None
    bits: int | None
    similarity: float | None
    tags: list[str]
    collections: list[str]


class DuplicatesShown(msgspec.Struct, frozen=True, kw_only=True):
    """A group of duplicates; its id is that of the member that came in first.

    `suggested` is the member to keep, and `why` says why; members are by ingest time.
    """

    id: str
    suggested: str
    why: list[str]
    members: list[DuplicateMember]


class TakenOver(msgspec.Struct, frozen=True, kw_only=True):
    """What the suggested member takes over from the others when it is kept.

    `left` are values that contradict it, or each other. `guarded` are members that fewer sites may
    read, so that nothing is taken over from them.
    """

    fields: dict[str, Any]
    tags: list[str]
    collections: list[str]
    left: list[LeftValue]
    guarded: list[str]


class DuplicatesDetail(DuplicatesShown, frozen=True, kw_only=True):
    """A group with what keeping the suggested member changes."""

    takes_over: TakenOver


class DuplicatesPage(msgspec.Struct, frozen=True):
    """A stretch of the groups, that with the latest asset first; `spare` counts what could go."""

    total: int
    spare: int
    items: list[DuplicatesShown]


class KeepWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which member is kept: `keep`, or the suggested one; the others go, or those of `only`."""

    by: str
    keep: str | None = None
    only: list[str] = []


class KeepSuggestedWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In which groups the suggested member is kept."""

    by: str
    groups: list[str]


class DismissWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who says that they are no duplicates."""

    by: str


class Dismissed(msgspec.Struct, frozen=True):
    """Assets that are not proposed as duplicates of each other again, at any site."""

    ids: list[str]


class KeepUndoWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which keeping is taken back: the `id` that it answered with."""

    by: str
    keeping: str


class KeepUndone(msgspec.Struct, frozen=True):
    """Assets that are out of the trash again."""

    restored: list[str]


class NearDuplicateShown(Tile, frozen=True, kw_only=True):
    """An asset that shows the same picture; see `DuplicateMember` for what the numbers say."""

    bits: int
    similarity: float | None


KeepOutcome = Kept
"""What a keeping did; `id` is for its undo."""


def duplicates_shown(
    group: DuplicateGroup,
    members: list[AssetDetail],
    suggestion: Suggestion,
    near: list[NearDuplicate],
) -> DuplicatesShown:
    """Return a group as lists show it; `near` compares its members with the suggested one."""
    compared = {each.asset_id: each for each in near}
    shown = []
    for each in members:
        own = each.summary.id == suggestion.asset_id
        other = compared.get(each.summary.id)
        shown.append(
            DuplicateMember(
                **msgspec.structs.asdict(tile(each.summary)),
                size_bytes=each.summary.size_bytes,
                camera=each.summary.camera,
                bits=0 if own else other.bits if other else None,
                similarity=1.0 if own else _rounded(other.similarity) if other else None,
                tags=each.people.tags,
                collections=list(each.collections),
            )
        )
    return DuplicatesShown(
        id=group.id, suggested=suggestion.asset_id, why=suggestion.why, members=shown
    )


def duplicates_detail(shown: DuplicatesShown, taken: Inheritance) -> DuplicatesDetail:
    """Return a group with what keeping the suggested member changes."""
    return DuplicatesDetail(
        id=shown.id,
        suggested=shown.suggested,
        why=shown.why,
        members=shown.members,
        takes_over=TakenOver(
            fields=dict(taken.changes.set),
            tags=list(taken.changes.add_tags),
            collections=list(taken.collections),
            left=list(taken.left),
            guarded=list(taken.guarded),
        ),
    )


def near_duplicate_shown(asset: Tile, near: NearDuplicate) -> NearDuplicateShown:
    """Return an asset that shows the same picture as another."""
    return NearDuplicateShown(
        **msgspec.structs.asdict(asset), bits=near.bits, similarity=_rounded(near.similarity)
    )


def _rounded(similarity: float | None) -> float | None:
    return None if similarity is None else round(similarity, 4)
