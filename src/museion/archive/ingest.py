"""Steps 1 to 4 of the path of a photo: bytes come in, are known by their digest, become an asset.

Content decides: the same bytes are one asset, whatever their name, place or number of arrivals.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from museion.archive.asset import AssetId, asset_id_of
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    AssetRecognised,
    IngestRefused,
    new_event,
)
from museion.base.errors import InvalidInput, MuseionError, Unavailable
from museion.blobs.blob_store import Blob, BlobStore, Digest, Incoming
from museion.log.event_log import EventLog
from museion.media.sniff import MediaType, sniff

_EMITTER = "ingest"
_CHUNK_BYTES = 1 << 20


class Outcome(StrEnum):
    """What became of one file."""

    INGESTED = "ingested"
    RECOGNISED = "recognised"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one file, and why.

    `asset_id` and `digest` are None for a refused file. An unchanged file has been met before under
    this path with this size and modification time, and was not read again.
    """

    outcome: Outcome
    filename: str
    path: Path | None = None
    asset_id: AssetId | None = None
    digest: Digest | None = None
    size_bytes: int = 0
    reason: str = ""
    remedy: str = ""


class UnreadableFile(InvalidInput):
    """A file could not be read to its end."""

    def __init__(self, reason: OSError) -> None:
        text = reason.strerror or str(reason)
        super().__init__(
            f"It cannot be read: {text}.", remedy=_READING_REMEDY.get(type(reason), "")
        )


