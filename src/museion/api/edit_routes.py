"""What people change of assets: fields, tags, trash, comments; and taking a change back."""

from __future__ import annotations

from litestar import patch, post

from museion.api.asset_routes import Id
from museion.api.edit_schemas import (
    AssetChanges,
    CommentWanted,
    EditOutcome,
    ManyChanges,
    Person,
    UndoWanted,
    changes_of,
    edit_outcome,
)
from museion.api.openapi import problems
from museion.archive.archive import Archive
from museion.archive.asset import AssetId


@patch(
    "/api/assets/{asset_id:str}",
    summary="Change fields and tags of an asset",
    responses=problems(400, 404, 503),
)
async def edit(archive: Archive, asset_id: Id, data: AssetChanges) -> EditOutcome:
    """What came in since `seen` is not overwritten: it stays beside the new value, in conflict."""
    edited = await archive.edit(
        AssetId(asset_id), changes_of(data), by=data.by, seen=data.seen or None
    )
    return edit_outcome(edited)


@post(
    "/api/assets/edit",
    summary="Change several assets alike",
    status_code=200,
    responses=problems(400, 404, 503),
)
async def edit_many(archive: Archive, data: ManyChanges) -> list[EditOutcome]:
    """All of them or none."""
    ids = [AssetId(each) for each in data.ids]
    edited = await archive.edit_many(ids, changes_of(data), by=data.by)
    return [edit_outcome(each) for each in edited]


@post(
    "/api/assets/{asset_id:str}/undo",
    summary="Take back what is left of a change",
    status_code=200,
    responses=problems(400, 404, 409, 503),
)
async def undo(archive: Archive, asset_id: Id, data: UndoWanted) -> EditOutcome:
    """What others have written since stays."""
    return edit_outcome(await archive.undo(AssetId(asset_id), data.change, by=data.by))


@post(
    "/api/assets/{asset_id:str}/trash",
    summary="Hide an asset until it is restored",
    status_code=200,
    responses=problems(400, 404, 503),
)
async def trash(archive: Archive, asset_id: Id, data: Person) -> EditOutcome:
    """It is in no list and no answer; its bytes stay."""
    return edit_outcome(await archive.trash(AssetId(asset_id), by=data.by))


@post(
    "/api/assets/{asset_id:str}/restore",
    summary="Take an asset out of the trash",
    status_code=200,
    responses=problems(400, 404, 503),
)
async def restore(archive: Archive, asset_id: Id, data: Person) -> EditOutcome:
    """Wins over a trashing at another site that did not know of it."""
    return edit_outcome(await archive.restore(AssetId(asset_id), by=data.by))


@post(
    "/api/assets/{asset_id:str}/comments",
    summary="Say something about an asset",
    responses=problems(400, 404, 503),
)
async def comment(archive: Archive, asset_id: Id, data: CommentWanted) -> EditOutcome:
    """Comments are only added."""
    return edit_outcome(await archive.comment(AssetId(asset_id), data.text, by=data.by))
