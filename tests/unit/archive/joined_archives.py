"""Small sites that share over real endpoints in one process; what leaves is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

from msgspec.structs import replace
from small_sites import SmallSite

from museion.archive.asset import AssetId
from museion.archive.carried import carried
from museion.archive.history import fold
from museion.archive.rights import may_read
from museion.archive.sharing.asset_gate import AssetGate, asset_of, tells_access_only
from museion.archive.sharing.disclosure import WiderAccess
from museion.archive.sharing.lacking import AssetsLacking
from museion.log.event import Event, EventId
from museion.log.replication.connection import Connection
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.local_neighbour import LocalNeighbour
from museion.log.replication.protocol import EndpointInfo, InfoRequest, ReadAnswer, ReadRequest
from museion.log.replication.refusals import Unreachable
from museion.log.replication.wire import from_wire
from museion.log.sourced.processor import ProcessorRunner

QUICK = EndpointSettings(retry_delay_s=0.005, first_retry_delay_s=0.001, wait_s=0.2)


class CatalogAtHand:
    """Brings the catalog of a small site after its log when somebody needs it, and not before."""

    def __init__(self, site: SmallSite) -> None:
        self._site = site
        self._one = asyncio.Lock()

    @property
    def position(self) -> int:
        return self._site.projection.position

    async def reached(self, sequence_nr: int) -> None:
        async with self._one:
            while self.position < sequence_nr:
                after = self.position
                self._site.projection.apply(await self._site.log.read(after=after, limit=512))


class WatchedLine(LocalNeighbour):
    """A line that can be cut, and keeps what left over it although it was not to."""

    def __init__(self, sharing: SharingSite, reader_id: str) -> None:
        super().__init__(sharing.endpoint.service, reader_id)
        self._source = sharing.site
        self._reader_id = reader_id
        self.is_cut = False
        self.leaked: list[Event] = []

    async def info(self, request: InfoRequest) -> EndpointInfo:
        self._require_whole()
        return await super().info(request)

    async def read(self, request: ReadRequest) -> ReadAnswer:
        self._require_whole()
        before = self._source.log.sequence_nr
        # Small answers, so that other things happen between them.
        answer = await super().read(replace(request, max_events=min(request.max_events, 3)))
        self._require_whole()
        self.leaked += await self._not_allowed(answer, before)
        return answer

    async def _not_allowed(self, answer: ReadAnswer, before: int) -> list[Event]:
        """Return what the reader might not have at any moment since it asked."""
        events = [from_wire(each) for each in answer.events]
        found: list[Event] = []
        for event in events:
            asset_id = asset_of(event)
            if asset_id is not None and not tells_access_only(event):
                moments = range(before, self._source.log.sequence_nr + 1)
                known = await events_of(self._source, asset_id)
                if not any(self._allows(known, moment) for moment in moments):
                    found.append(event)
                found += [each for each in carried(event) if asset_of(each) != asset_id]
        return found

    def _allows(self, known: Iterable[Event], moment: int) -> bool:
        then = fold(event for event in known if event.sequence_nr <= moment)
        return may_read(self._reader_id, then.rights)

    def _require_whole(self) -> None:
        if self.is_cut:
            raise Unreachable(self._source.id, "the line is cut")


class SharingSite:
    """A small site with its endpoint and the processor that discloses."""

    def __init__(self, site: SmallSite) -> None:
        self.site = site
        self.following = CatalogAtHand(site)
        self.endpoint = Endpoint(
            site.id,
            {"": site.log},
            settings=QUICK,
            seed=Random(site.id),  # noqa: S311 (a repeatable test)
            now_ms=lambda: 1_000_000,
            gate=self.gate,
            covered=AssetsLacking(site.catalog, self.following),
        )

    def gate(self, reader_id: str) -> AssetGate:
        """Return the gate of another site here."""
        return AssetGate(reader_id, self.site.catalog, self.following)


class Mesh:
    """Sites of which each reads from every other one."""

    def __init__(self, sites: Iterable[SharingSite]) -> None:
        self.sites = {each.site.id: each for each in sites}
        self.lines: dict[tuple[str, str], WatchedLine] = {}

    async def connect(self) -> None:
        """Let each site read from every other one."""
        for reader in self.sites.values():
            for source in self.sites.values():
                if source is not reader:
                    line = WatchedLine(source, reader.site.id)
                    self.lines[reader.site.id, source.site.id] = line
                    await reader.endpoint.connect(Connection(source.site.id), line)

    @property
    def leaked(self) -> list[Event]:
        """What left although it was not to."""
        return [event for line in self.lines.values() for event in line.leaked]

    async def history(self, asset_id: AssetId) -> dict[EventId, Event]:
        """Return all that was ever told of an asset, anywhere."""
        known = [await events_of(each.site, asset_id) for each in self.sites.values()]
        return {event.id: event for events in known for event in events}

    async def lacking(self, asset_id: AssetId) -> dict[str, set[EventId]]:
        """Return what those who may have an asset do not have of it: nothing, in the end."""
        everything = await self.history(asset_id)
        rights = fold(everything.values()).rights
        return {
            name: missing
            for name, each in self.sites.items()
            if may_read(name, rights)
            for missing in [
                everything.keys() - {e.id for e in await events_of(each.site, asset_id)}
            ]
            if missing
        }


async def events_of(site: SmallSite, asset_id: AssetId) -> list[Event]:
    """Return what a log tells of an asset, also within other events."""
    events = await site.log.read(aggregate_id=asset_id, limit=10_000)
    return [each for event in events for each in carried(event)]


@asynccontextmanager
async def sharing_mesh(folder: Path, *names: str) -> AsyncIterator[Mesh]:
    """Open sites with these ids that all read from each other."""
    async with AsyncExitStack() as stack:
        sites = [SharingSite(SmallSite(folder, name)) for name in names]
        for each in sites:
            stack.push_async_callback(each.site.close)
        tasks = await stack.enter_async_context(_cancelled_at_the_end())
        for each in sites:
            runner = ProcessorRunner(each.site.log, WiderAccess(each.site.log))
            tasks.append(asyncio.create_task(runner.run()))
            await stack.enter_async_context(each.endpoint)
        mesh = Mesh(sites)
        await mesh.connect()
        yield mesh
        for task in tasks:
            assert not task.done(), task


@asynccontextmanager
async def _cancelled_at_the_end() -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks: list[asyncio.Task[None]] = []
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
