"""Sites of a benchmark in processes of their own, and the lines between them."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from museion.log.replication.directory import FileSiteDirectory, KnownKey, KnownSite
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.site_keys import SiteKeys
from museion.testing.bad_line import BadLine, LineQuality

_PROGRAM = Path(__file__).with_name("bench_site.py")
_START_LIMIT_S = 60.0


class SiteFailed(RuntimeError):
    """A site process ended or was silent."""


@dataclass(eq=False)
class SiteProcess:
    """A site, and the pipe by which it is told what to do."""

    site_id: str
    port: int
    process: subprocess.Popen[bytes]

    def ask(self, do: str, *, limit_s: float = 600.0, **arguments: object) -> Any:
        """Let the site do something and return its answer."""
        self.tell(do, **arguments)
        return self.answer(limit_s=limit_s)

    def tell(self, do: str, **arguments: object) -> None:
        """Let the site do something; `answer` waits for it."""
        assert self.process.stdin is not None
        order = msgspec.json.encode({"do": do, "arguments": arguments})
        self.process.stdin.write(order + b"\n")
        self.process.stdin.flush()

    def answer(self, *, limit_s: float = 600.0) -> Any:
        """Return the answer to what was told."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], limit_s)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            raise SiteFailed(f"{self.site_id} gave no answer within {limit_s:g} s")
        return msgspec.json.decode(line)


@contextmanager
def running_sites(
    work: Path, count: int, *, settings: EndpointSettings | None = None
) -> Iterator[list[SiteProcess]]:
    """Run sites that know each other, without connections, and end them."""
    ids = [f"site{number:02}" for number in range(count)]
    ports = [_free_port() for _ in ids]
    _introduce(work, ids)
    sites: list[SiteProcess] = []
    try:
        for site_id, port in zip(ids, ports, strict=True):
            sites.append(_started(work, site_id, port, settings or EndpointSettings()))
        for site in sites:
            site.answer(limit_s=_START_LIMIT_S)
        yield sites
    finally:
        for site in sites:
            site.process.kill()
            site.process.wait()


def lose_log(work: Path, site: SiteProcess) -> None:
    """Kill a site, take away its log, and start it again at the same address."""
    site.process.kill()
    site.process.wait()
    shutil.rmtree(work / site.site_id / "log")
    site.process = _started(work, site.site_id, site.port, EndpointSettings()).process
    site.answer(limit_s=_START_LIMIT_S)


@contextmanager
def delayed(port: int, round_trip_s: float) -> Iterator[int]:
    """Yield a port that leads to another one over a line with a round-trip time."""
    if not round_trip_s:
        yield port
        return
    ready, stop = threading.Event(), asyncio.Event()
    places: list[int] = []
    loop = asyncio.new_event_loop()

    async def carry() -> None:
        quality = LineQuality(delay_s=round_trip_s / 2)
        async with BadLine(port, chance=Random(1), quality=quality) as line:  # noqa: S311
            places.append(line.port)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(carry()), daemon=True)
    thread.start()
    ready.wait(10.0)
    try:
        yield places[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10.0)


def _introduce(work: Path, ids: list[str]) -> None:
    keys = {each: SiteKeys.make(work / each / "keys", each) for each in ids}
    for each in ids:
        directory = FileSiteDirectory(work / each / "sites.json")
        others = [
            KnownSite(other, other, None, (KnownKey.of(keys[other].public_key),))
            for other in ids
            if other != each
        ]
        directory.learn(others)


def _started(work: Path, site_id: str, port: int, settings: EndpointSettings) -> SiteProcess:
    setting = {"folder": str(work / site_id), "site_id": site_id, "port": port}
    arguments = [msgspec.json.encode(each).decode() for each in (setting, settings)]
    process = subprocess.Popen(
        [sys.executable, str(_PROGRAM), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return SiteProcess(site_id, port, process)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settle(seconds: float = 0.5) -> None:
    """Let processes come to rest before something is timed."""
    time.sleep(seconds)
