"""One site of the benchmark: a log on disk, its endpoint and its door, told what to do by lines.

Run as `bench_site.py SETTING`, JSON of a `Setting`. Each line of standard input is an `Order`; each
is answered by one line of JSON. Times are of the monotonic clock, which all processes share.
"""

from __future__ import annotations

import asyncio
import random
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
from granian.constants import Interfaces
from granian.server.embed import Server

sys.path.insert(0, str(Path(__file__).parents[1]))

from log_bench.events import drawn
from log_bench.ours import new_event

from museion.log.event import NewEvent
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.log.replication.bodies import pack
from museion.log.replication.connection import Connection
from museion.log.replication.directory import FileSiteDirectory
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.http_neighbour import HttpNeighbour
from museion.log.replication.http_service import HttpService
from museion.log.replication.protocol import ReadAnswer
from museion.log.replication.site_keys import SiteKeys
from museion.log.replication.wire import to_wire

_BATCH = 512
_PAYLOAD_BYTES = 100
_LOOK_EVERY_S = 0.002


class Setting(msgspec.Struct, frozen=True):
    """Which site this is."""

    folder: str
    site_id: str
    port: int


class Order(msgspec.Struct, frozen=True):
    """What to do: the name of a method below, and its arguments."""

    do: str
    arguments: dict[str, object] = {}


class BenchSite:
    """Carries out the orders of one site."""

    def __init__(self, setting: Setting, log: EventLog, endpoint: Endpoint, keys: SiteKeys) -> None:
        self._log = log
        self._endpoint = endpoint
        self._keys = keys
        self._directory = FileSiteDirectory(Path(setting.folder) / "sites.json")
        self._settings = EndpointSettings()
        self._watching: asyncio.Task[None] | None = None
        self._seen: dict[str, float] = {}

    async def fill(self, events: int) -> Mapping[str, float]:
        """Write events in batches of 512, one after the other."""
        batch: list[NewEvent] = []
        seconds = 0.0
        for each in drawn(events):
            batch.append(new_event(each))
            if len(batch) == _BATCH:
                seconds += await self._timed(batch)
                batch = []
        if batch:
            seconds += await self._timed(batch)
        return {"events_per_s": events / seconds}

    async def connect(self, remote_id: str, port: int) -> Mapping[str, float]:
        """Begin to read from another site."""
        neighbour = HttpNeighbour(
            f"http://127.0.0.1:{port}",
            remote_id,
            keys=self._keys,
            directory=self._directory,
            now_ms=_now_ms,
        )
        started = time.monotonic()
        await self._endpoint.connect(Connection(remote_id), neighbour)
        return {"started_s": started}

    async def reach(self, events: int, within_s: float) -> Mapping[str, float]:
        """Wait until the log holds so many events; tell when that was, and what came for it."""
        async with asyncio.timeout(within_s):
            # A subscription would read all of it once more.
            while self._log.sequence_nr < events:  # noqa: ASYNC110 (see above)
                await asyncio.sleep(_LOOK_EVERY_S)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "reached_s": time.monotonic(),
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "entries": len(self._log.version.times),
        }

    async def recover(self) -> Mapping[str, float]:
        """Bring back what the log lost; tell how long that took."""
        started = time.perf_counter()
        await self._endpoint.recover()
        return {"seconds": time.perf_counter() - started, "events": self._log.sequence_nr}

    async def received(self, remote_id: str) -> Mapping[str, float]:
        """Tell what came over the line from a site."""
        neighbour = self._endpoint.neighbours[remote_id]
        assert isinstance(neighbour, HttpNeighbour)
        counts = neighbour.statistics
        return {
            "bytes": counts.received_bytes,
            "raw_bytes": counts.received_raw_bytes,
            "events": counts.received_events,
            "requests": counts.requests,
        }

    async def small_bytes(self, events: int) -> Mapping[str, float]:
        """Tell how large the last events are in one answer, as they are and compressed."""
        read = await self._log.read(after=self._log.sequence_nr - events, limit=events)
        wire = tuple(to_wire(each) for each in read)
        answer = ReadAnswer(self._log.log_id, wire, 1, 1, self._log.version)
        body = pack(answer, accepts_zstd=True)
        return {"raw": body.raw_bytes / len(wire), "packed": len(body.content) / len(wire)}

    async def write(self, count: int, pause_s: float) -> Mapping[str, list[float]]:
        """Write single events; tell how long each took, and when it was acknowledged."""
        latencies, acknowledged = [], []
        chance = random.Random(count)  # noqa: S311 (repeatable; nothing there to compress)
        for number in range(count):
            payload = chance.randbytes(_PAYLOAD_BYTES)
            event = NewEvent(type_name="bench.written", payload=payload, emitter_id=f"w{number}")
            started = time.monotonic()
            await self._log.append([event])
            ended = time.monotonic()
            latencies.append(ended - started)
            acknowledged.append(started)
            await asyncio.sleep(pause_s)
        return {"latencies_s": latencies, "started_s": acknowledged}

    async def watch(self) -> Mapping[str, float]:
        """Note from now on when each single event comes."""
        self._seen = {}
        self._watching = asyncio.create_task(self._watch(self._log.sequence_nr))
        return {}

    async def seen(self) -> Mapping[str, float]:
        """Tell when each came, by its emitter, and watch no longer."""
        if self._watching is not None:
            self._watching.cancel()
        return self._seen

    async def _watch(self, after: int) -> None:
        async for batch in self._log.follow(after):
            now = time.monotonic()
            for event in batch:
                self._seen[event.emitter_id] = now

    async def _timed(self, batch: list[NewEvent]) -> float:
        started = time.perf_counter()
        await self._log.append(batch)
        return time.perf_counter() - started


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def _opened(setting: Setting, settings: EndpointSettings) -> AsyncIterator[BenchSite]:
    folder = Path(setting.folder)
    keys = SiteKeys.open(folder / "keys")
    async with AsyncExitStack() as stack:
        store = LmdbEventStore(folder / "log", log_id=setting.site_id)
        log = await stack.enter_async_context(EventLog(store))
        endpoint = Endpoint(
            setting.site_id,
            {"": log},
            settings=settings,
            seed=random.Random(1),  # noqa: S311 (jitter)
            now_ms=_now_ms,
        )
        door = HttpService(
            endpoint.service,
            keys=keys,
            directory=FileSiteDirectory(folder / "sites.json"),
            now_ms=_now_ms,
        )
        server = Server(
            door,
            address="127.0.0.1",
            port=setting.port,
            interface=Interfaces.ASGI,
            log_enabled=False,
            websockets=False,
        )
        await stack.enter_async_context(endpoint)
        serving = asyncio.create_task(server.serve())
        await _listening(setting.port)
        try:
            yield BenchSite(setting, log, endpoint, keys)
        finally:
            door.close()
            server.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped
            await asyncio.wait({serving}, timeout=5.0)


async def _listening(port: int) -> None:
    async with asyncio.timeout(30.0):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


async def _main(setting: Setting, settings: EndpointSettings) -> None:
    reader = asyncio.StreamReader(limit=1 << 24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with _opened(setting, settings) as site:
        _say({"ready": True})
        while line := await reader.readline():
            order = msgspec.json.decode(line, type=Order)
            method: Callable[..., Coroutine[None, None, object]] = getattr(site, order.do)
            _say(await method(**order.arguments))


def _say(answer: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    chosen = msgspec.json.decode(sys.argv[2], type=EndpointSettings)
    asyncio.run(_main(msgspec.json.decode(sys.argv[1], type=Setting), chosen))
