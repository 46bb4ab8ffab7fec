"""A small real archive without processes: log in memory, blobs and catalog in a folder.

Tests say what was told, the catalog takes it in when they ask for it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from museion.archive.asset import AssetId, asset_id_of
from museion.archive.catalog.projection import CatalogProjection
from museion.archive.catalog.reader import Catalog
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    MetadataExtracted,
    MetadataValue,
    RenditionMade,
    new_event,
    payload_of,
)
from museion.archive.ingest import Ingest, Ingested
from museion.blobs.blob_store import Digest
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.vector_time import VectorTime

F = TypeVar("F", bound=ArchiveEvent)


@dataclass(frozen=True)
class SmallArchive:
    """The parts of an archive that steps 1 to 4 and the catalog need."""

    log: EventLog
    blobs: FilesystemBlobStore
    ingest: Ingest
    projection: CatalogProjection
    catalog: Catalog

    async def catch_up(self) -> None:
        """Bring the catalog to the end of the log."""
        events = await self.log.read(after=self.projection.position, limit=10_000)
        if events:
            await asyncio.to_thread(self.projection.apply, events)

    async def facts(self, kind: type[F]) -> list[F]:
        """Return all facts of one type, in log order."""
        events = await self.log.read(limit=10_000)
        payloads = [payload_of(event) for event in events]
        return [payload for payload in payloads if isinstance(payload, kind)]

    async def take_in(self, *paths: Path) -> list[Ingested]:
        """Ingest files one after the other, without letting the catalog follow."""
        return [await self.ingest.ingest_file(path) for path in paths]


@asynccontextmanager
async def small_archive(folder: Path) -> AsyncIterator[SmallArchive]:
    """Open an archive in a folder, closed at the end."""
    log = EventLog(MemoryEventStore(log_id="here"))
    blobs = FilesystemBlobStore(folder / "blobs")
    projection = CatalogProjection(folder / "catalog.sqlite")
    catalog = Catalog(folder / "catalog.sqlite")
    try:
        yield SmallArchive(log, blobs, Ingest(log, blobs, catalog.source), projection, catalog)
    finally:
        await log.close()
        catalog.close()
        projection.close()


class Telling:
    """A catalog that is told facts directly, each at its own moment."""

    def __init__(self, folder: Path) -> None:
        self.projection = CatalogProjection(folder / "catalog.sqlite")
        self.catalog = Catalog(folder / "catalog.sqlite")

    def tell(self, *facts: ArchiveEvent, time_ms: int = 1_700_000_000_000) -> None:
        """Apply facts as one batch behind all before."""
        self.projection.apply(events_of(facts, self.projection.position, time_ms))

    def tell_asset(
        self, name: str, *, kind: str = "image", media_type: str = "image/jpeg", **metadata: Any
    ) -> AssetId:
        """Tell that an asset came in, has a picture, and says this of itself; return its id."""
        born = ingested(name, kind=kind, media_type=media_type)
        values = tuple(
            MetadataValue(field, value, _SOURCES.get(field, "header"))
            for field, value in metadata.items()
        )
        self.tell(born, MetadataExtracted(asset_id=born.asset_id, values=values))
        self.tell(*renditions(born.asset_id))
        return born.asset_id

    def close(self) -> None:
        """Close the files."""
        self.catalog.close()
        self.projection.close()


_SOURCES = {"caption": "xmp:dc:description", "keywords": "xmp:dc:subject"}


def digest_of(name: str) -> Digest:
    """Return a digest that belongs to a name."""
    return Digest((name.encode().hex() + "0" * 64)[:64])


def ingested(
    name: str, *, path: str | None = None, kind: str = "image", media_type: str = "image/jpeg"
) -> AssetIngested:
    """Return the birth of an asset with a name."""
    digest = digest_of(name)
    return AssetIngested(
        asset_id=asset_id_of(digest),
        digest=digest,
        size_bytes=1000,
        media_type=media_type,
        kind=kind,
        filename=name,
        path=os.fsencode(path) if path else None,
        modified_ns=5 if path else None,
    )


def renditions(asset_id: AssetId, *, width: int = 300, height: int = 200) -> list[RenditionMade]:
    """Return that both renditions of an asset were made."""
    return [
        RenditionMade(
            asset_id=asset_id,
            rendition=name,
            digest=digest_of(f"{name} {asset_id}"),
            media_type="image/webp",
            width=width,
            height=height,
            size_bytes=10,
        )
        for name in ("thumbnail", "preview")
    ]


def events_of(
    facts: Iterable[ArchiveEvent], after: int, time_ms: int = 1_700_000_000_000
) -> list[Event]:
    """Return facts as written events behind a position."""
    return [
        Event(
            type_name=new.type_name,
            form=new.form,
            payload=new.payload,
            emitter_id=new.emitter_id,
            aggregate_id=new.aggregate_id,
            custom_destinations=(),
            system_time_ms=time_ms,
            vector_timestamp=VectorTime({"here": number}),
            process_id="here",
            log_id="here",
            sequence_nr=number,
        )
        for number, fact in enumerate(facts, after + 1)
        for new in [new_event(fact, emitter_id="test")]
    ]
