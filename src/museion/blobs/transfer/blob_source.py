"""Where blobs can be asked for: other sites, behind one small contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from museion.blobs.blob_store import (
    BlobStore,
    BlobUnreadable,
    DamagedBlob,
    Digest,
    UnknownBlob,
)
from museion.blobs.transfer.errors import BlobNotThere, SourceUnavailable

_CHUNK_BYTES = 1 << 18

MAX_ASKED = 1000
"""So many digests may be asked for at once."""


class BlobSource(Protocol):
    """May have blobs. What it says and sends is not trusted: bytes are verified after arrival.

    Raises (all methods):
        SourceUnavailable: it does not answer, breaks off, or is too busy.
        SourceRefused: it does not serve this site.
        BadBlobAnswer: what it answers cannot be used.
    """

    async def has(self, digests: Sequence[Digest]) -> Collection[Digest]:
        """Return those that it has for this site, of at most `MAX_ASKED`."""

    def read(self, digest: Digest, start: int) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from `start` to the end, in pieces of any size.

        Nothing is yielded where `start` is at or behind the end. Close it to break off.

        Raises:
            BlobNotThere: it has no such blob for this site.
        """


@dataclass(frozen=True, slots=True)
class BlobNeighbour:
    """A site that can be asked for blobs, under its name for people."""

    site_id: str
    name: str
    source: BlobSource


class StoreSource:
    """A source in the same process: gives what a blob store holds."""

    def __init__(self, store: BlobStore, name: str) -> None:
        self._store = store
        self._name = name

    async def has(self, digests: Sequence[Digest]) -> Collection[Digest]:
        """Return those that the store has."""
        return await asyncio.to_thread(lambda: [each for each in digests if each in self._store])

    async def read(self, digest: Digest, start: int) -> AsyncGenerator[bytes, None]:
        """Yield verified bytes."""
        try:
            path = await asyncio.to_thread(self._store.path, digest)
            file = await asyncio.to_thread(_open_at, path, start)
        except (UnknownBlob, DamagedBlob) as reason:
            raise BlobNotThere(self._name, digest) from reason
        except (BlobUnreadable, OSError) as reason:
            raise SourceUnavailable(self._name, str(reason)) from reason
        with file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                yield chunk


def _open_at(path: Path, start: int) -> BinaryIO:
    file = path.open("rb")
    file.seek(start)
    return file
