"""Reads the text of documents, so that they are found by what stands on their pages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from museion.archive.enrichment.enricher import EnrichmentSource
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    DocumentRead,
    EnrichmentRetried,
    Passage,
)
from museion.blobs.blob_store import BlobStore

_SHARE_OF_TIME = 0.5
"""Of a task's time: a long document is cut, which is better than a failure for its length."""


class DocumentEnricher:
    """Original -> `DocumentRead`; nothing for what is no document."""

    name = "document"

    def __init__(self, pool: WorkerPool, blobs: BlobStore) -> None:
        self._pool = pool
        self._blobs = blobs

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        """Return the passages of a document."""
        assert isinstance(source, AssetIngested | EnrichmentRetried)
        if source.kind != "document":
            return []
        path = await asyncio.to_thread(self._blobs.path, source.digest)
        max_s = self._pool.limits.time_s * _SHARE_OF_TIME
        pages, passages, left_out = await self._pool.run(read_text, path, max_s=max_s)
        return [
            DocumentRead(
                asset_id=source.asset_id, pages=pages, passages=passages, left_out=left_out
            )
        ]


def read_text(path: Path, *, max_s: float) -> tuple[int, tuple[Passage, ...], str]:
    """Return pages, passages and what was left out; runs in a worker process."""
    from museion.media.document_text import TextLimits, read_document_text

    found = read_document_text(path, TextLimits(max_s=max_s))
    return (
        found.pages,
        tuple(Passage(each.page, each.text) for each in found.passages),
        found.left_out,
    )
