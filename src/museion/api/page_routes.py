"""What is written in a document or a picture, and how the pages of a document look."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
from litestar import Response, Router, get
from litestar.di import Provide
from litestar.params import Parameter

from museion.api.arriving_blobs import on_blob_not_here, when_here
from museion.api.asset_routes import Id, Limit, Offset
from museion.api.openapi import contents, problems
from museion.archive.archive import Archive
from museion.archive.asset import AssetId
from museion.archive.blob_presence import BlobNotHere
from museion.archive.catalog.content_reader import PassageRecord
from museion.archive.document_pages import DocumentPages

_ORIGINAL_WAIT_S = 2.0
_FOR_AN_HOUR = "private, max-age=3600"
_MOST_PAGES = 1_000_000


class PassageShown(msgspec.Struct, frozen=True):
    """A stretch of a document's text, the page on which it stands, and a picture of that page."""

    page: int
    text: str
    picture: str


class LineShown(msgspec.Struct, frozen=True):
    """A line of text in a picture; its box as shares of the picture, and the model's score."""

    text: str
    left: float
    top: float
    width: float
    height: float
    score: float


class ColourShown(msgspec.Struct, frozen=True):
    """A named colour and the share of the picture that has it."""

    name: str
    share: float


class WrittenText(msgspec.Struct, frozen=True, kw_only=True):
    """What is written in an asset, and its colours; empty where nothing was found or looked for.

    Attributes:
        pages: of a document; null where nothing has read it.
        left_out: what of a document's text was not read and why.
        total: passages of the document, those not shown too.
    """

    pages: int | None
    left_out: str
    total: int
    passages: list[PassageShown]
    lines: list[LineShown]
    colours: list[ColourShown]


def page_router(pages: DocumentPages) -> Router:
    """Return the routes; `pages` keeps the pages that were asked for."""
    return Router(
        path="/",
        route_handlers=[written_text, page],
        dependencies={"pages": Provide(lambda: pages, sync_to_thread=False)},
    )


@get(
    "/api/assets/{asset_id:str}/text",
    summary="What is written in a document or a picture",
    responses=problems(400, 404),
)
async def written_text(
    archive: Archive, asset_id: Id, offset: Offset = 0, limit: Limit = 100
) -> WrittenText:
    """Passages in reading order, lines from top to bottom, colours by share."""
    asset = (await archive.asset(AssetId(asset_id))).summary
    return await asyncio.to_thread(_written, archive, asset.id, offset, limit)


@get(
    "/api/assets/{asset_id:str}/page",
    summary="A page of a document",
    media_type="image/webp",
    responses=contents("image/webp", 200) | problems(400, 404, 422, 503),
    exception_handlers={BlobNotHere: on_blob_not_here},
)
async def page(
    archive: Archive,
    pages: DocumentPages,
    asset_id: Id,
    number: Annotated[int, Parameter(ge=1, le=_MOST_PAGES, description="From 1.")] = 1,
) -> Response[bytes]:
    """At most 1600 pixels a side. A document that lies at another site is sent for."""
    asset = (await archive.asset(AssetId(asset_id))).summary

    async def original() -> Path:
        return await when_here(
            archive,
            asset.digest,
            archive.blobs.path,
            wait_s=_ORIGINAL_WAIT_S,
            size_bytes=asset.size_bytes,
        )

    content = await pages.page(asset, number, original)
    return Response(content, media_type="image/webp", headers={"Cache-Control": _FOR_AN_HOUR})


def _written(archive: Archive, asset_id: AssetId, offset: int, limit: int) -> WrittenText:
    content = archive.catalog.content
    document, passages = content.document(asset_id), content.passages(asset_id)
    return WrittenText(
        pages=document.pages if document else None,
        left_out=document.left_out if document else "",
        total=len(passages),
        passages=[_shown(asset_id, each) for each in passages[offset : offset + limit]],
        lines=[
            LineShown(each.text, *each.box, each.score) for each in content.text_lines(asset_id)
        ],
        colours=[ColourShown(each.name, each.share) for each in content.colours(asset_id)],
    )


def _shown(asset_id: AssetId, passage: PassageRecord) -> PassageShown:
    picture = f"/api/assets/{asset_id}/page?number={passage.page}"
    return PassageShown(passage.page, passage.text, picture)
