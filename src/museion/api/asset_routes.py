"""Assets, their renditions and originals, in display order or one by one."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import Response, get
from litestar.params import Parameter
from litestar.response import Stream

from museion.api.arriving_blobs import on_blob_not_here, when_here
from museion.api.byte_range import requested_range, stream_file
from museion.api.openapi import contents, header, problems
from museion.api.schemas import Detail, Page, Tile, detail, tile
from museion.archive.archive import Archive
from museion.archive.asset import AssetId
from museion.archive.blob_presence import BlobNotHere
from museion.archive.catalog.records import Month
from museion.blobs.blob_store import as_digest

_FOR_EVER = "public, max-age=31536000, immutable"
_ORIGINAL_WAIT_S = 2.0
_RENDITION_WAIT_S = 2.0
"""Small enough to come while a page waits for its pictures."""

Limit = Annotated[int, Parameter(ge=1, le=500, description="How many at most.")]
Offset = Annotated[int, Parameter(ge=0, le=(1 << 31) - 1, description="How many to pass over.")]
Id = Annotated[str, Parameter(description="Id of the asset: 24 characters.")]
Filters = Annotated[str, Parameter(description="Filters such as `type:video after:2020`.")]


@get(
    "/api/assets",
    summary="A stretch of the archive in display order",
    responses=problems(400),
)
async def list_assets(
    archive: Archive, offset: Offset = 0, limit: Limit = 100, q: Filters = ""
) -> Page:
    """Newest capture time first; assets without one by their ingest time."""
    return await asyncio.to_thread(_page, archive, offset, limit, q)


@get(
    "/api/layout",
    summary="The aspect of every asset, two bytes each",
    sync_to_thread=True,
    response_headers=[
        header("X-Position", "Catalog position that the answer shows."),
        header("X-Total", "How many assets there are."),
    ],
    media_type="application/octet-stream",
    responses=problems(400),
)
def layout(archive: Archive, q: Filters = "") -> Response[bytes]:
    """uint16 little endian, width / height in thousandths, in display order."""
    position = archive.catalog.counts().position
    content = archive.catalog.layout(archive.searcher.listed(q))
    return Response(
        content,
        media_type="application/octet-stream",
        headers={"X-Position": str(position), "X-Total": str(len(content) // 2)},
    )


@get(
    "/api/timeline",
    summary="Months with how many assets they have",
    sync_to_thread=True,
    responses=problems(400),
)
def timeline(archive: Archive, q: Filters = "") -> list[Month]:
    """In display order; `offset` is where a month begins."""
    return archive.catalog.months(archive.searcher.listed(q))


@get(
    "/api/assets/{asset_id:str}",
    summary="Everything about one asset",
    responses=problems(400, 404),
)
async def show_asset(archive: Archive, asset_id: Id) -> Detail:
    """Metadata values come with their source in the original."""
    return detail(
        await archive.asset(AssetId(asset_id)), space=archive.searcher.checkpoint.space.id
    )


@get(
    "/api/assets/{asset_id:str}/original",
    summary="The bytes as they came in",
    responses=contents("*/*", 200, 206) | problems(400, 404, 422, 503),
    exception_handlers={BlobNotHere: on_blob_not_here},
)
async def original(
    archive: Archive,
    asset_id: Id,
    byte_range: Annotated[
        str | None, Parameter(header="Range", description="One range of bytes, such as bytes=0-99.")
    ] = None,
) -> Stream:
    """Answers byte ranges, so that players can seek; the bytes are verified before.

    An original that lies at another site is sent for; the answer says where, and when to ask again.
    """
    asset = (await archive.asset(AssetId(asset_id))).summary
    path = await when_here(
        archive,
        asset.digest,
        archive.blobs.path,
        wait_s=_ORIGINAL_WAIT_S,
        size_bytes=asset.size_bytes,
    )
    return stream_file(
        path,
        requested_range(byte_range, asset.size_bytes),
        media_type=asset.media_type,
        filename=asset.filename,
    )


@get(
    "/api/blobs/{digest:str}",
    summary="The bytes of a rendition",
    responses=contents("image/webp", 200) | problems(400, 404, 422, 503),
    exception_handlers={BlobNotHere: on_blob_not_here},
)
async def blob(
    archive: Archive,
    digest: Annotated[str, Parameter(description="BLAKE3 of the bytes, 64 hexadecimal digits.")],
) -> Response[bytes]:
    """A digest names its bytes for ever, so any cache may keep them.

    One that lies at another site is sent for, and answered if it comes soon.
    """
    content = await when_here(
        archive, as_digest(digest), archive.read_blob, wait_s=_RENDITION_WAIT_S
    )
    return Response(
        content,
        media_type=_rendition_type(content),
        headers={"Cache-Control": _FOR_EVER, "ETag": f'"{digest}"'},
    )


def _page(archive: Archive, offset: int, limit: int, filters: str) -> Page:
    catalog, condition = archive.catalog, archive.searcher.listed(filters)
    position = catalog.counts().position
    items: list[Tile] = [
        tile(asset) for asset in catalog.page(offset=offset, limit=limit, condition=condition)
    ]
    return Page(catalog.count(condition), position, items)


def _rendition_type(content: bytes) -> str:
    """Renditions are WebP; anything else is a blob that a page must never interpret."""
    return "image/webp" if content[8:12] == b"WEBP" else "application/octet-stream"
