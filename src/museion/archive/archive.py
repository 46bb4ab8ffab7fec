"""One archive as its users see it: take in, find, look at; HTTP and shell stand on this."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path

from museion.archive.asset import AssetId
from museion.archive.catalog.reader import Catalog
from museion.archive.catalog.records import AssetDetail, AssetSummary
from museion.archive.change_feed import ChangeFeed
from museion.archive.enrichment.embeddings import see_file
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.folders import find_files
from museion.archive.ingest import Ingest, Ingested
from museion.archive.quarantine import can_be_listed, is_gone, retry_events
from museion.archive.searching import Answer, Searcher
from museion.archive.source_file import look_at
from museion.blobs.blob_store import BlobStore
from museion.log.event_log import EventLog

_PAGE = 500
_SHOWN_WITHIN_S = 2.0


class ArchiveReader:
    """Reads an archive; each call sees one committed state."""

    def __init__(
        self,
        *,
        name: str,
        blobs: BlobStore,
        catalog: Catalog,
        searcher: Searcher,
        pool: WorkerPool,
    ) -> None:
        self.name = name
        self.pool = pool
        self.blobs = blobs
        self.catalog = catalog
        self.searcher = searcher

    async def search(self, query: str, *, limit: int = 20, offset: int = 0) -> Answer:
        """Return what fits a query in words, best first; see the docs for filters.

        Raises:
            BadFilter: a filter such as `after:` has a value that cannot be read.
        """
        return await asyncio.to_thread(self.searcher.search, query, limit=limit, offset=offset)

    async def search_like(self, picture: str | Path, *, limit: int = 20) -> Answer:
        """Return the assets that look like a picture in a file.

        The file is decoded in a worker process and not kept.

        Raises:
            InvalidInput, Damaged: the file cannot be read as a picture.
        """
        await asyncio.to_thread(look_at, Path(picture))
        vector = await self.pool.run(see_file, Path(picture))
        return await asyncio.to_thread(self.searcher.nearest, vector, limit=limit)

    async def similar(self, asset_id: AssetId, *, limit: int = 20) -> Answer:
        """Return the assets that look like an asset, without the asset itself."""
        return await asyncio.to_thread(self.searcher.similar, asset_id, limit=limit)

    async def assets(self) -> AsyncIterator[AssetSummary]:
        """Yield all assets, newest capture time first."""
        offset = 0
        while page := await asyncio.to_thread(self.catalog.page, offset=offset, limit=_PAGE):
            for asset in page:
                yield asset
            offset += len(page)

    async def asset(self, asset_id: AssetId) -> AssetDetail:
        """Return everything about one asset.

        Raises:
            UnknownAsset: there is no such asset.
        """
        return await asyncio.to_thread(self.catalog.detail, asset_id)


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """Bounds of what comes in: files read at the same time, bytes of one upload."""

    files_at_once: int = 8
    max_upload_bytes: int = 8 << 30


class Archive(ArchiveReader):
    """An archive that this process writes to."""

    def __init__(
        self,
        *,
        name: str,
        log: EventLog,
        blobs: BlobStore,
        catalog: Catalog,
        searcher: Searcher,
        pool: WorkerPool,
        changes: ChangeFeed,
        limits: IngestLimits,
    ) -> None:
        super().__init__(name=name, blobs=blobs, catalog=catalog, searcher=searcher, pool=pool)
        self.log = log
        self.changes = changes
        self._ingest = Ingest(log, blobs, catalog.source)
        self._limits = limits

    async def ingest(self, *paths: str | Path) -> AsyncGenerator[Ingested]:
        """Take in files and everything below folders; yield what became of each file.

        Enrichment goes on in the background. May be broken off and begun again at any time; files
        that were met before are passed over.

        Raises:
            Unavailable: the disk is full or cannot be written; what was yielded is safe.
        """
        unlisted: list[tuple[Path, OSError]] = []

        def note(folder: Path, reason: OSError) -> None:
            unlisted.append((folder, reason))

        files = find_files(map(Path, paths), on_error=note)
        at_once = self._limits.files_at_once
        async for ingested in self._ingest.ingest_files(files, at_once=at_once):
            yield ingested
        for folder, reason in unlisted:
            yield await self._ingest.refuse_folder(folder, reason)

    async def ingest_stream(self, content: AsyncIterable[bytes], filename: str) -> Ingested:
        """Take in bytes that arrive over a network.

        When it returns, the catalog has the asset, unless it is held up for long.

        Raises:
            InvalidInput: they are no media that the archive keeps, none, or too many.
            Unavailable: they could not be kept.
        """
        max_bytes = self._limits.max_upload_bytes
        ingested = await self._ingest.ingest_stream(content, filename, max_bytes=max_bytes)
        with suppress(TimeoutError):  # a catalog that is held up does not undo the ingest
            async with asyncio.timeout(_SHOWN_WITHIN_S):
                await self._shown(self.log.sequence_nr)
        return ingested

    async def _shown(self, sequence_nr: int) -> None:
        """Wait until the catalog has an event: who is told an id may ask for it at once."""
        position = await asyncio.to_thread(self.catalog.position)
        if position >= sequence_nr:
            return
        async with aclosing(self.changes.follow(position)) as following:
            async for change in following:
                if change.position >= sequence_nr:
                    return

    async def retry(self) -> AsyncGenerator[Ingested]:
        """Try everything in quarantine once more; yield what became of each refused file.

        Assets that could not be enriched are tried in the background. A refused file that is gone,
        though its folder is still there, is taken out of quarantine.
        """
        entries = await asyncio.to_thread(self.catalog.quarantine)
        ids = {entry.asset_id for entry in entries if entry.asset_id}
        details = [await self.asset(asset_id) for asset_id in ids]
        await self.log.append(retry_events(details))
        places = [Path(os.fsdecode(entry.path)) for entry in entries if entry.path is not None]
        gone = await asyncio.to_thread(lambda: set(filter(is_gone, places)))
        for place in gone:
            yield await self._ingest.clear(place)
        for folder in await asyncio.to_thread(lambda: list(filter(can_be_listed, places))):
            await self._ingest.clear(folder)
        async for ingested in self.ingest(*(place for place in places if place not in gone)):
            yield ingested
