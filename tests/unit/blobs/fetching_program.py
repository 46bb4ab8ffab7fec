"""Fetches one blob slowly from a store until it is killed; prints how far it began."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from random import Random

from museion.blobs.blob_store import Digest, as_digest
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.blobs.transfer.blob_source import BlobNeighbour, StoreSource
from museion.blobs.transfer.fetch_settings import WantedBlob
from museion.blobs.transfer.fetcher import BlobFetcher


class Slow(StoreSource):
    """Leaves time for a kill between the pieces."""

    async def read(self, digest: Digest, start: int) -> AsyncGenerator[bytes, None]:
        os.write(1, f"{start}\n".encode())
        async for piece in super().read(digest, start):
            yield piece
            await asyncio.sleep(0.003)


async def main(source: Path, target: Path, digest: Digest) -> None:
    store = FilesystemBlobStore(target)
    graz = BlobNeighbour("graz", "Graz", Slow(FilesystemBlobStore(source, writable=False), "Graz"))
    async with BlobFetcher(store, lambda: [graz], seed=Random(1)) as fetcher:  # noqa: S311
        await fetcher.fetch(WantedBlob(digest))
    os.write(1, b"done\n")
    await asyncio.sleep(60)  # a program that is to be killed does not end by itself


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), as_digest(sys.argv[3])))
