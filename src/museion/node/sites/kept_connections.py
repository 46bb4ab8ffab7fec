"""The connections that people asked for, kept up while the site is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from museion.base.errors import MuseionError
from museion.log.replication.connection import Connection, Direction
from museion.log.replication.directory import SiteDirectory
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.filters import EVERYTHING, Filter, Named
from museion.log.replication.http_neighbour import HttpNeighbour
from museion.node.sites.own_site import OwnSite, now_ms
from museion.node.sites.site_errors import NotReachable, UnknownSite
from museion.node.sites.site_files import SavedConnection, SiteFiles

ASSETS = "museion.assets"
"""Name of the filter whose settings are filter words of the query language."""


class KeptConnections:
    """Owns the connections of an endpoint: what is saved, and what is made of it.

    Args:
        on_change: called after a connection was made or ended.

    Attributes:
        refusals: site id -> why its connection cannot be made now.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        own: OwnSite,
        files: SiteFiles,
        directory: SiteDirectory,
        *,
        on_change: Callable[[], None],
    ) -> None:
        self._endpoint = endpoint
        self._own = own
        self._files = files
        self._directory = directory
        self._on_change = on_change
        self._changing = asyncio.Lock()
        self.refusals: dict[str, MuseionError] = {}

    def is_ended(self, site_id: str) -> bool:
        """Tell whether a person ended the connection with a site."""
        saved = self._files.connections().get(site_id)
        return saved is not None and not saved.connected

    def only(self, site_id: str) -> str | None:
        """Return the filter words of the part that is taken from a site; None for everything."""
        saved = self._files.connections().get(site_id)
        return saved.only if saved else None

    async def connect(self, wanted: SavedConnection) -> None:
        """Make a connection, or replace the one with that site; saved once it is allowed.

        Raises:
            UnknownSite, NotReachable: there is no such site, or no way to it.
            FilteredCycle, Retired: it is not allowed; the connection before it stays.
        """
        site_id = wanted.site_id
        async with self._changing:
            connection = self._connection(wanted)
            before = next((c for c in self._endpoint.connections if c.remote_id == site_id), None)
            if before is not None:
                await self._endpoint.disconnect(site_id)
            try:
                await self._endpoint.connect(connection, self._neighbour(site_id))
            except BaseException:
                if before is not None:
                    await self._endpoint.connect(before, self._neighbour(site_id))
                raise
            self._files.save(wanted)
        self._on_change()

    async def disconnect(self, site_id: str) -> None:
        """End a connection until somebody asks for it again; what was exchanged stays."""
        async with self._changing:
            self._files.save(SavedConnection(site_id, only=self.only(site_id), connected=False))
            if site_id in self._endpoint.neighbours:
                await self._endpoint.disconnect(site_id)
        self._on_change()

    async def make_missing(self) -> None:
        """Make what is saved and not there, and read from those that read from here.

        Who was let in and reads from here is read from in turn, unless a person ended that. What
        cannot be made now stands in `refusals`, and is tried again with the next call.
        """
        for wanted in [*self._missing(), *self._simpler()]:
            try:
                await self.connect(wanted)
                self.refusals.pop(wanted.site_id, None)
            except MuseionError as reason:
                self.refusals[wanted.site_id] = reason

    def _missing(self) -> list[SavedConnection]:
        status = self._endpoint.status()
        readers = {
            link.target
            for state in status.topology
            for link in state.links
            if link.source == self._endpoint.endpoint_id
        }
        wanted = {each: SavedConnection(each) for each in sorted(readers)}
        wanted |= self._files.connections()
        passed_over = {each.remote_id for each in status.connections} | set(status.retired)
        return [
            each
            for each in wanted.values()
            if each.connected and each.site_id not in passed_over and self._url(each.site_id)
        ]

    def _simpler(self) -> list[SavedConnection]:
        """Return connections that bring events along to a site that reads here by itself now."""
        saved = self._files.connections()
        return [
            saved[each.remote_id]
            for each in self._endpoint.connections
            if each.offers and each.remote_id in saved and self._reads_here(each.remote_id)
        ]

    def _connection(self, wanted: SavedConnection) -> Connection:
        """Return the connection; to a site that does not read here, events are brought along.

        It may not be able to: this site may have no address, or one that it has not heard of.
        """
        direction = Direction.READ if self._reads_here(wanted.site_id) else Direction.BOTH
        return Connection(wanted.site_id, only=_filter(wanted.only), direction=direction)

    def _reads_here(self, site_id: str) -> bool:
        own_word = (s for s in self._endpoint.status().topology if s.endpoint_id == site_id)
        link = (site_id, self._endpoint.endpoint_id)
        return any((each.target, each.source) == link for s in own_word for each in s.links)

    def _neighbour(self, site_id: str) -> HttpNeighbour:
        site = self._directory.lookup(site_id)
        if site is None:
            raise UnknownSite(site_id)
        if not site.url:
            raise NotReachable(site.name)
        return HttpNeighbour(
            site.url, site_id, keys=self._own.keys, directory=self._directory, now_ms=now_ms
        )

    def _url(self, site_id: str) -> str | None:
        site = self._directory.lookup(site_id)
        return None if site is None or site.revoked else site.url


def _filter(only: str | None) -> Filter:
    return Named(ASSETS, only.encode()) if only else EVERYTHING
