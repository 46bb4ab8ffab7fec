"""Judgements: what people say of hits, and all of it as lines to measure a search by."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from museion.api.asset_routes import Limit, Offset
from museion.api.openapi import contents, problems
from museion.archive.archive import Archive
from museion.archive.asset import AssetId
from museion.archive.catalog.judgement_reader import JudgementRecord
from museion.archive.judging import Judge, export_rows

_MEDIA_TYPE = "application/x-ndjson"

OfQuery = Annotated[
    str, Parameter(max_length=2000, description="Only those on this query, as it was typed.")
]
OfPerson = Annotated[str, Parameter(max_length=200, description="Only those of this person.")]


class JudgementWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says of a hit: `verdict` is 1 for fits, -1 for does not, 0 takes it back."""

    query: str
    asset_id: str
    verdict: int
    by: str


class JudgementOutcome(msgspec.Struct, frozen=True):
    """The verdict that stands now; `changed` is false where it stood already."""

    query: str
    asset_id: str
    verdict: int
    by: str
    changed: bool


class JudgementPage(msgspec.Struct, frozen=True):
    """A stretch of the verdicts that stand, by query, person and file name."""

    total: int
    items: list[JudgementRecord]


@post(
    "/api/judgements",
    summary="Say whether an asset fits a query",
    status_code=200,
    responses=problems(400, 404, 503),
)
async def judge(judge_of_hits: Judge, data: JudgementWanted) -> JudgementOutcome:
    """A person has one verdict on each asset for each query; the last one stands, at all sites."""
    asset_id = AssetId(data.asset_id)
    told = await judge_of_hits.judge(asset_id, data.query, data.verdict, by=data.by)
    return JudgementOutcome(told.query, told.asset_id, told.verdict, told.by, told.is_changed)


@get("/api/judgements", summary="What people said of hits", responses=problems(400))
async def list_judgements(
    archive: Archive, q: OfQuery = "", by: OfPerson = "", offset: Offset = 0, limit: Limit = 500
) -> JudgementPage:
    """Nothing is told of assets in the trash, in quarantine, or that this site may not read."""
    return await asyncio.to_thread(_page, archive, q.strip(), by, offset, limit)


@get(
    "/api/judgements/export",
    summary="Judgements as JSON lines, for `museion evaluate`",
    media_type=_MEDIA_TYPE,
    responses=contents(_MEDIA_TYPE, 200) | problems(400),
)
async def export_judgements(
    archive: Archive, q: OfQuery = "", by: OfPerson = ""
) -> Response[bytes]:
    """A line a query: each asset that was judged with 1 or 0, as most people said."""
    found = await asyncio.to_thread(archive.catalog.judgements.page, query=q.strip(), by=by)
    return Response(
        lines_of(found),
        media_type=_MEDIA_TYPE,
        headers={"Content-Disposition": 'attachment; filename="judgements.jsonl"'},
    )


def lines_of(judgements: Sequence[JudgementRecord]) -> bytes:
    """Return an export as JSON lines."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in export_rows(judgements))


def routes() -> list[HTTPRouteHandler]:
    """Return the routes."""
    return [judge, list_judgements, export_judgements]


def dependencies(archive: Archive) -> dict[str, Provide]:
    """Return what the routes ask for: who writes what people say of hits."""
    writing = Judge(archive.log, shown=archive.shown)
    return {"judge_of_hits": Provide(lambda: writing, sync_to_thread=False)}


def _page(archive: Archive, query: str, by: str, offset: int, limit: int) -> JudgementPage:
    judgements = archive.catalog.judgements
    items = judgements.page(query=query, by=by, offset=offset, limit=limit)
    return JudgementPage(judgements.count(query=query, by=by), items)
