"""How commands change a site: through its server where one runs, else by opening it for a moment.

Both ways go through the HTTP API, so a command does the same on each.
"""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from museion.base.errors import Conflict, InvalidInput, MuseionError, NotFound, Unavailable

if TYPE_CHECKING:
    import httpx

    from museion.archive.asset import AssetId

_LIMIT_S = 60.0
_ID_LETTERS = 24
_FAMILIES: dict[int, type[MuseionError]] = {
    400: InvalidInput,
    404: NotFound,
    409: Conflict,
    503: Unavailable,
}

by_option = click.option(
    "--by", default=None, metavar="NAME", help="Who does it; the user of this machine if left out."
)
"""Adds `--by NAME`."""


class Door:
    """Sends requests to a site and returns what it answers, as plain values."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, **parameters: object) -> Any:
        """Return the JSON at a path. Raises a `MuseionError` in the site's own words."""
        return _told(await self._http.get(path, params=parameters or None))  # type: ignore[arg-type]  # numbers and texts

    async def send(self, method: str, path: str, **body: object) -> Any:
        """Ask for a change and return the answer; what is None is left out. Raises as `get`."""
        wanted = {name: value for name, value in body.items() if value is not None}
        return _told(await self._http.request(method, path, json=wanted))


@asynccontextmanager
async def door(folder: Path) -> AsyncIterator[Door]:
    """Open a site in a folder, or reach its server.

    Raises:
        NoSite: the folder is no site.
        SiteInUse: another process writes to it, and serves nothing.
        Unavailable: its server does not answer.
    """
    import httpx

    from museion.cli.remote_ingest import ServerGone
    from museion.node.site_lock import read_holder

    holder = read_holder(folder)
    if holder is None or holder.url is None:
        async with _opened(folder) as http:
            yield Door(http)
        return
    try:
        async with httpx.AsyncClient(
            base_url=holder.url, timeout=_LIMIT_S, trust_env=False
        ) as http:
            yield Door(http)
    except httpx.TransportError as reason:
        raise ServerGone(holder.url, reason) from reason


def found_assets(folder: Path, beginnings: tuple[str, ...]) -> list[AssetId]:
    """Return the assets whose ids or digests begin so.

    A whole id may be one that the site knows but may not read. Raises `UnknownAsset`.
    """
    from museion.archive.asset import AssetId, UnknownAsset
    from museion.archive.catalog.reader import Catalog
    from museion.node.settings import read_settings

    read_settings(folder)
    with closing(Catalog(folder / "catalog.sqlite")) as catalog:
        found = []
        for beginning in beginnings:
            try:
                found.append(catalog.find_id(beginning))
            except UnknownAsset:
                if len(beginning) != _ID_LETTERS:
                    raise
                found.append(AssetId(beginning))
        return found


def author(by: str | None) -> str:
    """Return who does something: as named, else the user of this machine, if it has a name."""
    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


@asynccontextmanager
async def _opened(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Open the site and answer requests within this process."""
    import httpx

    from museion.api.app import create_app
    from museion.node.site import Site

    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(Site.open(folder))
        app = create_app(site, trouble=lambda: None, settled=lambda: site.settled)
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # its types are narrower
        yield await stack.enter_async_context(
            httpx.AsyncClient(base_url="http://localhost", transport=transport, timeout=_LIMIT_S)
        )


def _told(answer: httpx.Response) -> Any:
    if not answer.is_error:
        return answer.json()
    try:
        problem = answer.json()
        reason, remedy = problem["detail"], problem.get("remedy", "")
    except (ValueError, KeyError, TypeError):
        reason, remedy = f"The site answered {answer.status_code}.", ""
    raise _FAMILIES.get(answer.status_code, Unavailable)(reason, remedy=remedy)
