"""Sources that behave as they are told, for tests of transfers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from pathlib import Path
from random import Random

from museion.base.retry import RetryPolicy
from museion.blobs.blob_store import Digest
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.blobs.transfer.blob_source import BlobNeighbour
from museion.blobs.transfer.errors import BlobNotThere, SourceUnavailable
from museion.blobs.transfer.fetch_settings import FetchSettings
from museion.blobs.transfer.fetcher import BlobFetcher
from museion.testing.contracts.blob_store import digest_of

QUICK = FetchSettings(retry=RetryPolicy(0.001, 0.01), idle_s=5.0)
"""Waits that a test can afford."""


def content_of(size_bytes: int, seed: int = 1) -> bytes:
    """Return bytes that are nothing in particular."""
    return Random(seed).randbytes(size_bytes)  # noqa: S311 (repeatable)


class ToldSource:
    """Has some contents; may break off, lie, be away, or wait until it is let go on.

    Attributes:
        break_after: bytes of one reading after which it breaks off; None for never.
        away: whether it does not answer at all.
        read_starts: where each reading began.
        open: cleared to let readings wait after their first piece.
    """

    def __init__(self, *contents: bytes, piece_bytes: int = 1 << 16) -> None:
        self.contents = {digest_of(content): content for content in contents}
        self.piece_bytes = piece_bytes
        self.break_after: int | None = None
        self.away = False
        self.read_starts: list[int] = []
        self.read_digests: list[Digest] = []
        self.asked = 0
        self.at_once = 0
        self.most_at_once = 0
        self.open = asyncio.Event()
        self.open.set()

    def lie_about(self, content: bytes, lie: bytes) -> None:
        """Send other bytes under a content's digest."""
        self.contents[digest_of(content)] = lie

    async def has(self, digests: Sequence[Digest]) -> Collection[Digest]:
        self.asked += 1
        if self.away:
            raise SourceUnavailable("told", "it is away")
        return [each for each in digests if each in self.contents]

    async def read(self, digest: Digest, start: int) -> AsyncGenerator[bytes, None]:
        self.read_starts.append(start)
        self.read_digests.append(digest)
        if self.away:
            raise SourceUnavailable("told", "it is away")
        if digest not in self.contents:
            raise BlobNotThere("told", digest)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            async for piece in self._pieces(self.contents[digest][start:]):
                yield piece
        finally:
            self.at_once -= 1

    async def _pieces(self, content: bytes) -> AsyncGenerator[bytes, None]:
        left = len(content) if self.break_after is None else self.break_after
        for place in range(0, len(content), self.piece_bytes):
            piece = content[place : min(place + self.piece_bytes, left)]
            if piece:
                yield piece
            if place + self.piece_bytes > left:
                break
            await self.open.wait()
            await asyncio.sleep(0)
        if left < len(content):
            raise SourceUnavailable("told", "the line broke")


def neighbour(name: str, source: ToldSource) -> BlobNeighbour:
    """Return a neighbour whose id is its name in lower case."""
    return BlobNeighbour(name.lower(), name, source)


def fetcher_of(
    folder: Path, *neighbours: BlobNeighbour, settings: FetchSettings = QUICK
) -> tuple[FilesystemBlobStore, BlobFetcher]:
    """Return a store in a folder and a fetcher for it."""
    store = FilesystemBlobStore(folder)
    seed = Random(7)  # noqa: S311 (repeatable)
    return store, BlobFetcher(store, lambda: neighbours, seed=seed, settings=settings)
