"""Sites that share over real endpoints, with lines between them that are watched and can be cut.

Every answer is judged apart from the code under test: from the source's log, folded by hand.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

from small_sites import SmallSite

from museion.archive.asset import AssetId
from museion.archive.carried import carried
from museion.archive.catalog.reader import Catalog
from museion.archive.events import (
    AssetDisclosed,
    IngestRefused,
    RefusalCleared,
    payload_as,
    type_name,
)
from museion.archive.history import fold
from museion.archive.rights import may_read
from museion.archive.sharing.asset_gate import asset_of, tells_access_only
from museion.archive.sharing.asset_words import AssetWords
from museion.archive.sharing.lacking import AssetsLacking
from museion.base.waiting import meanwhile
from museion.log.event import Event, EventId
from museion.log.event_log import EventLog
from museion.log.replication.connection import Connection
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.filters import EVERYTHING, Filter, Named
from museion.log.replication.local_neighbour import LocalNeighbour
from museion.log.replication.protocol import (
    EndpointInfo,
    InfoRequest,
    Offer,
    OfferTaken,
    ReadAnswer,
    ReadRequest,
    RecoveryAnswer,
    RecoveryRequest,
)
from museion.log.replication.refusals import Unreachable
from museion.log.replication.status import LinkCondition
from museion.log.replication.wire import from_wire
from museion.node.sites.kept_connections import ASSETS
from museion.node.sites.sharing_runs import SharingRuns
from museion.streams.projection import ProjectionRunner
from museion.testing.event_loop import until

DISCLOSED = type_name(AssetDisclosed)
LOCAL = frozenset({type_name(IngestRefused), type_name(RefusalCleared)})
_QUICK = EndpointSettings(
    retry_delay_s=0.02,
    first_retry_delay_s=0.002,
    remote_read_timeout_s=5.0,
    failure_detection_limit_s=10.0,
    wait_s=0.05,
)


class SharingSite:
    """One site with everything that shares."""

    def __init__(self, folder: Path, site_id: str) -> None:
        self.id = site_id
        self.people = SmallSite(folder, site_id)
        self.log: EventLog = self.people.log
        self.catalog: Catalog = self.people.catalog
        self.catalog_runner = ProjectionRunner(self.log, self.people.projection)
        self.sharing = SharingRuns(self)
        self.endpoint = Endpoint(
            site_id,
            {"": self.log},
            settings=_QUICK,
            seed=Random(1),  # noqa: S311 (repeatable)
            now_ms=lambda: 1_000_000,
            gate=self.sharing.gate_for,
            named_filters=self.sharing.named_filters,
            covered=AssetsLacking(self.catalog, self.catalog_runner),
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Share meanwhile."""
        try:
            async with meanwhile(self.catalog_runner.run()), self.sharing.running(), self.endpoint:
                yield
        finally:
            await self.people.close()

    async def held(self) -> dict[EventId, Event]:
        """Return all events that are here, carried ones too, without those that carry."""
        events = await self.log.read(limit=100_000)
        return {each.id: each for event in events for each in carried(event) if plain(each)}

    def is_at_rest(self) -> bool:
        """Tell whether everything here stands at the end of the log."""
        end = self.log.sequence_nr
        return self.catalog_runner.position == end and all(
            position == end for position in self.sharing.positions()
        )


def plain(event: Event) -> bool:
    return event.type_name != DISCLOSED


class Line:
    """The door of one site for another; what goes through is judged."""

    def __init__(self, source: SharingSite, target_id: str) -> None:
        self._source = source
        self._target_id = target_id
        self._door = LocalNeighbour(source.endpoint.service, target_id)
        self.is_cut = False
        self.judged = 0

    async def info(self, request: InfoRequest) -> EndpointInfo:
        self._require_whole()
        return await self._door.info(request)

    async def read(self, request: ReadRequest) -> ReadAnswer:
        self._require_whole()
        await self._source.sharing.note_read(self._target_id, request)
        asked_at = self._source.log.sequence_nr
        answer = await self._door.read(request)
        earliest = max(asked_at, answer.scanned_to)
        for each in answer.events:
            await self._judge(from_wire(each), earliest)
        self._require_whole()
        return answer

    async def offer(self, offer: Offer) -> OfferTaken:
        raise NotImplementedError("all read")

    async def recover(self, request: RecoveryRequest) -> RecoveryAnswer:
        raise NotImplementedError("nobody loses anything")

    async def close(self) -> None:
        """Nothing is open."""

    def _require_whole(self) -> None:
        if self.is_cut:
            raise Unreachable(self._source.id, "the line is cut")

    async def _judge(self, event: Event, earliest: int) -> None:
        """Fail if the target might read the asset at no moment since the answer was begun."""
        self.judged += 1
        assert event.type_name not in LOCAL, f"{event} concerns one machine only"
        asset_id = asset_of(event)
        if asset_id is None or tells_access_only(event):
            return
        log = self._source.log
        known = await log.read(aggregate_id=asset_id, limit=100_000)
        moments = {earliest, *(each.sequence_nr for each in known if each.sequence_nr > earliest)}
        assert any(
            readable(self._target_id, [each for each in known if each.sequence_nr <= moment])
            for moment in moments
        ), f"{event.type_name} about {asset_id} left {self._source.id} for {self._target_id}"
        if not plain(event):
            assert payload_as(event, AssetDisclosed).to in (None, self._target_id)
            assert {each.aggregate_id for each in carried(event)} <= {asset_id}


