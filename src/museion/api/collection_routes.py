"""Collections: sets of assets that people made, in their order."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import get, patch, post
from litestar.params import Parameter

from museion.api.asset_routes import Limit, Offset
from museion.api.edit_schemas import (
    CollectionChanges,
    CollectionPage,
    CollectionShown,
    CollectionWanted,
    MembersWanted,
    collection_shown,
)
from museion.api.openapi import problems
from museion.api.schemas import tile
from museion.archive.archive import Archive
from museion.archive.asset import AssetId, CollectionId

Id = Annotated[str, Parameter(description="Id of the collection: 16 characters.")]


@get("/api/collections", summary="All collections", sync_to_thread=True)
def list_collections(archive: Archive) -> list[CollectionShown]:
    """By name."""
    return [collection_shown(each) for each in archive.catalog.collections.all()]


@get(
    "/api/collections/{collection_id:str}",
    summary="A collection and a stretch of its members",
    sync_to_thread=True,
    responses=problems(400, 404),
)
def show_collection(
    archive: Archive, collection_id: Id, offset: Offset = 0, limit: Limit = 100
) -> CollectionPage:
    """Members are in the order that people gave them."""
    reader = archive.catalog.collections
    shown = collection_shown(reader.one(CollectionId(collection_id)))
    ids = reader.members(CollectionId(collection_id), offset=offset, limit=limit)
    assets = archive.catalog.summaries(ids)
    items = [tile(assets[each]) for each in ids if each in assets]
    return CollectionPage(
        **{name: getattr(shown, name) for name in CollectionShown.__struct_fields__}, items=items
    )


@post("/api/collections", summary="Begin a collection", responses=problems(400, 503))
async def make_collection(archive: Archive, data: CollectionWanted) -> CollectionShown:
    """It is empty."""
    collection_id = await archive.collections.make(data.name, by=data.by)
    return await _shown(archive, collection_id)


@patch(
    "/api/collections/{collection_id:str}",
    summary="Rename, describe or remove a collection",
    responses=problems(400, 404, 503),
)
async def change_collection(
    archive: Archive, collection_id: Id, data: CollectionChanges
) -> CollectionShown | None:
    """The last writer wins. Null where it is removed now; its assets stay."""
    await archive.collections.change(
        CollectionId(collection_id),
        by=data.by,
        name=data.name,
        description=data.description,
        removed=data.removed,
    )
    return None if data.removed else await _shown(archive, CollectionId(collection_id))


@post(
    "/api/collections/{collection_id:str}/add",
    summary="Put assets into a collection",
    status_code=200,
    responses=problems(400, 404, 409, 503),
)
async def add_members(archive: Archive, collection_id: Id, data: MembersWanted) -> CollectionShown:
    """Those that are there already stay where they are."""
    await archive.collections.add(
        CollectionId(collection_id),
        [AssetId(each) for each in data.ids],
        by=data.by,
        index=data.index,
        after=AssetId(data.after) if data.after else None,
    )
    return await _shown(archive, CollectionId(collection_id))


@post(
    "/api/collections/{collection_id:str}/move",
    summary="Put members elsewhere in a collection",
    status_code=200,
    responses=problems(400, 404, 409, 503),
)
async def move_members(archive: Archive, collection_id: Id, data: MembersWanted) -> CollectionShown:
    """`index` counts in the list without them."""
    await archive.collections.move(
        CollectionId(collection_id),
        [AssetId(each) for each in data.ids],
        by=data.by,
        index=data.index,
        after=AssetId(data.after) if data.after else None,
    )
    return await _shown(archive, CollectionId(collection_id))


@post(
    "/api/collections/{collection_id:str}/remove",
    summary="Take assets out of a collection",
    status_code=200,
    responses=problems(400, 404, 503),
)
async def remove_members(
    archive: Archive, collection_id: Id, data: MembersWanted
) -> CollectionShown:
    """They stay in the archive."""
    await archive.collections.take_out(
        CollectionId(collection_id), [AssetId(each) for each in data.ids], by=data.by
    )
    return await _shown(archive, CollectionId(collection_id))


async def _shown(archive: Archive, collection_id: CollectionId) -> CollectionShown:
    await archive.shown(archive.log.sequence_nr)
    return collection_shown(await asyncio.to_thread(archive.catalog.collections.one, collection_id))
