"""Makes the thumbnail and the preview of an original."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from museion.archive.enrichment.enricher import EnrichmentSource
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.events import ArchiveEvent, AssetIngested, EnrichmentRetried, RenditionMade
from museion.blobs.blob_store import BlobStore

if TYPE_CHECKING:
    from museion.media.limits import Limits
    from museion.media.renditions import Rendition


class RenditionEnricher:
    """Original -> `RenditionMade` for each class of rendition, and their blobs."""

    name = "renditions"

    def __init__(self, pool: WorkerPool, blobs: BlobStore, limits: Limits) -> None:
        self._pool = pool
        self._blobs = blobs
        self._limits = limits

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        """Return one event for each rendition, after its blob is kept."""
        assert isinstance(source, AssetIngested | EnrichmentRetried)
        path = await asyncio.to_thread(self._blobs.path, source.digest)
        renditions = await self._pool.run(render, path, self._limits)
        return await asyncio.to_thread(self._keep, source, renditions)

    def _keep(
        self, source: AssetIngested | EnrichmentRetried, renditions: Sequence[Rendition]
    ) -> list[ArchiveEvent]:
        made: list[ArchiveEvent] = []
        for rendition in renditions:
            blob = self._blobs.put(rendition.content)
            made.append(
                RenditionMade(
                    asset_id=source.asset_id,
                    rendition=rendition.kind,
                    digest=blob.digest,
                    media_type=rendition.mime,
                    width=rendition.width,
                    height=rendition.height,
                    size_bytes=blob.size_bytes,
                    is_drawing=source.kind == "sound",
                )
            )
        return made


def render(path: Path, limits: Limits) -> tuple[Rendition, ...]:
    """Return the renditions of a file; runs in a worker process."""
    from museion.media.renditions import make_renditions
    from museion.media.sniff import sniff

    return make_renditions(path, sniff(path), limits)
