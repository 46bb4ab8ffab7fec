"""Changing how sites are connected: through the process that serves the site, or without one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from museion.api.site_schemas import (
    ConnectionWanted,
    InvitationMade,
    InvitationWanted,
    JoinWanted,
    Network,
    SiteCard,
    SitesOverview,
)
from museion.base.errors import Conflict, InvalidInput, NotFound, Unavailable
from museion.cli.remote_ingest import ServerGone
from museion.node.site_lock import read_holder
from museion.node.sites.site_files import read_admin_token

T = TypeVar("T")
Step = Callable[[str, int, int], None]

_LIMITS = httpx.Timeout(60.0)
_RECOVERY_LIMIT_S = 24 * 3600.0
_LOOK_S = 0.5
_MEETING_LIMIT_S = 5.0
_MEETING_LOOK_S = 0.1
_BEGINNING = ("connecting", "catching-up")


class NoSuchSite(NotFound):
    """No site of the network has this id or name."""

    def __init__(self, wanted: str, known: list[str]) -> None:
        super().__init__(
            f"No site {wanted!r} is known here; known: {', '.join(known) or 'none'}.",
            remedy="Let it join first: `museion sites invite` here, `museion sites join` there.",
        )


class NotAllowed(Conflict):
    """The site refused what was asked, and said why."""


class Control:
    """What `museion sites` does, on one site.

    Args:
        act: brings a call to the network of the site and returns its answer.
        is_served: connections go on after the call.
    """

    def __init__(
        self, act: Callable[[Callable[[Network], Awaitable[object]]], object], *, is_served: bool
    ) -> None:
        self._act = act
        self._is_served = is_served

    def overview(self) -> SitesOverview:
        """Return how the site stands with all others."""
        return self._ask(lambda network: network.overview(), SitesOverview)

    def invite(self, *, valid_h: float, url: str | None) -> InvitationMade:
        """Return a code that lets one site in."""
        wanted = InvitationWanted(valid_h=valid_h, url=url)
        return self._ask(lambda network: network.invite(wanted), InvitationMade)

    def join(self, code: str) -> SiteCard:
        """Join the network of the site that made a code."""
        return self._ask(lambda network: network.join(JoinWanted(code=code)), SiteCard)

    def connect(self, site: str, *, only: str | None) -> SiteCard:
        """Connect with a site, named by its id or name."""
        site_id, wanted = self._id(site), ConnectionWanted(only=only)
        return self._ask(lambda network: network.connect(site_id, wanted), SiteCard)

    def met(self, card: SiteCard) -> SiteCard:
        """Return how a new connection stands once both sites have met, or after a few seconds."""
        until = time.monotonic() + _MEETING_LIMIT_S
        while self._is_served and card.state in _BEGINNING and time.monotonic() < until:
            time.sleep(_MEETING_LOOK_S)
            card = next(site for site in self.overview().sites if site.id == card.id)
        return card

    def disconnect(self, site: str) -> SiteCard:
        """End the connections with a site."""
        site_id = self._id(site)
        return self._ask(lambda network: network.disconnect(site_id), SiteCard)

    def retire(self, site: str) -> SiteCard:
        """Retire a site for good."""
        site_id = self._id(site)
        return self._ask(lambda network: network.retire(site_id), SiteCard)

    def revoke(self, site: str) -> SiteCard:
        """Refuse a site here from now on."""
        site_id = self._id(site)
        return self._ask(lambda network: network.revoke(site_id), SiteCard)

    def roll_key(self) -> SitesOverview:
        """Sign with a new key from now on."""
        return self._ask(lambda network: network.roll_key(), SitesOverview)

    def recover(self, *, on_step: Step | None) -> SitesOverview:
        """Recover the site, and wait until that is done.

        Raises:
            TimeoutError: it took longer than a day.
        """
        overview = self._ask(lambda network: network.recover(), SitesOverview)
        until = time.monotonic() + _RECOVERY_LIMIT_S
        while overview.recovering is not None:
            if time.monotonic() > until:
                raise TimeoutError
            if on_step is not None:
                step = overview.recovering
                on_step(step.step, step.done, step.total)
            time.sleep(_LOOK_S)
            overview = self.overview()
        return overview

    def _id(self, wanted: str) -> str:
        sites = self.overview().sites
        found = [s.id for s in sites if s.id == wanted] or [s.id for s in sites if s.name == wanted]
        if len(found) != 1:
            raise NoSuchSite(wanted, [f"{site.name} ({site.id})" for site in sites])
        return found[0]

    def _ask(self, call: Callable[[Network], Awaitable[T]], kind: type[T]) -> T:
        answer = self._act(call)
        assert isinstance(answer, kind)
        return answer


def control(folder: Path) -> Control:
    """Return the control of the site in a folder, whether a process serves it or not."""
    holder = read_holder(folder)
    if holder is not None and holder.url is not None:
        url, token = holder.url, read_admin_token(folder)
        return Control(lambda call: asyncio.run(_remotely(url, token, call)), is_served=True)
    return Control(lambda call: asyncio.run(_here(folder, call)), is_served=False)


async def _here(folder: Path, call: Callable[[Network], Awaitable[object]]) -> object:
    from museion.node.site import Site
    from museion.node.sites.site_network import SiteNetwork

    async with Site.open(folder) as site, SiteNetwork.open(site) as network:
        return await call(network)


async def _remotely(url: str, token: str, call: Callable[[Network], Awaitable[object]]) -> object:
    try:
        async with httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/api/sites",
            timeout=_LIMITS,
            trust_env=False,
            headers={"Museion-Admin": token},
        ) as client:
            return await call(RemoteNetwork(client, token))
    except httpx.TransportError as reason:
        raise ServerGone(url, reason) from reason


class RemoteNetwork:
    """The network of a served site, through its HTTP API."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self.admin_token = token

    async def overview(self) -> SitesOverview:
        """Return how the site stands with all others."""
        return _answer(await self._client.get("/"), SitesOverview)

    async def invite(self, wanted: InvitationWanted) -> InvitationMade:
        """Make a code that lets one site in."""
        return await self._post("/invitations", wanted, InvitationMade)

    async def join(self, wanted: JoinWanted) -> SiteCard:
        """Join the network of the site that made a code."""
        return await self._post("/join", wanted, SiteCard)

    async def connect(self, site_id: str, wanted: ConnectionWanted) -> SiteCard:
        """Connect with a site that is known."""
        return await self._post(f"/{quote(site_id, safe='')}/connect", wanted, SiteCard)

    async def disconnect(self, site_id: str) -> SiteCard:
        """End the connections with a site."""
        return await self._post(f"/{quote(site_id, safe='')}/disconnect", {}, SiteCard)

    async def retire(self, site_id: str) -> SiteCard:
        """Retire a site for good."""
        return await self._post(f"/{quote(site_id, safe='')}/retire", {}, SiteCard)

    async def revoke(self, site_id: str) -> SiteCard:
        """Refuse a site here from now on."""
        return await self._post(f"/{quote(site_id, safe='')}/revoke", {}, SiteCard)

    async def roll_key(self) -> SitesOverview:
        """Sign with a new key from now on."""
        return await self._post("/key", {}, SitesOverview)

    async def recover(self) -> SitesOverview:
        """Begin to bring back what was lost."""
        return await self._post("/recover", {}, SitesOverview)

    async def _post(self, path: str, wanted: object, kind: type[T]) -> T:
        content = msgspec.json.encode(wanted)
        headers = {"Content-Type": "application/json"}
        return _answer(await self._client.post(path, content=content, headers=headers), kind)


def _answer(response: httpx.Response, kind: type[T]) -> T:
    if response.is_success:
        return msgspec.json.decode(response.content, type=kind)
    problem = response.json()
    detail, remedy = str(problem.get("detail", "")), str(problem.get("remedy", ""))
    if response.status_code == httpx.codes.BAD_REQUEST:
        raise InvalidInput(detail, remedy=remedy)
    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        raise Unavailable(detail, remedy=remedy)
    raise NotAllowed(detail, remedy=remedy)
