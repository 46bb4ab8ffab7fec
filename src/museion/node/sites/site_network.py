"""The network of one site: its endpoint, its door for other sites, and the connections it keeps."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

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
from museion.archive.sharing.asset_words import AssetWords
from museion.base.errors import MuseionError
from museion.base.version import VERSION
from museion.base.waiting import meanwhile
from museion.blobs.blob_store import Digest
from museion.log.replication.directory import FileSiteDirectory, KnownSite
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.http_service import HttpService
from museion.log.replication.invitations import Invitations, make_invitation, read_code
from museion.log.replication.joining import JoinDesk, join
from museion.log.replication.protocol import Application
from museion.log.replication.status import LinkCondition
from museion.log.replication.topology import FileTopologyStore
from museion.node.site import Site
from museion.node.sites.blob_lines import BLOBS, BlobLines
from museion.node.sites.door_keeper import DoorKeeper
from museion.node.sites.kept_connections import KeptConnections
from museion.node.sites.membership_follower import MembershipFollower
from museion.node.sites.overview import links_shown, site_card, site_names
from museion.node.sites.own_site import OwnSite, now_ms
from museion.node.sites.sharing_runs import SharingRuns
from museion.node.sites.site_door import AsgiApp
from museion.node.sites.site_errors import NoAddress, UnknownSite
from museion.node.sites.site_files import SavedConnection, SiteFiles

_TEND_S = 1.0
_AT_ONCE_S = 2.0
_SILENT = (LinkCondition.WAITING_TO_RETRY, LinkCondition.UNAVAILABLE, LinkCondition.REFUSED)


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
        self._files = SiteFiles(site.folder)
        folder = self._files.folder
        self._directory = FileSiteDirectory(folder / "directory")
        self._own = OwnSite(site, self._files, self._directory, served_at=served_at)
        self._invitations = Invitations(folder / "invitations")
        self._changed = asyncio.Event()
        self._recovery: asyncio.Task[None] | None = None
        self.follower = MembershipFollower(site.log, self._directory, self._hear, now_ms=now_ms)
        self._sharing = SharingRuns(site)
        self.endpoint = Endpoint(
            site.log.log_id,
            {"": site.log},
            application=_application(),
            seed=random.Random(),  # noqa: S311 (spreads retries, nothing secret)
            now_ms=now_ms,
            topology_store=FileTopologyStore(folder / "topology"),
            gate=self._sharing.gate_for,
            covered=self._sharing.lacking,
            named_filters=self._sharing.named_filters,
        )
        self._connections = KeptConnections(
            self.endpoint, self._own, self._files, self._directory, on_change=self._look_again
        )
        self._door = HttpService(
            DoorKeeper(
                self.endpoint.service,
                name=self._own.name,
                is_ended=self._connections.is_ended,
                on_read=self._sharing.note_read,
            ),
            keys=self._own.keys,
            directory=self._directory,
            now_ms=now_ms,
            joins=JoinDesk(
                self._invitations,
                own_site=self._own.known,
                directory=self._directory,
                now_ms=now_ms,
            ),
        )
        self._lines = BlobLines(
            site,
            self._own.keys,
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
        async with (
            network._sharing.running(),
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
            name=self._own.name,
            url=self._own.address(),
            recovering=self._recovery_step(),
            needs_recovery=bool(status.needs_recovery),
            conflicts=await asyncio.to_thread(self._site.catalog.people.conflict_count),
            waiting_for=self._silent(),
            blobs=await self._blobs_waiting(),
            sites=[self._card(site.site_id) for site in self._directory.sites()],
            links=links_shown(status),
        )

    async def invite(self, wanted: InvitationWanted) -> InvitationMade:
        """Make a code that lets one site in.

        Raises:
            NoAddress: nobody could reach this site with it.
        """
        url = wanted.url or self._site.settings.url or self._own.served_at
        if not url:
            raise NoAddress
        valid_ms = int(wanted.valid_h * 3_600_000)
        made_ms = now_ms()
        code = make_invitation(
            self._invitations, self._own.keys, url=url, now_ms=made_ms, valid_ms=valid_ms
        )
        return InvitationMade(code=code, expires_ms=made_ms + valid_ms)

    async def join(self, wanted: JoinWanted) -> SiteCard:
        """Join the network of the site that made a code, and connect with that site both ways.

        Raises:
            BadInvitationCode, Unreachable, Refused, BadAnswer: as `joining.join`.
        """
        own_url = self._own.address(read_code(wanted.code).url)
        inviter = await join(
            wanted.code,
            keys=self._own.keys,
            directory=self._directory,
            name=self._own.name,
            url=own_url,
            now_ms=now_ms,
        )
        await self.follower.describe(self._own.described(own_url))
        await self._connections.connect(SavedConnection(inviter.site_id))
        return self._card(inviter.site_id)

    async def connect(self, site_id: str, wanted: ConnectionWanted) -> SiteCard:
        """Connect with a site that is known, or change the part that is taken.

        Raises:
            UnknownSite, NotReachable: there is no such site, or no way to it.
            FilteredCycle: events would be lost; the connection stays as it was.
            NotOnlyFilters, BadFilter: `only` is no text of filters.
        """
        self._require_known(site_id)
        if wanted.only:
            AssetWords.read(wanted.only)
        await self._connections.connect(SavedConnection(site_id, only=wanted.only))
        return self._card(site_id)

    async def disconnect(self, site_id: str) -> SiteCard:
        """End the connection with a site, both ways; what was exchanged stays."""
        self._require_known(site_id)
        await self._connections.disconnect(site_id)
        return self._card(site_id)

    async def retire(self, site_id: str) -> SiteCard:
        """Say for good that a site takes part no more."""
        self._require_known(site_id)
        fact = SiteRetired(site_id=site_id, by=self._own.name)
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
        self._own.keys.roll(now_ms())
        told = self.follower.members.all().get(self._own.site_id)
        await self.follower.describe(self._own.described(told.url if told else self._own.address()))
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

    async def _tend(self) -> None:
        """Describe this site, then keep connections as people and other sites want them."""
        # Where it is not served its address is not known, and stays as it was.
        described = self._own.served_at is None
        asked: frozenset[str] = frozenset()
        while True:
            with suppress(MuseionError):  # a full disk, perhaps; the next turn tries again
                if not described and self._directory.sites():  # a site alone tells nobody
                    await self.follower.describe(self._own.described(self._own.address()))
                    described = True
                await self._tend_members()
            await self._connections.make_missing()
            asked, before = frozenset(self.endpoint.neighbours), asked
            if asked - before and self._site.blob_exchange is not None:
                await self._site.blob_exchange.neighbours_changed()
            with suppress(TimeoutError):
                async with asyncio.timeout(_TEND_S):
                    await self._changed.wait()
            self._changed.clear()

    async def _tend_members(self) -> None:
        """Tell all of sites that joined here, and let retired ones go."""
        members = self.follower.members.all()
        for invitation in self._invitations.list():
            joined = self._directory.lookup(invitation.joined_id or "")
            if joined is not None and joined.site_id not in members:
                await self.follower.describe(_described(joined))
        retired = self.endpoint.status().retired
        for member in members.values():
            if member.retired and member.site_id not in retired:
                await self.endpoint.retire(member.site_id)

    def _silent(self) -> list[str]:
        """Return the connected sites without whose word nobody knows what all have by now."""
        return [
            each.remote_id
            for each in self.endpoint.status().connections
            if each.condition in _SILENT
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
        if self._connections.is_ended(site_id):
            return False
        retired = self.endpoint.status().retired
        return site_id not in retired and self._sharing.may_have(site_id, digest)

    def _hear(self, members: Mapping[str, Member]) -> None:
        del members
        self._look_again()

    def _look_again(self) -> None:
        self._changed.set()

    def _card(self, site_id: str) -> SiteCard:
        return site_card(
            self._require_known(site_id),
            self.endpoint.status(),
            only=self._connections.only(site_id),
            ended=self._connections.is_ended(site_id),
            refusal=self._connections.refusals.get(site_id),
            names=site_names(self._directory.sites(), self._own.site_id, self._own.name),
        )

    def _require_known(self, site_id: str) -> KnownSite:
        site = self._directory.lookup(site_id)
        if site is None:
            raise UnknownSite(site_id)
        return site


def _application() -> Application:
    major, minor, *_ = VERSION.split(".")
    return Application("museion", int(major), int(minor))


def _described(site: KnownSite) -> SiteDescribed:
    keys = tuple(key.public_key for key in site.keys if not key.revoked)
    return SiteDescribed(site_id=site.site_id, name=site.name, url=site.url, public_keys=keys)