class TooLarge(InvalidInput):
    """More bytes came than the site takes."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(
            f"It is larger than {max_bytes >> 20} MiB, the most that an upload may have here.",
            remedy="Ingest it on the site's machine, or raise `max_upload_mib` in museion.toml.",
        )


_READING_REMEDY: dict[type[OSError], str] = {
    FileNotFoundError: "It vanished or was renamed meanwhile; ingest its folder again.",
    PermissionError: "Give this user the right to read it, then run `museion ingest --retry`.",
    IsADirectoryError: "Give the folder itself to `museion ingest`.",
}

KnownSource = Callable[[bytes], tuple[AssetId, int, int] | None]
"""Path -> asset, modification time (ns) and size (bytes) as last seen there, or None."""


class Ingest:
    """Takes in files and streams. Safe to call for many at a time.

    A file is either refused with a reason, or its bytes are kept and the fact is in the log, both
    durable, when a call returns. The same content never becomes a second asset.

    Raises (all methods):
        Unavailable: bytes or fact could not be kept, a full disk for example; nothing was
            ingested, and this is no fault of the file.
    """

    def __init__(self, log: EventLog, blobs: BlobStore, known_source: KnownSource) -> None:
        self._log = log
        self._blobs = blobs
        self._known_source = known_source
        self._arriving: dict[AssetId, asyncio.Event] = {}

    async def ingest_file(self, path: Path) -> Ingested:
        """Take in one file; a file that cannot be taken is put into quarantine, not raised."""
        try:
            return await self._ingest_file(path)
        except Unavailable:
            raise
        except MuseionError as error:
            return await self._refuse(path, error)

    async def ingest_files(self, files: Iterable[Path], *, at_once: int) -> AsyncIterator[Ingested]:
        """Take in files, `at_once` at a time, and yield what became of each as it is done."""
        waiting = iter(files)
        running: set[asyncio.Task[Ingested]] = set()
        try:
            while True:
                for path in islice(waiting, at_once - len(running)):
                    running.add(asyncio.create_task(self.ingest_file(path)))
                if not running:
                    return
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def refuse_folder(self, folder: Path, reason: OSError) -> Ingested:
        """Put a folder that cannot be listed into quarantine."""
        return await self._refuse(folder, UnreadableFile(reason))

    async def ingest_stream(
        self, content: AsyncIterable[bytes], filename: str, *, max_bytes: int
    ) -> Ingested:
        """Take in bytes that arrive over a network.

        Raises:
            InvalidInput: it is not a kind of media that the archive keeps, empty, or too large.
        """
        with self._blobs.incoming() as incoming:
            size_bytes = 0
            async for chunk in content:
                size_bytes += len(chunk)
                if size_bytes > max_bytes:
                    raise TooLarge(max_bytes)
                incoming.write(chunk)
            blob = incoming.finish()
            media = await asyncio.to_thread(sniff, incoming.path)
            return await self._admit(incoming, blob, media, _Source(filename))

    async def _ingest_file(self, path: Path) -> Ingested:
        try:
            status = await asyncio.to_thread(path.stat)
        except OSError as reason:
            raise UnreadableFile(reason) from reason
        place = _place(path)
        source = _Source(display_name(path), place, status.st_mtime_ns)
        known = self._known_source(os.fsencode(place))
        if known and known[1:] == (status.st_mtime_ns, status.st_size):
            return Ingested(Outcome.UNCHANGED, source.filename, path, known[0])
        with self._blobs.incoming() as incoming:
            blob, media = await asyncio.to_thread(_receive, path, incoming)
            return await self._admit(incoming, blob, media, source)

    async def _admit(
        self, incoming: Incoming, blob: Blob, media: MediaType, source: _Source
    ) -> Ingested:
        asset_id = asset_id_of(blob.digest)
        async with self._alone(asset_id):
            fact: ArchiveEvent | None
            if await self._log.read(aggregate_id=asset_id, limit=1):
                fact = source.recognised(asset_id, blob)
                outcome = Outcome.RECOGNISED
            else:
                await asyncio.to_thread(incoming.keep)
                fact = source.ingested(asset_id, blob, media)
                outcome = Outcome.INGESTED
            if fact is not None:
                await self._append(fact, asset_id)
        return Ingested(
            outcome, source.filename, source.path, asset_id, blob.digest, blob.size_bytes
        )

    async def _refuse(self, path: Path, error: MuseionError) -> Ingested:
        place = os.fsencode(_place(path))
        name = display_name(path)
        fact = IngestRefused(filename=name, path=place, reason=error.message, remedy=error.remedy)
        await self._append(fact, None)
        return Ingested(Outcome.REFUSED, name, path, reason=error.message, remedy=error.remedy)

    async def _append(self, fact: ArchiveEvent, asset_id: AssetId | None) -> None:
        await self._log.append([new_event(fact, emitter_id=_EMITTER, aggregate_id=asset_id)])

    @asynccontextmanager
    async def _alone(self, asset_id: AssetId) -> AsyncIterator[None]:
        """Let one arrival of the same content finish before the next is judged."""
        while asset_id in self._arriving:
            await self._arriving[asset_id].wait()
        gone = self._arriving[asset_id] = asyncio.Event()
        try:
            yield
        finally:
            del self._arriving[asset_id]
            gone.set()


@dataclass(frozen=True, slots=True)
class _Source:
    filename: str
    path: Path | None = None
    modified_ns: int = 0

    def ingested(self, asset_id: AssetId, blob: Blob, media: MediaType) -> AssetIngested:
        return AssetIngested(
            asset_id=asset_id,
            digest=blob.digest,
            size_bytes=blob.size_bytes,
            media_type=media.mime,
            kind=media.kind,
            filename=self.filename,
            path=os.fsencode(self.path) if self.path else None,
            modified_ns=self.modified_ns if self.path else None,
        )

    def recognised(self, asset_id: AssetId, blob: Blob) -> AssetRecognised | None:
        """Return the fact that known content lies at a path; an upload has no path to note."""
        if self.path is None:
            return None
        return AssetRecognised(
            asset_id=asset_id,
            filename=self.filename,
            path=os.fsencode(self.path),
            modified_ns=self.modified_ns,
            size_bytes=blob.size_bytes,
        )


def display_name(path: Path) -> str:
    """Return the name of a file for people; bytes that are not UTF-8 become replacement marks."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def _place(path: Path) -> Path:
    """Return the absolute path; links are kept, so the same folder gives the same paths."""
    return Path(os.path.abspath(path))


def _receive(path: Path, incoming: Incoming) -> tuple[Blob, MediaType]:
    """Copy a file aside while hashing it, then sniff the copy, which cannot change any more."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                incoming.write(chunk)
    except OSError as reason:
        raise UnreadableFile(reason) from reason
    return incoming.finish(), sniff(incoming.path)
