"""Collections: sets of assets that people made in their order, or that a query finds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from litestar import get, patch, post
from litestar.params import Parameter
from msgspec.structs import replace

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
from museion.archive.catalog.collection_reader import CollectionSummary
from museion.archive.catalog.records import AssetSummary
from museion.archive.stored_queries import StoredQueries

Id = Annotated[str, Parameter(description="Id of the collection: 16 characters.")]


@get("/api/collections", summary="All collections", sync_to_thread=True)
def list_collections(archive: Archive) -> list[CollectionShown]:
    """By name. What the queries among them find is counted when one is opened."""
    return [collection_shown(each) for each in archive.catalog.collections.all()]


@get(
    "/api/collections/{collection_id:str}",
    summary="A collection and a stretch of its members",
    sync_to_thread=True,
    responses=problems(400, 404, 409),
)
def show_collection(
    archive: Archive, collection_id: Id, offset: Offset = 0, limit: Limit = 100
) -> CollectionPage:
    """Members are in the order that people gave them, or in which a query finds them now."""
    collection = archive.catalog.collections.one(CollectionId(collection_id))
    shown, assets = collection_shown(collection), _members(archive, collection, offset, limit)
    if collection.query:
        found, assets = _queries(archive).page(collection.query, offset=offset, limit=limit)
        shown = replace(shown, count=found, cover=_cover(assets) if offset == 0 else None)
    values = {name: getattr(shown, name) for name in CollectionShown.__struct_fields__}
    return CollectionPage(**values, items=[tile(each) for each in assets])


@post("/api/collections", summary="Begin a collection", responses=problems(400, 503))
async def make_collection(archive: Archive, data: CollectionWanted) -> CollectionShown:
    """It is empty, or has what its query finds whenever somebody opens it."""
    if data.query.strip():
        await asyncio.to_thread(_queries(archive).check, data.query)
    collection_id = await archive.collections.make(data.name, by=data.by, query=data.query)
    return await _shown(archive, collection_id)


@patch(
    "/api/collections/{collection_id:str}",
    summary="Rename, describe or remove a collection, or change its query",
    responses=problems(400, 404, 409, 503),
)
async def change_collection(
    archive: Archive, collection_id: Id, data: CollectionChanges
) -> CollectionShown | None:
    """The last writer wins. Null where it is removed now; its assets stay.

    Where the query is taken away, what it finds now stays as members.
    """
    query = None if data.query is None else data.query.strip()
    if query:
        await asyncio.to_thread(_queries(archive).check, query)
    elif query == "":
        await _freeze(archive, CollectionId(collection_id), by=data.by)
    await archive.collections.change(
        CollectionId(collection_id),
        by=data.by,
        name=data.name,
        description=data.description,
        removed=data.removed,
        query=query or None,
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
    responses=problems(400, 404, 409, 503),
)
async def remove_members(
    archive: Archive, collection_id: Id, data: MembersWanted
) -> CollectionShown:
    """They stay in the archive."""
    await archive.collections.take_out(
        CollectionId(collection_id), [AssetId(each) for each in data.ids], by=data.by
    )
    return await _shown(archive, CollectionId(collection_id))


async def _freeze(archive: Archive, collection_id: CollectionId, *, by: str) -> None:
    """Keep as members what the query of a collection finds now, and take the query away."""
    query = (await archive.collections.history(collection_id)).query
    if query:
        found = await asyncio.to_thread(_queries(archive).all, query)
        await archive.collections.freeze(collection_id, found, by=by)


def _queries(archive: Archive) -> StoredQueries:
    return StoredQueries(archive.catalog, archive.searcher)


def _members(
    archive: Archive, collection: CollectionSummary, offset: int, limit: int
) -> Sequence[AssetSummary]:
    ids = archive.catalog.collections.members(collection.id, offset=offset, limit=limit)
    assets = archive.catalog.summaries(ids)
    return [assets[each] for each in ids if each in assets]


def _cover(assets: Sequence[AssetSummary]) -> str | None:
    thumbnails = (asset.thumbnail for asset in assets)
    first = next((thumbnail for thumbnail in thumbnails if thumbnail), None)
    return first and f"/api/blobs/{first}"


async def _shown(archive: Archive, collection_id: CollectionId) -> CollectionShown:
    await archive.shown(archive.log.sequence_nr)
    return collection_shown(await asyncio.to_thread(archive.catalog.collections.one, collection_id))
