"""Fields that two sites gave different values, and settling them."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import get, post
from litestar.params import Parameter

from museion.api.asset_routes import Limit, Offset
from museion.api.edit_schemas import (
    ConflictPage,
    ConflictShown,
    EditOutcome,
    Resolution,
    conflict_shown,
    edit_outcome,
)
from museion.api.openapi import problems
from museion.archive.archive import Archive

ConflictId = Annotated[str, Parameter(description="Id of the conflict: asset and field.")]


@get("/api/conflicts", summary="Fields that wait for a person", responses=problems(400))
async def list_conflicts(archive: Archive, offset: Offset = 0, limit: Limit = 100) -> ConflictPage:
    """The last written first; each with all its versions."""
    found = await archive.conflicts(offset=offset, limit=limit)
    total = await asyncio.to_thread(archive.catalog.people.conflict_count)
    return ConflictPage(total, [conflict_shown(each) for each in found])


@get(
    "/api/conflicts/{conflict_id:str}",
    summary="One field that waits for a person",
    responses=problems(400, 404),
)
async def show_conflict(archive: Archive, conflict_id: ConflictId) -> ConflictShown:
    """404 once it is settled."""
    return conflict_shown(await archive.conflict(conflict_id))


@post(
    "/api/conflicts/{conflict_id:str}/resolve",
    summary="Settle a conflict",
    status_code=200,
    responses=problems(400, 404, 503),
)
async def resolve(archive: Archive, conflict_id: ConflictId, data: Resolution) -> EditOutcome:
    """The result is the same at every site. A version that came in since `seen` stays open."""
    edited = await archive.resolve(
        conflict_id, by=data.by, choice=data.choice, value=data.value, seen=data.seen or None
    )
    return edit_outcome(edited)
