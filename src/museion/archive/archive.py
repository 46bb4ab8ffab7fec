"""One archive as its users see it: take in, find, look at; HTTP and shell stand on this."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path

from msgspec import UNSET

from museion.archive.asset import AssetId
from museion.archive.blob_exchange import BlobExchange
from museion.archive.catalog.reader import Catalog
from museion.archive.catalog.records import AssetDetail, AssetSummary
from museion.archive.change_feed import ChangeFeed
from museion.archive.collecting import Collector
from museion.archive.conflicts import (
    FieldConflict,
    SiteNames,
    UnknownConflict,
    conflict_id,
    parts_of,
    settling_changes,
    shown_conflict,
)
from museion.archive.editing import Changes, Edited, Editor
from museion.archive.enrichment.embeddings import see_file
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.folders import find_files
from museion.archive.ingest import Ingest, Ingested
from museion.archive.quarantine import can_be_listed, is_gone, retry_events
from museion.archive.searching import DEFAULT_ASKING, Answer, Asking, Searcher
from museion.archive.source_file import look_at
from museion.blobs.blob_store import BlobStore, Digest, UnknownBlob
from museion.log.event_log import EventLog

_PAGE = 500
_SHOWN_WITHIN_S = 2.0


class ArchiveReader:
    """Reads an archive; each call sees one committed state.

    Attributes:
        blob_exchange: fetches blobs that are not here; None where there is no other site.
    """

    blob_exchange: BlobExchange | None = None

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

    async def search(
        self,
        query: str,
        *,
        limit: int = 20,
        offset: int = 0,
        token: str = "",
        asking: Asking = DEFAULT_ASKING,
    ) -> Answer:
        """Return what fits a query in words, best first; see the docs for filters.

        Args:
            query: as it would be typed.
            limit: how many hits at most.
            offset: how many to pass over.
            token: of an earlier answer to the same query, to go on in its ranking.
            asking: what the ranking listens to, for example.

        Raises:
            InvalidInput: a filter such as `after:` has a value that cannot be read, for example.
            UnknownAsset: `like:` names none.
        """
        return await asyncio.to_thread(
            self.searcher.search, query, limit=limit, offset=offset, token=token, asking=asking
        )

    async def search_like(
        self,
        picture: str | Path,
        query: str = "",
        *,
        limit: int = 20,
        asking: Asking = DEFAULT_ASKING,
    ) -> Answer:
        """Return the assets that look like a picture in a file, and fit a query if one is given.

        The file is decoded in a worker process and not kept.

        Args:
            picture: the file.
            query: what hits shall fit as well.
            limit: how many hits at most.
            asking: whether look-alikes collapse, for example; without a query nothing does.

        Raises:
            InvalidInput, Damaged: the file cannot be read as a picture.
        """
        await asyncio.to_thread(look_at, Path(picture))
        generation = self.searcher.generation
        vector = await self.pool.run(see_file, Path(picture), generation.checkpoint)
        if not query.strip():
            return await asyncio.to_thread(self.searcher.nearest, vector, generation, limit=limit)
        return await asyncio.to_thread(
            self.searcher.search, query, limit=limit, asking=asking, picture=vector
        )

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

    def read_blob(self, digest: Digest) -> bytes:
        """Return the bytes of a blob.

        Raises:
            UnknownBlob: it is not here, or belongs to an asset that this site may not read.
            Damaged: its bytes are not what was written.
        """
        if self.catalog.withholds(digest):
            raise UnknownBlob(digest)
        return self.blobs.read(digest)

    async def conflicts(self, *, offset: int = 0, limit: int = 100) -> list[FieldConflict]:
        """Return the fields that wait for a person, the last written first."""
        return await asyncio.to_thread(self.catalog.people.conflicts, offset=offset, limit=limit)

    async def conflict(self, identifier: str) -> FieldConflict:
        """Return one field that waits for a person, with all its versions.

        Raises:
            UnknownConflict: none is open under this id.
        """
        return await asyncio.to_thread(self.catalog.people.conflict, identifier)

    def name_sites(self, names: SiteNames) -> None:
        """Tell how sites are called, for all that is read from now on."""
        self.catalog.people.names = names


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
        self.collections = Collector(log)
        self._editor = Editor(log)
        self._ingest = Ingest(log, blobs, catalog.source)
        self._limits = limits
        self.name_sites({log.log_id: name}.get)

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
        await self.shown(self.log.sequence_nr)
        return ingested

    async def shown(self, sequence_nr: int) -> None:
        """Wait until the catalog has an event, but not for long.

        A catalog that is held up does not undo what was written.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_SHOWN_WITHIN_S):
                await self._shown(sequence_nr)

    async def _shown(self, sequence_nr: int) -> None:
        """Wait until the catalog has an event: who is told an id may ask for it at once."""
        position = await asyncio.to_thread(self.catalog.position)
        if position >= sequence_nr:
            return
        async with aclosing(self.changes.follow(position)) as following:
            async for change in following:
                if change.position >= sequence_nr:
                    return

    async def edit(
        self, asset_id: AssetId, changes: Changes, *, by: str, seen: str | None = None
    ) -> Edited:
        """Change fields of an asset, durably; the catalog has it, unless it is held up for long.

        Args:
            by: name of the person.
            seen: causal token that came with what the person looked at. What was written since,
                here or elsewhere, is not overwritten then: it stays beside the new value, in
                conflict. None stands for the present state.

        Raises:
            UnknownAsset: there is no such asset, or this site may not read it.
            InvalidInput: the changes, the name or the token are no good; nothing was done.
        """
        return await self._told(await self._editor.edit(asset_id, changes, by=by, seen=seen))

    async def edit_many(
        self, asset_ids: Sequence[AssetId], changes: Changes, *, by: str
    ) -> list[Edited]:
        """Change fields of several assets alike, all of them or none. Raises as `edit`."""
        edited = await self._editor.edit_many(asset_ids, changes, by=by)
        await self.shown(max((each.sequence_nr for each in edited), default=0))
        return edited

    async def resolve(
        self,
        identifier: str,
        *,
        by: str,
        choice: str | None = None,
        value: object = UNSET,
        seen: str | None = None,
    ) -> Edited:
        """Settle a field in conflict: by one of its versions, or by a value that merges them.

        Args:
            identifier: id of the conflict.
            choice: id of a version; or
            value: what the field shall say.
            seen: causal token of the conflict as the person saw it: only its versions give way, and
                one that came in since stays in conflict with the result.

        Raises:
            UnknownConflict: none is open under this id.
            UnknownChoice: neither a version nor a value is given, or both, or no such version.
        """
        asset_id, field = parts_of(identifier)
        conflict = await self._open_conflict(asset_id, field)
        changes = settling_changes(conflict, choice, value)
        return await self.edit(asset_id, changes, by=by, seen=seen or conflict.seen)

    async def undo(self, asset_id: AssetId, change_id: str, *, by: str) -> Edited:
        """Take back what is left of a change of fields. Raises `NothingToUndo`, and as `edit`."""
        return await self._told(await self._editor.undo(asset_id, change_id, by=by))

    async def trash(self, asset_id: AssetId, *, by: str) -> Edited:
        """Hide an asset until it is restored. Raises as `edit`."""
        return await self._told(await self._editor.trash(asset_id, by=by))

    async def restore(self, asset_id: AssetId, *, by: str) -> Edited:
        """Take an asset out of the trash. Raises as `edit`."""
        return await self._told(await self._editor.restore(asset_id, by=by))

    async def comment(self, asset_id: AssetId, text: str, *, by: str) -> Edited:
        """Say something about an asset. Raises `BadComment`, and as `edit`."""
        return await self._told(await self._editor.comment(asset_id, text, by=by))

    async def _told(self, edited: Edited) -> Edited:
        await self.shown(edited.sequence_nr)
        return edited

    async def _open_conflict(self, asset_id: AssetId, field: str) -> FieldConflict:
        """Return a conflict as the log has it, which the catalog may be a little behind."""
        history = await self._editor.history(asset_id, settling=field == "access")
        if field not in history.conflicts:
            raise UnknownConflict(conflict_id(asset_id, field))
        return shown_conflict(history, field, self.catalog.people.names, asset_id=asset_id)

    async def retry(self) -> AsyncGenerator[Ingested]:
        """Try everything in quarantine once more; yield what became of each refused file.

        Assets that could not be enriched are tried in the background, if their originals are here.
        A refused file that is gone, though its folder is still there, is taken out of quarantine.
        """
        entries = await asyncio.to_thread(self.catalog.quarantine)
        ids = {entry.asset_id for entry in entries if entry.asset_id}
        details = [await self.asset(asset_id) for asset_id in ids]
        details = await asyncio.to_thread(self._with_original, details)
        await self.log.append(retry_events(details, seen=self.log.version))
        places = [Path(os.fsdecode(entry.path)) for entry in entries if entry.path is not None]
        gone = await asyncio.to_thread(lambda: set(filter(is_gone, places)))
        for place in gone:
            yield await self._ingest.clear(place)
        for folder in await asyncio.to_thread(lambda: list(filter(can_be_listed, places))):
            await self._ingest.clear(folder)
        async for ingested in self.ingest(*(place for place in places if place not in gone)):
            yield ingested

    def _with_original(self, details: Sequence[AssetDetail]) -> list[AssetDetail]:
        """Leave out what cannot be tried here: the failure would travel to all sites."""
        return [detail for detail in details if detail.summary.digest in self.blobs]
