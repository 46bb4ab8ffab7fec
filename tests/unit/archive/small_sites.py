"""Several small sites that exchange events by hand: logs and catalogs are real, the network is not.

A test says who writes what, and when one site takes over what another has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from small_archive import ingested

from museion.archive.asset import AssetId
from museion.archive.catalog.projection import CatalogProjection
from museion.archive.catalog.reader import Catalog
from museion.archive.collecting import Collector
from museion.archive.conflicts import FieldConflict
from museion.archive.editing import Changes, Edited, Editor
from museion.archive.events import ArchiveEvent, AssetIngested, new_event
from museion.archive.people import People
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.vector_time import VectorTime


class SmallSite:
    """One site: a log, its catalog, and what people do there."""

    def __init__(self, folder: Path, site_id: str) -> None:
        self.id = site_id
        self.log = EventLog(MemoryEventStore(log_id=site_id))
        self.projection = CatalogProjection(folder / f"{site_id}.sqlite")
        self.catalog = Catalog(folder / f"{site_id}.sqlite")
        self.editor = Editor(self.log)
        self.collector = Collector(self.log)

    async def ingest(self, name: str, *, path: str | None = None) -> AssetIngested:
        """Take in content with a name; the same name is the same content at every site."""
        born = ingested(name, path=path)
        await self.tell(born)
        return born

    async def tell(self, *facts: ArchiveEvent, after: Event | None = None) -> list[Event]:
        """Write facts."""
        events = [
            new_event(
                fact,
                emitter_id="test",
                aggregate_id=getattr(fact, "asset_id", None),
                cause=after,
                seen=VectorTime(),
            )
            for fact in facts
        ]
        return await self.log.append(events)

    async def take_from(
        self, other: SmallSite, *, only: Callable[[Event], bool] = lambda _: True
    ) -> None:
        """Take over what another site has, as replication does."""
        events = await other.log.read(limit=10_000)
        await self.log.append_replicated([event for event in events if only(event)])

    async def catch_up(self) -> Catalog:
        """Bring the catalog to the end of the log and return it."""
        events = await self.log.read(after=self.projection.position, limit=10_000)
        if events:
            await asyncio.to_thread(self.projection.apply, events)
        return self.catalog

    async def edit(
        self, asset_id: AssetId, *, by: str = "Ann", seen: str | None = None, **values: object
    ) -> Edited:
        """Set fields of an asset."""
        return await self.editor.edit(asset_id, Changes(set=values), by=by, seen=seen)

    async def people(self, asset_id: AssetId) -> People:
        """Return what people did, as the catalog has it."""
        return (await self.catch_up()).detail(asset_id).people

    async def conflicts(self) -> list[FieldConflict]:
        """Return the fields that wait for a person, as the catalog has them."""
        return (await self.catch_up()).people.conflicts()

    async def close(self) -> None:
        """Close the files."""
        await self.log.close()
        self.catalog.close()
        self.projection.close()


@asynccontextmanager
async def small_sites(folder: Path, *names: str) -> AsyncIterator[list[SmallSite]]:
    """Open sites with these ids, closed at the end."""
    sites = [SmallSite(folder, name) for name in names]
    try:
        yield sites
    finally:
        for site in sites:
            await site.close()


async def exchange(sites: Sequence[SmallSite]) -> None:
    """Let each site take over what every other one has, until all have all."""
    for _ in range(2):
        for site in sites:
            for other in sites:
                if other is not site:
                    await site.take_from(other)
