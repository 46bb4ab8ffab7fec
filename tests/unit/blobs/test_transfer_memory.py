"""Memory does not grow with the size of blobs, also when several come at a time."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path
from random import Random

from blob_sources import QUICK, content_of

from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.blobs.transfer.arrival import CHUNK_BYTES
from museion.blobs.transfer.blob_source import BlobNeighbour, StoreSource
from museion.blobs.transfer.fetch_settings import WantedBlob
from museion.blobs.transfer.fetcher import BlobFetcher
from museion.testing.event_loop import in_event_loop

BLOBS, BLOB_BYTES = 4, 24 * CHUNK_BYTES
A_TRANSFER = 4 * CHUNK_BYTES
"""Two chunks, the piece between them and what joins them."""


@in_event_loop
async def test_parallel_transfers_hold_a_few_chunks_each(tmp_path: Path) -> None:
    source, target = FilesystemBlobStore(tmp_path / "a"), FilesystemBlobStore(tmp_path / "b")
    piece = content_of(CHUNK_BYTES)
    blobs = [source.put(piece * 24 + bytes([number])) for number in range(BLOBS)]
    graz = BlobNeighbour("graz", "Graz", StoreSource(source, "Graz"))
    seed = Random(1)  # noqa: S311 (repeatable)
    async with BlobFetcher(target, lambda: [graz], seed=seed, settings=QUICK) as fetcher:
        tracemalloc.start()
        try:
            await asyncio.gather(
                *(fetcher.fetch(WantedBlob(blob.digest, blob.size_bytes)) for blob in blobs)
            )
            _, most_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most_bytes < BLOBS * A_TRANSFER < BLOBS * BLOB_BYTES
