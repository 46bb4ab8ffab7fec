"""The network of one site: its endpoint, its door for other sites, and the connections it keeps."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from museion.api.site_schemas import (
    BlobsWaiting,
    ConnectionWanted,
    InvitationMade,
    InvitationWanted,
    JoinWanted,
    RecoveryStep,
    SiteCard,
    SitesOverview,
)
from museion.archive.membership import Member, SiteDescribed, SiteRetired, membership_event
from museion.base.errors import MuseionError
from museion.base.version import VERSION
from museion.base.waiting import meanwhile
from museion.blobs.blob_store import Digest
from museion.log.replication.connection import Connection, Direction
from museion.log.replication.directory import FileSiteDirectory, KnownKey, KnownSite
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.filters import EVERYTHING, Filter, Named
from museion.log.replication.http_neighbour import HttpNeighbour
from museion.log.replication.http_service import HttpService
from museion.log.replication.invitations import Invitations, make_invitation, read_code
from museion.log.replication.joining import JoinDesk, join
from museion.log.replication.protocol import Application
from museion.log.replication.site_keys import NoSiteKey, SiteKeys
from museion.log.replication.topology import FileTopologyStore
from museion.node.site import Site
from museion.node.sites.blob_lines import BLOBS, BlobLines
from museion.node.sites.membership_follower import MembershipFollower
from museion.node.sites.overview import links_shown, site_card, site_names
from museion.node.sites.site_door import AsgiApp
from museion.node.sites.site_errors import NoAddress, NotReachable, UnknownSite
from museion.node.sites.site_files import SavedConnection, SiteFiles

ASSETS = "museion.assets"
"""Name of the filter whose settings are filter words of the query language."""

_TEND_S = 1.0
_AT_ONCE_S = 2.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_UNSPECIFIED = frozenset({"0.0.0.0", "::"})  # noqa: S104 (nothing is bound to it)


class SiteNetwork:
    """Connects an open site with others while its context is open.

    What a person decided (connections, invitations, keys) lies in the site's folder and outlives
    the process; who belongs to the network lies in the log and is the same at every site.

    Args:
        site: open for writing.
        served_at: the address at which the site is served now, if it is.
    """

    def __init__(self, site: Site, *, served_at: str | None) -> None:
        self._site = site
        self._served_at = served_at
        self._files = SiteFiles(site.folder)
        folder = self._files.folder
        self._keys = _keys(self._files, site.log.log_id)
        self._directory = FileSiteDirectory(folder / "directory")
        self._invitations = Invitations(folder / "invitations")
        self._changed = asyncio.Event()
        self._recovery: asyncio.Task[None] | None = None
        self.follower = MembershipFollower(site.log, self._directory, self._hear, now_ms=_now_ms)
        self.endpoint = Endpoint(
            site.log.log_id,
            {"": site.log},
            application=_application(),
            seed=random.Random(),  # noqa: S311 (spreads retries, nothing secret)
            now_ms=_now_ms,
            topology_store=FileTopologyStore(folder / "topology"),
        )
        desk = JoinDesk(
            self._invitations,
            own_site=self._own_site,
            directory=self._directory,
            now_ms=_now_ms,
        )
        self._door = HttpService(
            self.endpoint.service,
            keys=self._keys,
            directory=self._directory,
            now_ms=_now_ms,
            joins=desk,
        )
        self._lines = BlobLines(
            site,
            self._keys,
            self._directory,
            reachable=self._reachable,
            may_have=self._may_have,
        )
        self.doors: Mapping[str, AsgiApp] = {"/replication/": self._door, BLOBS: self._lines.door}

    @classmethod
    @asynccontextmanager
    async def open(cls, site: Site, *, served_at: str | None = None) -> AsyncIterator[SiteNetwork]:
        """Connect the site with the others meanwhile.

        Raises:
            FileUnavailable, DamagedFile, DamagedConnections: its own files cannot be used.
        """
        network = cls(site, served_at=served_at)
        await network.follower.catch_up()
        site.name_sites(network._name_of)
        async with (
            network._lines.open(),
            network.endpoint,
            meanwhile(network.follower.run(), network._tend()),
        ):
            yield network

    def close_doors(self) -> None:
        """End what other sites are waiting for here, so that a server can stop. Idempotent."""
        self._door.close()

    @property
    def admin_token(self) -> str:
        """Who knows it may change how sites are connected."""
        return self._files.admin_token

    async def overview(self) -> SitesOverview:
        """Return how this site stands with all others."""
        status = self.endpoint.status()
        return SitesOverview(
            id=self.endpoint.endpoint_id,
            name=self._site.name,
            url=self._address(),
            recovering=self._recovery_step(),
            needs_recovery=bool(status.needs_recovery),
            conflicts=await asyncio.to_thread(self._site.catalog.people.conflict_count),
            waiting_for=[],
            blobs=await self._blobs_waiting(),
            sites=[self._card(site.site_id) for site in self._directory.sites()],
            links=links_shown(status),
        )

    async def invite(self, wanted: InvitationWanted) -> InvitationMade:
        """Make a code that lets one site in.

        Raises:
            NoAddress: nobody could reach this site with it.
        """
        url = wanted.url or self._site.settings.url or self._served_at
        if not url:
            raise NoAddress
        valid_ms = int(wanted.valid_h * 3_600_000)
        now_ms = _now_ms()
        code = make_invitation(
            self._invitations, self._keys, url=url, now_ms=now_ms, valid_ms=valid_ms
        )
        return InvitationMade(code=code, expires_ms=now_ms + valid_ms)

    async def join(self, wanted: JoinWanted) -> SiteCard:
        """Join the network of the site that made a code, and connect with that site both ways.

        Raises:
            BadInvitationCode, Unreachable, Refused, BadAnswer: as `joining.join`.
        """
        own_url = self._address(read_code(wanted.code).url)
        inviter = await join(
            wanted.code,
            keys=self._keys,
            directory=self._directory,
            name=self._site.name,
            url=own_url,
            now_ms=_now_ms,
        )
        await self.follower.describe(self._description(own_url))
        await self._connect(SavedConnection(inviter.site_id))
        return self._card(inviter.site_id)

    async def connect(self, site_id: str, wanted: ConnectionWanted) -> SiteCard:
        """Connect with a site that is known, or change the part that is taken.

        Raises:
            UnknownSite, NotReachable: there is no such site, or no way to it.
            FilteredCycle: events would be lost; the connection stays as it was.
            BadFilter: `only` is no text of filters.
        """
        self._require_known(site_id)
        await self._connect(SavedConnection(site_id, only=wanted.only))
        return self._card(site_id)

    async def disconnect(self, site_id: str) -> SiteCard:
        """End the connection with a site; what was exchanged stays."""
        self._require_known(site_id)
        saved = self._files.connections().get(site_id, SavedConnection(site_id))
        self._files.save(SavedConnection(site_id, only=saved.only, connected=False))
        if site_id in self.endpoint.neighbours:
            await self.endpoint.disconnect(site_id)
        return self._card(site_id)

    async def retire(self, site_id: str) -> SiteCard:
        """Say for good that a site takes part no more."""
        self._require_known(site_id)
        fact = SiteRetired(site_id=site_id, by=self._site.name)
        await self._site.log.append([membership_event(fact, self._site.log.version)])
        await self.endpoint.retire(site_id)
        return self._card(site_id)

    async def revoke(self, site_id: str) -> SiteCard:
        """Refuse a site here from now on, whatever it signs; other sites decide for themselves."""
        self._require_known(site_id)
        await self.disconnect(site_id)
        self._directory.revoke(site_id)
        return self._card(site_id)

    async def roll_key(self) -> SitesOverview:
        """Sign with a new key from now on; requests bring the word of it to the other sites."""
        self._keys.roll(_now_ms())
        told = self.follower.members.all().get(self.endpoint.endpoint_id)
        await self.follower.describe(self._description(told.url if told else self._address()))
        return await self.overview()

    async def recover(self) -> SitesOverview:
        """Begin to bring back events that this site lost.

        Raises:
            RecoveryUnderWay: one has begun already.
            RecoveryImpossible, RecoveryFailed, HistoryForked: as `Endpoint.recover`, where that is
                known at once; later the overview tells.
        """
        if self._recovery is None or self._recovery.done():
            self._recovery = asyncio.create_task(self.endpoint.recover())
        await asyncio.wait([self._recovery], timeout=_AT_ONCE_S)
        if self._recovery.done():
            self._recovery.result()
        return await self.overview()

    async def _connect(self, wanted: SavedConnection) -> None:
        """Make a connection, or replace the one with that site; saved when it was allowed."""
        site_id = wanted.site_id
        neighbour, connection = self._neighbour(site_id), self._connection(wanted)
        before = next((c for c in self.endpoint.connections if c.remote_id == site_id), None)
        if before is not None:
            await self.endpoint.disconnect(site_id)
        try:
            await self.endpoint.connect(connection, neighbour)
        except BaseException:
            if before is not None:
                await self.endpoint.connect(before, self._neighbour(site_id))
            raise
        self._files.save(wanted)
        if self._site.blob_exchange is not None:
            await self._site.blob_exchange.neighbours_changed()

    def _connection(self, wanted: SavedConnection) -> Connection:
        """Return the connection; a site that cannot be reached brings its events along."""
        url = self._url_of(wanted.site_id)
        both = Direction.READ if self._address(url) else Direction.BOTH
        return Connection(wanted.site_id, only=_filter(wanted.only), direction=both)

    def _neighbour(self, site_id: str) -> HttpNeighbour:
        url = self._url_of(site_id)
        if not url:
            raise NotReachable(self._require_known(site_id).name)
        return HttpNeighbour(
            url, site_id, keys=self._keys, directory=self._directory, now_ms=_now_ms
        )

    async def _tend(self) -> None:
        """Describe this site, then keep connections as people and other sites want them."""
        if self._served_at is not None:  # otherwise its address is not known, and stays as it was
            with suppress(MuseionError):
                await self.follower.describe(self._description(self._address()))
        while True:
            await self._tend_once()
            with suppress(TimeoutError):
                async with asyncio.timeout(_TEND_S):
                    await self._changed.wait()
            self._changed.clear()

    async def _tend_once(self) -> None:
        members = self.follower.members.all()
        for invitation in self._invitations.list():
            joined = self._directory.lookup(invitation.joined_id or "")
            if joined is not None and joined.site_id not in members:
                await self.follower.describe(_described(joined))
        status = self.endpoint.status()
        for member in members.values():
            if member.retired and member.site_id not in status.retired:
                await self.endpoint.retire(member.site_id)
        for wanted in self._missing_connections():
            with suppress(MuseionError):  # the state of the site says why; it is tried again
                await self._connect(wanted)

    def _missing_connections(self) -> list[SavedConnection]:
        """Return what is to be connected: as saved, and with sites that read from this one.

        Who was let in and reads from here is read from in turn, unless a person ended that.
        """
        status = self.endpoint.status()
        saved = self._files.connections()
        readers = {
            link.target
            for state in status.topology
            for link in state.links
            if link.source == self.endpoint.endpoint_id
        }
        wanted = {site_id: SavedConnection(site_id) for site_id in sorted(readers)} | dict(saved)
        connected = {each.remote_id for each in status.connections}
        return [
            each
            for each in wanted.values()
            if each.connected
            and each.site_id not in connected
            and each.site_id not in status.retired
            and self._url_of(each.site_id)
        ]

    def _recovery_step(self) -> RecoveryStep | None:
        if self._recovery is None or self._recovery.done():
            return None
        status, held = self.endpoint.status(), self._site.log.sequence_nr
        ends = [log.source_sequence_nr for c in status.connections for log in c.logs]
        return RecoveryStep(step="reading back", done=held, total=max([held, *ends]))

    async def _blobs_waiting(self) -> BlobsWaiting:
        exchange = self._site.blob_exchange
        assert exchange is not None, "the lines are open as long as the network is"
        status = await asyncio.to_thread(exchange.status)
        return BlobsWaiting(
            policy=self._site.settings.blobs,
            waiting=status.wanted,
            bytes_waiting=status.wanted_bytes,
            bytes_per_s=status.rate_bytes_per_s,
            failed=status.failing,
        )

    def _reachable(self) -> list[KnownSite]:
        """Return the sites that can be asked for blobs: those connected with this one first."""
        connected = frozenset(self.endpoint.neighbours)
        retired = frozenset(self.endpoint.status().retired)
        sites = [
            site
            for site in self._directory.sites()
            if site.url and not site.revoked and site.site_id not in retired
        ]
        return sorted(sites, key=lambda site: site.site_id not in connected)

    def _may_have(self, site_id: str, digest: Digest) -> bool:
        retired = self.endpoint.status().retired
        return site_id not in retired and not self._site.catalog.withholds(digest)

    def _name_of(self, site_id: str) -> str | None:
        if site_id == self.endpoint.endpoint_id:
            return self._site.name
        site = self._directory.lookup(site_id)
        return site.name if site else None

    def _hear(self, members: Mapping[str, Member]) -> None:
        del members
        self._changed.set()

    def _card(self, site_id: str) -> SiteCard:
        site, status = self._require_known(site_id), self.endpoint.status()
        saved = self._files.connections().get(site_id)
        names = site_names(self._directory.sites(), self.endpoint.endpoint_id, self._site.name)
        return site_card(site, status, only=saved.only if saved else None, names=names)

    def _require_known(self, site_id: str) -> KnownSite:
        site = self._directory.lookup(site_id)
        if site is None:
            raise UnknownSite(site_id)
        return site

    def _url_of(self, site_id: str) -> str | None:
        site = self._directory.lookup(site_id)
        return site.url if site else None

    def _address(self, *further: str | None) -> str | None:
        """Return where the other sites reach this one, and one at a further address, too.

        An address of this machine for itself is good only where all sites lie on the machine.
        """
        if self._site.settings.url:
            return self._site.settings.url
        if self._served_at is None or urlsplit(self._served_at).hostname in _UNSPECIFIED:
            return None
        others = [site.url for site in self._directory.sites()] + list(further)
        far = any(url is not None and not _is_loopback(url) for url in others)
        return None if far and _is_loopback(self._served_at) else self._served_at

    def _own_site(self) -> KnownSite:
        return KnownSite(
            self.endpoint.endpoint_id,
            self._site.name,
            self._address(),
            (KnownKey.of(self._keys.public_key),),
        )

    def _description(self, url: str | None) -> SiteDescribed:
        return SiteDescribed(
            site_id=self.endpoint.endpoint_id,
            name=self._site.name,
            url=url,
            public_keys=(self._keys.public_key,),
        )


def _keys(files: SiteFiles, site_id: str) -> SiteKeys:
    folder = files.folder / "keys"
    try:
        return SiteKeys.open(folder)
    except NoSiteKey:
        return SiteKeys.make(folder, site_id)


def _application() -> Application:
    major, minor, *_ = VERSION.split(".")
    return Application("museion", int(major), int(minor))


def _filter(only: str | None) -> Filter:
    return Named(ASSETS, only.encode()) if only else EVERYTHING


def _described(site: KnownSite) -> SiteDescribed:
    keys = tuple(key.public_key for key in site.keys if not key.revoked)
    return SiteDescribed(site_id=site.site_id, name=site.name, url=site.url, public_keys=keys)


def _is_loopback(url: str | None) -> bool:
    return url is not None and urlsplit(url).hostname in _LOOPBACK


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
