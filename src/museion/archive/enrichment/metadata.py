"""Reads the metadata that an original carries in itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from museion.archive.enrichment.enricher import EnrichmentSource
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    EnrichmentRetried,
    MetadataExtracted,
    MetadataValue,
)
from museion.blobs.blob_store import BlobStore


class MetadataEnricher:
    """Original -> `MetadataExtracted`."""

    name = "metadata"

    def __init__(self, pool: WorkerPool, blobs: BlobStore) -> None:
        self._pool = pool
        self._blobs = blobs

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        """Return every metadata value of the original."""
        assert isinstance(source, AssetIngested | EnrichmentRetried)
        path = await asyncio.to_thread(self._blobs.path, source.digest)
        values, warnings = await self._pool.run(read_metadata, path)
        return [MetadataExtracted(asset_id=source.asset_id, values=values, warnings=warnings)]


def read_metadata(path: Path) -> tuple[tuple[MetadataValue, ...], tuple[str, ...]]:
    """Return the values and warnings of a file; runs in a worker process."""
    from museion.media.metadata import extract_metadata
    from museion.media.sniff import sniff

    metadata = extract_metadata(path, sniff(path))
    values = tuple(MetadataValue(v.field, v.value, v.source) for v in metadata.values)
    return values, tuple(metadata.warnings)
