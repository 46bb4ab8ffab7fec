"""Blobs that are not here yet, over HTTP: they are sent for, and who asks learns where they lie."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec
from litestar import Response

from museion.api.problems import AnyRequest, Problem, on_museion_error
from museion.archive.archive import Archive
from museion.archive.blob_presence import BlobNotHere
from museion.blobs.blob_store import BlobUnreadable, DamagedBlob, Digest, UnknownBlob

T = TypeVar("T")


async def when_here(
    archive: Archive,
    digest: Digest,
    read: Callable[[Digest], T],
    *,
    wait_s: float,
    size_bytes: int | None = None,
) -> T:
    """Return what `read` reads of a blob; one that is not here or damaged is sent for.

    Args:
        read: blocks; called once more when the blob has come.
        wait_s: how long to wait for it.
        size_bytes: given where the caller knows that the archive has it.

    Raises:
        BlobNotHere: it lies elsewhere, and did not come within `wait_s`.
        UnknownBlob, Damaged, Unavailable: as `read`, where no site can be asked.
    """
    try:
        return await asyncio.to_thread(read, digest)
    except (UnknownBlob, DamagedBlob, BlobUnreadable):
        exchange = archive.blob_exchange
        if exchange is None or await asyncio.to_thread(archive.catalog.withholds, digest):
            raise
        await exchange.path(digest, wait_s=wait_s, size_bytes=size_bytes)
    return await asyncio.to_thread(read, digest)


class BlobPlace(msgspec.Struct, frozen=True):
    """A site that says it has a blob."""

    name: str


class BlobElsewhere(Problem, frozen=True, kw_only=True):
    """The problem document for a blob that is not here yet, with the places that have it."""

    places: list[BlobPlace]


def on_blob_not_here(request: AnyRequest, error: BlobNotHere) -> Response[Problem]:
    """Answer that a blob lies elsewhere, and when to ask again."""
    answer = on_museion_error(request, error)
    told = msgspec.structs.asdict(answer.content)
    places = [BlobPlace(name) for name in error.sites]
    answer.content = BlobElsewhere(**told, places=places)
    answer.set_header("Retry-After", str(error.retry_after_s))
    answer.set_header("Cache-Control", "no-store")
    return answer
