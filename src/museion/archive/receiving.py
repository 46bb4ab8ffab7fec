"""Step 1 of the path of a photo, for files: the bytes are copied aside while they are hashed."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from museion.archive.source_file import UnreadableFile, open_source
from museion.base.waiting import to_end
from museion.blobs.blob_store import Blob, Incoming
from museion.media.sniff import MediaType, sniff


async def receive(path: Path, incoming: Incoming) -> tuple[Blob, MediaType, int]:
    """Copy a file into a blob store's incoming place; return blob, media type, modification time.

    When it is given up, it returns only after its thread has stopped.

    Raises:
        InvalidInput: the file cannot be read to its end, or is no medium.
        Unavailable: its bytes could not be written.
    """
    given_up = threading.Event()
    copying = asyncio.ensure_future(asyncio.to_thread(_receive, path, incoming, given_up))
    try:
        return await asyncio.shield(copying)
    except asyncio.CancelledError:
        given_up.set()
        await to_end(asyncio.gather(copying, return_exceptions=True))
        raise


def _receive(
    path: Path, incoming: Incoming, given_up: threading.Event
) -> tuple[Blob, MediaType, int]:
    """Copy a file aside while hashing it, then sniff the copy, which cannot change any more.

    It is sniffed before, too, so that what is no medium is not copied at all.
    """
    with open_source(path) as source:
        _sniff_source(path)
        for chunk in source.chunks():
            if given_up.is_set():
                break
            incoming.write(chunk)
    return incoming.finish(), sniff(incoming.path), source.modified_ns


def _sniff_source(path: Path) -> None:
    try:
        sniff(path)
    except OSError as reason:
        raise UnreadableFile(reason) from reason
