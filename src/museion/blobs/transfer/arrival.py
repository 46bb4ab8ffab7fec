"""The bytes of one blob from one source, to disk: read while written, in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import ExitStack, aclosing, asynccontextmanager

from museion.base.waiting import to_end
from museion.blobs.blob_store import BlobStore, Digest, Partial
from museion.blobs.transfer.bandwidth import Bandwidth
from museion.blobs.transfer.blob_source import BlobNeighbour
from museion.blobs.transfer.errors import SourceUnavailable, TooManyBytes

CHUNK_BYTES = 1 << 20
"""Written at once. A transfer holds two such chunks and a piece at most."""


@asynccontextmanager
async def opened(store: BlobStore, digest: Digest) -> AsyncIterator[Partial]:
    """Open the place of a blob's bytes, and take in what came before.

    In steps, so that a cancellation does not wait until much is read. Raises as `BlobStore.resume`.
    """
    stack = ExitStack()
    try:
        place = store.resume(digest)
        partial = await to_end(asyncio.to_thread(stack.enter_context, place))
        while partial.size_bytes and await to_end(asyncio.to_thread(partial.recall)):
            pass
        yield partial
    finally:
        await to_end(asyncio.to_thread(stack.close))


async def bring(
    partial: Partial,
    neighbour: BlobNeighbour,
    *,
    max_bytes: int,
    idle_s: float,
    bandwidth: Bandwidth,
    on_bytes: Callable[[int], None],
) -> None:
    """Add what a source has behind the bytes that are there, until it ends.

    However it ends, also by cancellation, what has come is in the file.

    Args:
        max_bytes: of the whole blob.
        idle_s: the longest wait for the next piece.
        on_bytes: told the size of each piece.

    Raises:
        TooManyBytes: it sends more than `max_bytes`.
        SourceUnavailable, SourceRefused, BadBlobAnswer, BlobNotThere: as the source says.
        BlobWriteFailed: the disk is full, for example.
    """
    come_bytes = partial.size_bytes
    writing = _Writing(partial)
    source = neighbour.source.read(partial.digest, come_bytes)
    try:
        async with aclosing(source) as pieces:
            while piece := await _next(pieces, neighbour.name, idle_s):
                come_bytes += len(piece)
                if come_bytes > max_bytes:
                    raise TooManyBytes(neighbour.name, partial.digest, max_bytes)
                on_bytes(len(piece))
                await writing.add(piece)
                await bandwidth.take(len(piece))
    finally:
        await to_end(writing.end())


async def _next(pieces: AsyncGenerator[bytes, None], name: str, idle_s: float) -> bytes:
    """Return the next piece that has bytes; none at the end."""
    try:
        async with asyncio.timeout(idle_s):
            async for piece in pieces:
                if piece:
                    return piece
    except TimeoutError as reason:
        raise SourceUnavailable(name, f"no byte for {idle_s:g} s") from reason
    return b""


class _Writing:
    """Writes one chunk in a thread while the next one is gathered."""

    def __init__(self, partial: Partial) -> None:
        self._partial = partial
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._write: asyncio.Future[None] | None = None

    async def add(self, piece: bytes) -> None:
        self._gathered.append(piece)
        self._gathered_bytes += len(piece)
        if self._gathered_bytes >= CHUNK_BYTES:
            await self._written()
            self._begin()

    async def end(self) -> None:
        await self._written()
        if self._gathered:
            self._begin()
            await self._written()

    def _begin(self) -> None:
        chunk = b"".join(self._gathered)
        self._gathered.clear()
        self._gathered_bytes = 0
        self._write = asyncio.ensure_future(asyncio.to_thread(self._partial.write, chunk))

    async def _written(self) -> None:
        """Wait for the chunk before; the file must not be used while a thread writes it."""
        writing, self._write = self._write, None
        if writing is not None:
            await to_end(writing)
