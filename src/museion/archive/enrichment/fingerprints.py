"""Computes the perceptual fingerprint of an asset's picture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from museion.archive.enrichment.enricher import EnrichmentSource
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.events import ArchiveEvent, FingerprintComputed, RenditionMade
from museion.blobs.blob_store import BlobStore


class FingerprintEnricher:
    """Thumbnail -> `FingerprintComputed`."""

    name = "fingerprint"

    def __init__(self, pool: WorkerPool, blobs: BlobStore) -> None:
        self._pool = pool
        self._blobs = blobs

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        """Return the fingerprint."""
        assert isinstance(source, RenditionMade)
        content = await asyncio.to_thread(self._blobs.read, source.digest)
        value = await self._pool.run(fingerprint_of, content)
        return [FingerprintComputed(asset_id=source.asset_id, fingerprint=value)]


def fingerprint_of(content: bytes) -> int:
    """Return the fingerprint of a rendition; runs in a worker process."""
    from museion.media.fingerprint import fingerprint

    return fingerprint(content)
