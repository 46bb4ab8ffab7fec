"""Runs a site with its HTTP door until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from granian.constants import Interfaces
from granian.server.embed import Server

from museion.api.app import LOOPBACK_HOSTS, create_app
from museion.base.errors import Unavailable
from museion.node.site import Site
from museion.node.sites.site_door import AsgiApp, SiteDoor
from museion.node.sites.site_network import SiteNetwork

_START_LIMIT_S = 30.0
_STOP_LIMIT_S = 5.0
_LOOK_S = 0.02


class AddressTaken(Unavailable):
    """Nothing can listen at the address."""

    def __init__(self, host: str, port: int, reason: OSError) -> None:
        super().__init__(
            f"{host}:{port} cannot be listened on: {reason.strerror or reason}.",
            remedy="Choose another with `--port`, or 0 for any that is free.",
        )


async def serve(
    folder: Path,
    *,
    host: str | None = None,
    port: int | None = None,
    on_ready: Callable[[str, Site], None],
) -> None:
    """Open the site in a folder and serve it until SIGINT or SIGTERM.

    Args:
        folder: the site's folder.
        host: overrides the setting of that name.
        port: overrides the setting of that name.
        on_ready: told the address when requests are answered.

    Raises:
        NoSite, SiteInUse, AddressTaken: nothing was started.
    """
    async with Site.open(folder) as site:
        settings = site.settings
        where = _free_address(host or settings.host, settings.port if port is None else port)
        site.searcher.warm_up()
        url = _address(*where)
        async with SiteNetwork.open(site, served_at=url) as network:
            app = create_app(
                site,
                trouble=lambda: _trouble(site),
                settled=lambda: site.settled,
                hosts=_hosts(where[0]),
                network=network,
                models=site.models,
            )
            server = Server(
                SiteDoor(cast(AsgiApp, app), network.doors),  # its types are narrower
                address=where[0],
                port=where[1],
                interface=Interfaces.ASGI,
                log_enabled=False,
                websockets=False,
            )
            await _run(server, site, network, url, on_ready)


async def _run(
    server: Server,
    site: Site,
    network: SiteNetwork,
    url: str,
    on_ready: Callable[[str, Site], None],
) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stopping.set)
    running = asyncio.create_task(server.serve())
    stop = asyncio.create_task(stopping.wait())
    try:
        if await _is_listening(url, running):
            site.lock.announce(url)
            on_ready(url, site)
        await asyncio.wait({running, stop}, return_when=asyncio.FIRST_COMPLETED)
    finally:  # also when this is cancelled, because a part of the pipeline has failed
        stop.cancel()
        site.changes.close()  # pages and sites that follow would keep the server waiting
        network.close_doors()
        server.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped
        await asyncio.wait({running}, timeout=_STOP_LIMIT_S)
        running.cancel()
    if not stopping.is_set():
        running.result()


async def _is_listening(url: str, running: asyncio.Task[None]) -> bool:
    """Wait until the server takes connections; False where it has ended instead."""
    where = urlsplit(url)
    async with asyncio.timeout(_START_LIMIT_S):
        while not running.done():
            try:
                _, writer = await asyncio.open_connection(where.hostname, where.port)
            except OSError:
                await asyncio.sleep(_LOOK_S)
            else:
                writer.close()
                return True
    return False


def _free_address(host: str, port: int) -> tuple[str, int]:
    """Return the address with its port chosen, after trying that it is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as reason:
            raise AddressTaken(host, port, reason) from reason
        return host, int(probe.getsockname()[1])


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _hosts(host: str) -> tuple[str, ...]:
    """Return the names under which requests may come: any, once the site is opened to others."""
    return LOOPBACK_HOSTS if host in LOOPBACK_HOSTS else ()


def _trouble(site: Site) -> str | None:
    return next((each.trouble for each in site.followers() if each.trouble), None)
