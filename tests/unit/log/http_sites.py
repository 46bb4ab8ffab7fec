"""Sites that reach each other over HTTP: keys, known sites, a small real service, a real server."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server

from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.directory import FileSiteDirectory, KnownKey, KnownSite
from museion.log.replication.http_neighbour import HttpNeighbour
from museion.log.replication.http_service import HttpService
from museion.log.replication.protocol import (
    EndpointInfo,
    InfoRequest,
    LogInfo,
    Offer,
    OfferTaken,
    ReadAnswer,
    ReadRequest,
    RecoveryAnswer,
    RecoveryPoint,
    RecoveryRequest,
)
from museion.log.replication.reading import ReadLimits, read_for_replication
from museion.log.replication.refusals import UnknownLog
from museion.log.replication.site_keys import SiteKeys
from museion.log.replication.wire import from_wire, to_wire

START_LIMIT_S = 10.0


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class LogService:
    """Serves one log, the plainest way: what an endpoint does without its connections."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.callers: list[str] = []
        self.cancelled = 0

    async def info(self, caller_id: str, request: InfoRequest) -> EndpointInfo:
        self.callers.append(caller_id)
        log = self.log
        logs = (LogInfo("", log.log_id, log.sequence_nr, log.version),)
        return EndpointInfo(log.log_id, logs, request.greeting)

    async def read(self, caller_id: str, request: ReadRequest) -> ReadAnswer:
        self.callers.append(caller_id)
        if request.log_name:
            raise UnknownLog(f"There is no log {request.log_name!r} here.")
        try:
            await self._grown(request)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        found = await read_for_replication(
            self.log,
            after=request.after,
            known=request.known,
            limits=ReadLimits(request.max_events, request.max_bytes, request.max_scanned),
        )
        return ReadAnswer(
            self.log.log_id,
            tuple(map(to_wire, found.events)),
            found.scanned_to,
            self.log.sequence_nr,
            self.log.version,
        )

    async def _grown(self, request: ReadRequest) -> None:
        if request.wait_s and self.log.sequence_nr <= request.after:
            subscription = self.log.subscribe(request.after)
            try:
                async with asyncio.timeout(request.wait_s):
                    await subscription.next()
            except TimeoutError:
                pass
            finally:
                subscription.close()

    async def offer(self, caller_id: str, request: Offer) -> OfferTaken:
        self.callers.append(caller_id)
        name = f"from:{request.source_log_id}"
        if request.answer is not None:
            events = [from_wire(event) for event in request.answer.events]
            await self.log.append_replicated(events, progress={name: request.answer.scanned_to})
        return OfferTaken(self.log.progress(name), self.log.version)

    async def recover(self, caller_id: str, request: RecoveryRequest) -> RecoveryAnswer:
        self.callers.append(caller_id)
        point = RecoveryPoint(self.log.log_id, self.log.sequence_nr, 0, 0)
        return RecoveryAnswer(dict.fromkeys(request.positions, point))


@dataclass
class HttpSite:
    """A site with an empty log in memory, and what it needs to ask others and to be asked."""

    site_id: str
    keys: SiteKeys
    directory: FileSiteDirectory
    log: EventLog
    service: LogService
    now_ms: Callable[[], int] = wall_clock_ms

    def known(self, url: str | None = None) -> KnownSite:
        key = KnownKey.of(self.keys.public_key)
        return KnownSite(self.site_id, self.site_id.title(), url, (key,))

    def door(self, **more: Any) -> HttpService:
        return HttpService(
            self.service, keys=self.keys, directory=self.directory, now_ms=self.now_ms, **more
        )

    def neighbour(self, url: str, remote_id: str, **more: Any) -> HttpNeighbour:
        return HttpNeighbour(
            url, remote_id, keys=self.keys, directory=self.directory, now_ms=self.now_ms, **more
        )


@asynccontextmanager
async def http_site(folder: Path, site_id: str) -> AsyncIterator[HttpSite]:
    home = folder / site_id
    async with EventLog(MemoryEventStore(log_id=site_id)) as log:
        yield HttpSite(
            site_id,
            SiteKeys.make(home / "keys", site_id),
            FileSiteDirectory(home / "sites.json"),
            log,
            LogService(log),
        )


@asynccontextmanager
async def two_sites(folder: Path) -> AsyncIterator[tuple[HttpSite, HttpSite]]:
    """Two sites that know each other."""
    async with http_site(folder, "here") as here, http_site(folder, "there") as there:
        here.directory.put(there.known())
        there.directory.put(here.known())
        yield here, there


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI application under granian on loopback, and give its address."""
    port = free_port()
    server = Server(
        app,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        log_enabled=False,
        websockets=False,
    )
    running = asyncio.create_task(server.serve())
    try:
        await listening(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped
        await asyncio.wait({running}, timeout=5.0)
        running.cancel()


async def listening(port: int) -> None:
    """Wait until something takes connections at a port of loopback."""
    async with asyncio.timeout(START_LIMIT_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
