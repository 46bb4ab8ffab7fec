"""Duplicates: groups of assets that show the same picture, and seeing to them."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import get, post
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from museion.api.asset_routes import Id, Limit, Offset
from museion.api.duplicate_schemas import (
    Dismissed,
    DismissWanted,
    DuplicatesDetail,
    DuplicatesPage,
    DuplicatesShown,
    KeepOutcome,
    KeepSuggestedWanted,
    KeepUndone,
    KeepUndoWanted,
    KeepWanted,
    NearDuplicateShown,
    duplicates_detail,
    duplicates_shown,
    near_duplicate_shown,
)
from museion.api.openapi import problems
from museion.api.schemas import tile
from museion.archive.archive import Archive
from museion.archive.asset import AssetId, UnknownAsset
from museion.archive.catalog.records import AssetDetail
from museion.archive.duplicate_choice import Suggestion, inheritance, suggest
from museion.archive.duplicate_keeping import DuplicateKeeper, GroupChanged, TooManyMembers
from museion.archive.duplicates import DuplicateGroup, Duplicates, UnknownDuplicates
from museion.search.vector_index import VectorIndex

GroupId = Annotated[str, Parameter(description="Id of the group, or of any asset in it.")]


@get("/api/duplicates", summary="Groups of duplicates", responses=problems(400))
async def list_duplicates(
    archive: Archive, duplicates: Duplicates, offset: Offset = 0, limit: Limit = 50
) -> DuplicatesPage:
    """That with the latest asset first; what was dismissed is not among them."""
    return await asyncio.to_thread(_page, archive, duplicates, offset, limit)


@get(
    "/api/duplicates/{group_id:str}",
    summary="One group of duplicates",
    responses=problems(400, 404),
)
async def show_duplicates(
    archive: Archive, duplicates: Duplicates, group_id: GroupId
) -> DuplicatesDetail:
    """With what keeping the suggested member changes. 404 once the group was seen to."""
    return await asyncio.to_thread(_detail, archive, duplicates, group_id)


@get(
    "/api/assets/{asset_id:str}/duplicates",
    summary="Assets that show the same picture as one",
    responses=problems(400, 404),
)
async def near_duplicates(
    archive: Archive, duplicates: Duplicates, asset_id: Id
) -> list[NearDuplicateShown]:
    """The nearest first, dismissed ones included. What is only similar is not among them."""
    return await asyncio.to_thread(_near, archive, duplicates, AssetId(asset_id))


@post(
    "/api/duplicates/{group_id:str}/keep",
    summary="Keep one of a group and trash the others",
    status_code=200,
    responses=problems(400, 404, 409, 503),
)
async def keep(
    duplicate_keeper: DuplicateKeeper, group_id: GroupId, data: KeepWanted
) -> KeepOutcome:
    """It takes over tags, collections, and fields of which it has none. The `id` undoes it."""
    return await duplicate_keeper.keep(group_id, by=data.by, asset_id=data.keep, only=data.only)


@post(
    "/api/duplicates/keep",
    summary="Keep the suggested one of several groups",
    status_code=200,
    responses=problems(400, 404, 409, 503),
)
async def keep_suggested(
    duplicate_keeper: DuplicateKeeper, data: KeepSuggestedWanted
) -> list[KeepOutcome]:
    """One outcome a group, each to be undone by itself.

    A group that is gone, was changed meanwhile, or is too large to be seen to at once is passed
    over: what was done before it has to be told.
    """
    outcomes = []
    for group in data.groups:
        try:
            outcomes.append(await duplicate_keeper.keep(group, by=data.by))
        except (UnknownDuplicates, UnknownAsset, GroupChanged, TooManyMembers):
            continue
    return outcomes


@post(
    "/api/duplicates/{group_id:str}/dismiss",
    summary="Say that the assets of a group are no duplicates",
    status_code=200,
    responses=problems(400, 404, 503),
)
async def dismiss(
    duplicate_keeper: DuplicateKeeper, group_id: GroupId, data: DismissWanted
) -> Dismissed:
    """They are not proposed again, at any site."""
    return Dismissed(list(await duplicate_keeper.dismiss(group_id, by=data.by)))


@post(
    "/api/duplicates/undo",
    summary="Take a keeping back",
    status_code=200,
    responses=problems(400, 404, 409, 503),
)
async def undo_keeping(duplicate_keeper: DuplicateKeeper, data: KeepUndoWanted) -> KeepUndone:
    """The others leave the trash, and the kept one gives back what it took over."""
    return KeepUndone(list(await duplicate_keeper.undo(data.keeping, by=data.by)))


def routes() -> list[HTTPRouteHandler]:
    """Return the routes."""
    return [
        *(list_duplicates, show_duplicates, near_duplicates),
        *(keep, keep_suggested, dismiss, undo_keeping),
    ]


def dependencies(archive: Archive) -> dict[str, Provide]:
    """Return what the routes ask for: the finder and the keeper of an archive's duplicates."""
    duplicates = duplicates_of(archive)
    keeper = DuplicateKeeper(archive.log, archive.catalog, duplicates, shown=archive.shown)
    return {
        "duplicates": Provide(lambda: duplicates, sync_to_thread=False),
        "duplicate_keeper": Provide(lambda: keeper, sync_to_thread=False),
    }


def duplicates_of(archive: Archive) -> Duplicates:
    """Return what finds the duplicates of an archive, by the embeddings that it searches now."""

    def vectors() -> tuple[str, VectorIndex]:
        generation = archive.searcher.generation
        return generation.space.id, generation.vectors

    return Duplicates(archive.catalog, vectors)


def _page(archive: Archive, duplicates: Duplicates, offset: int, limit: int) -> DuplicatesPage:
    groups = duplicates.groups()
    shown = [_shown(archive, duplicates, each) for each in groups[offset : offset + limit]]
    spare = sum(len(each.members) - 1 for each in groups)
    return DuplicatesPage(len(groups), spare, [each[0] for each in shown if each])


def _detail(archive: Archive, duplicates: Duplicates, group_id: str) -> DuplicatesDetail:
    found = _shown(archive, duplicates, duplicates.group(group_id))
    if found is None:
        raise UnknownDuplicates(group_id)
    shown, members, suggestion = found
    kept = next(each for each in members if each.summary.id == suggestion.asset_id)
    others = [each for each in members if each is not kept]
    return duplicates_detail(shown, inheritance(kept, others))


def _shown(
    archive: Archive, duplicates: Duplicates, group: DuplicateGroup
) -> tuple[DuplicatesShown, list[AssetDetail], Suggestion] | None:
    """Return a group with its members, None where one has gone meanwhile."""
    try:
        members = [archive.catalog.detail(each) for each in group.members]
        suggestion = suggest(members)
        near = duplicates.near_duplicates(suggestion.asset_id)
    except UnknownAsset:
        return None
    return duplicates_shown(group, members, suggestion, near), members, suggestion


def _near(archive: Archive, duplicates: Duplicates, asset_id: AssetId) -> list[NearDuplicateShown]:
    found = duplicates.near_duplicates(asset_id)
    assets = archive.catalog.summaries([each.asset_id for each in found])
    return [
        near_duplicate_shown(tile(assets[each.asset_id]), each)
        for each in found
        if each.asset_id in assets
    ]
