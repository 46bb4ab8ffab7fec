"""Reads the metadata that an original carries in itself."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from museion.media.metadata import FieldValue


_LONGEST_TEXT = 20_000
_MOST_TERMS = 1_000
_MOST_WARNINGS = 100
_GREATEST_INTEGER = (1 << 63) - 1  # what every store of numbers takes


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
    from museion.media.metadata_reading import extract_metadata
    from museion.media.sniff import sniff

    metadata = extract_metadata(path, sniff(path))
    kept = [(each, storable(each.value)) for each in metadata.values]
    values = tuple(
        MetadataValue(each.field, value, each.source) for each, value in kept if value is not None
    )
    cut = [f"{each.source}: it was cut or left out" for each, value in kept if value != each.value]
    return values, (*metadata.warnings, *cut)[:_MOST_WARNINGS]


def storable(value: FieldValue) -> FieldValue | None:
    """Return what is kept of a value: texts and lists are cut, numbers beyond all use left out.

    A file can say anything: a caption of a gigabyte, a sensitivity of a hundred digits.
    """
    if isinstance(value, str):
        return value[:_LONGEST_TEXT].encode("utf-8", "replace").decode()
    if isinstance(value, tuple):
        return tuple(str(storable(term)) for term in value[:_MOST_TERMS])
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if abs(value) <= _GREATEST_INTEGER else None
