"""Steps 1 to 4 of the path of a photo: bytes come in, are known by their digest, become an asset.

Content decides: the same bytes are one asset, whatever their name, place or number of arrivals.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from museion.archive.asset import AssetId, asset_id_of
from museion.archive.carried import carried
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    AssetRecognised,
    IngestRefused,
    RefusalCleared,
    new_event,
    payload_of,
)
from museion.archive.receiving import receive
from museion.archive.source_file import UnreadableFile, look_at
from museion.base.errors import InvalidInput, MuseionError, Unavailable
from museion.base.waiting import to_end
from museion.blobs.blob_store import Blob, BlobStore, Digest, Incoming
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.media.sniff import MediaType, sniff

_EMITTER = "ingest"
_HISTORY_EVENTS = 512
"""So many events of an asset are looked at for a path; one that was missed is only told twice."""


class Outcome(StrEnum):
    """What became of one file."""

    INGESTED = "ingested"
    RECOGNISED = "recognised"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one file, and why.

    `asset_id` and `digest` are None for a refused file. An unchanged file has been met before under
    this path with this size and modification time. A cleared file waited in quarantine, but is no
    longer there.
    """

    outcome: Outcome
    filename: str
    path: Path | None = None
    asset_id: AssetId | None = None
    digest: Digest | None = None
    size_bytes: int = 0
    reason: str = ""
    remedy: str = ""


class TooLarge(InvalidInput):
    """More bytes came than the site takes."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(
            f"It is larger than {max_bytes >> 20} MiB, the most that an upload may have here.",
            remedy="Ingest it on the site's machine, or raise `max_upload_mib` in museion.toml.",
        )


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
        done: set[asyncio.Task[Ingested]] = set()
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
            await asyncio.gather(*running, *done, return_exceptions=True)

    async def refuse_folder(self, folder: Path, reason: OSError) -> Ingested:
        """Put a folder that cannot be listed into quarantine."""
        return await self._refuse(folder, UnreadableFile(reason))

    async def clear(self, path: Path) -> Ingested:
        """Take a path out of quarantine, because nothing there is left to be tried."""
        place = os.fsencode(_place(path))
        await self._append(RefusalCleared(path=place), None)
        return Ingested(Outcome.CLEARED, display_name(path), path, reason="It is no longer there.")

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
        status = await asyncio.to_thread(look_at, path)
        place = _place(path)
        known = self._known_source(os.fsencode(place))
        if known and known[1:] == (status.st_mtime_ns, status.st_size):
            return Ingested(Outcome.UNCHANGED, display_name(path), path, known[0])
        with self._blobs.incoming() as incoming:
            blob, media, modified_ns = await receive(path, incoming)
            source = _Source(display_name(path), place, modified_ns)
            return await self._admit(incoming, blob, media, source, is_new_place=known is None)

    async def _admit(
        self,
        incoming: Incoming,
        blob: Blob,
        media: MediaType,
        source: _Source,
        *,
        is_new_place: bool = True,
    ) -> Ingested:
        asset_id = asset_id_of(blob.digest)
        async with self._alone(asset_id):
            history = await self._log.read(aggregate_id=asset_id, limit=_HISTORY_EVENTS)
            # Also for a known asset: a blob that was damaged is healed by the same bytes.
            await to_end(asyncio.to_thread(incoming.keep))
            fact: ArchiveEvent | None
            if not _is_born(history):
                fact, outcome = source.ingested(asset_id, blob, media), Outcome.INGESTED
            elif is_new_place and source.is_told_by(history):
                # The catalog, which knows places, is a little behind the log.
                fact, outcome = None, Outcome.UNCHANGED
            else:
                fact, outcome = source.recognised(asset_id, blob), Outcome.RECOGNISED
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

    def is_told_by(self, history: Sequence[Event]) -> bool:
        """Tell whether an asset's events of this site name this path with this time already."""
        told = (payload_of(event) for event in history if event.process_id == event.log_id)
        here = (os.fsencode(self.path) if self.path else None, self.modified_ns)
        return self.path is not None and any(
            isinstance(fact, AssetIngested | AssetRecognised)
            and (fact.path, fact.modified_ns) == here
            for fact in told
        )


def _is_born(history: Sequence[Event]) -> bool:
    """Tell whether an asset came in, here or elsewhere; a site may hear of others' without that."""
    told = (payload_of(each) for event in history for each in carried(event))
    return any(isinstance(fact, AssetIngested) for fact in told)


def display_name(path: Path) -> str:
    """Return the name of a file for people; bytes that are not UTF-8 become replacement marks."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def _place(path: Path) -> Path:
    """Return the absolute path; links are kept, so the same folder gives the same paths."""
    return Path(os.path.abspath(path))
