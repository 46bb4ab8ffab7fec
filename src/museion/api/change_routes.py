"""Step 10, live: a page is told when the catalog has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from litestar import get
from litestar.response import ServerSentEvent, ServerSentEventMessage

from museion.api.openapi import contents
from museion.archive.archive import Archive
from museion.archive.asset import AssetId

_PING_S = 15.0
_LEAST_INTERVAL_S = 0.25


class CatalogChange(msgspec.Struct, frozen=True, kw_only=True):
    """Where the catalog stands, and which assets changed; `more` when not all are named."""

    position: int
    total: int
    pending: int
    quarantined: int
    changed: list[AssetId]
    more: bool


@get(
    "/api/changes",
    summary="Server-sent events: `catalog` after each change",
    responses=contents("text/event-stream", 200),
)
async def changes(archive: Archive) -> ServerSentEvent:
    """One at once, then one after each change, at most four a second, until the site stops."""
    return ServerSentEvent(_messages(archive))


async def _messages(archive: Archive) -> AsyncIterator[ServerSentEventMessage]:
    counts = await asyncio.to_thread(archive.catalog.counts)
    yield await _message(archive, [], more=True)
    following = archive.changes.follow(counts.position)
    waiting = asyncio.ensure_future(anext(following, None))
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=_PING_S)
            if not done:
                yield ServerSentEventMessage(comment="ping")
                continue
            change = waiting.result()
            if change is None:
                return
            yield await _message(archive, list(change.asset_ids), more=change.more)
            await asyncio.sleep(_LEAST_INTERVAL_S)
            waiting = asyncio.ensure_future(anext(following, None))
    finally:
        waiting.cancel()


async def _message(
    archive: Archive, changed: list[AssetId], *, more: bool
) -> ServerSentEventMessage:
    counts = await asyncio.to_thread(archive.catalog.counts)
    change = CatalogChange(
        position=counts.position,
        total=counts.assets,
        pending=counts.pending,
        quarantined=counts.quarantined,
        changed=changed,
        more=more,
    )
    return ServerSentEventMessage(data=msgspec.json.encode(change).decode(), event="catalog")