def readable(site_id: str, events: Sequence[Event]) -> bool:
    """Tell from the events about an asset whether a site may read it."""
    told = [each for event in events for each in carried(event)]
    return may_read(site_id, fold(told).rights)


class SharingWorld:
    """Sites and the lines between them."""

    def __init__(self, sites: Sequence[SharingSite]) -> None:
        self.sites = {each.id: each for each in sites}
        self.lines: dict[tuple[str, str], Line] = {}
        self.words: dict[tuple[str, str], str] = {}

    async def join(self, first: str, second: str) -> None:
        """Let two read from each other."""
        await self.read(first, second)
        await self.read(second, first)

    async def read(self, target: str, source: str, words: str = "") -> None:
        """Let one read from another, a part only if words are given."""
        only: Filter = Named(ASSETS, words.encode()) if words else EVERYTHING
        if (target, source) in self.lines:
            await self.sites[target].endpoint.disconnect(source)
        line = self.lines[target, source] = Line(self.sites[source], target)
        self.words[target, source] = words
        await self.sites[target].endpoint.connect(Connection(source, only=only), line)

    async def settle(self) -> None:
        """Mend all lines and wait until nothing moves any more."""
        for line in self.lines.values():
            line.is_cut = False
        await until(self._is_at_rest)

    def _is_at_rest(self) -> bool:
        return all(
            site.is_at_rest()
            and all(
                link.condition == LinkCondition.UP_TO_DATE
                and log.position == self.sites[link.remote_id].log.sequence_nr
                for link in site.endpoint.status().connections
                for log in link.logs
            )
            for site in self.sites.values()
        )

    async def require_complete(self) -> None:
        """Fail unless each site holds all that those it reads from hold, and that it may read.

        An asset travels only over sites that may have it themselves.
        """
        held = {name: await site.held() for name, site in self.sites.items()}
        everything = {each.id: each for events in held.values() for each in events.values()}
        for events in held.values():
            for each in events.values():
                known = everything[each.id]
                assert known.payload == each.payload
                assert known.vector_timestamp == each.vector_timestamp
        for target, source in self.lines:
            for event in held[source].values():
                if event.id not in held[target] and event.type_name not in LOCAL:
                    assert not self._is_wanted(target, source, event, everything.values()), (
                        f"{target} lacks {event.type_name} {event.id} about {event.aggregate_id}"
                    )

    def _is_wanted(
        self, target: str, source: str, event: Event, everything: Iterable[Event]
    ) -> bool:
        asset_id = asset_of(event)
        if asset_id is None or tells_access_only(event):
            return True
        about = [each for each in everything if each.aggregate_id == asset_id]
        may_have = readable(target, about) and readable(source, about)
        return may_have and self._fits(target, source, asset_id)

    def _fits(self, target: str, source: str, asset_id: AssetId) -> bool:
        words = self.words.get((target, source))
        return not words or AssetWords.read(words).holds(self.sites[source].catalog, asset_id)


@asynccontextmanager
async def sharing_sites(folder: Path, *names: str) -> AsyncIterator[SharingWorld]:
    """Open sites with these ids; nobody is joined yet."""
    async with AsyncExitStack() as stack:
        sites = [SharingSite(folder, name) for name in names]
        for site in sites:
            await stack.enter_async_context(site.open())
        yield SharingWorld(sites)


async def breathe(times: int) -> None:
    """Give way to everything else for a few turns, so that things happen in between."""
    for _ in range(times):
        await asyncio.sleep(0)
