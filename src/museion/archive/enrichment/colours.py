"""Names the colours of an asset's picture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from museion.archive.enrichment.enricher import EnrichmentSource
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.events import ArchiveEvent, ColoursFound, ColourShare, RenditionMade
from museion.blobs.blob_store import BlobStore


class ColourEnricher:
    """Thumbnail -> `ColoursFound`."""

    name = "colours"

    def __init__(self, pool: WorkerPool, blobs: BlobStore) -> None:
        self._pool = pool
        self._blobs = blobs

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        """Return the colours."""
        assert isinstance(source, RenditionMade)
        content = await asyncio.to_thread(self._blobs.read, source.digest)
        colours = await self._pool.run(name_colours, content)
        return [ColoursFound(asset_id=source.asset_id, colours=colours)]


def name_colours(content: bytes) -> tuple[ColourShare, ...]:
    """Return the colours of a rendition; runs in a worker process."""
    from museion.media.palette import colours_of

    return tuple(ColourShare(name, round(share, 3)) for name, share in colours_of(content).items())
