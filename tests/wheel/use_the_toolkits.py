"""What `pip install museion` alone can do: a log, blobs, a projection, replication, counters."""
# ruff: noqa: T201 (what it prints is its report)

from __future__ import annotations

import asyncio
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from museion.blobs.blob_store import as_digest
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.log.crdt import Count, Counter, CrdtService
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.log.memory_store import MemoryEventStore
from museion.log.replication import Connection, Endpoint, LocalNeighbour
from museion.streams.projection import ProjectionRunner

FOR_THE_ARCHIVE = ("numpy", "pyvips", "onnxruntime", "litestar", "rich", "pyarrow", "psycopg")
FOR_HTTP = ("granian", "httpx", "zstandard")
"""Only who replicates over HTTP needs them."""


class Counting:
    """A projection that counts events."""

    name = "counting"
    position = 0

    def apply(self, events: Sequence[Event]) -> None:
        """Count."""
        self.position = events[-1].sequence_nr


async def main(folder: Path) -> None:
    """Write an event that names a blob, open the log again, read both, and let a view follow."""
    blob = FilesystemBlobStore(folder / "blobs").put(b"a picture")
    log = EventLog(LmdbEventStore(folder / "log"))
    await log.append([NewEvent(type_name="noted", payload=blob.digest.encode(), emitter_id="me")])
    await log.close()
    log = EventLog(LmdbEventStore(folder / "log"))
    (event,) = await log.read()
    digest = as_digest(event.payload.decode())
    assert FilesystemBlobStore(folder / "blobs").read(digest) == b"a picture"
    view = Counting()
    following = asyncio.create_task(ProjectionRunner(log, view).run())
    async with asyncio.timeout(10):
        while view.position < log.sequence_nr:  # noqa: ASYNC110 (it runs in another thread)
            await asyncio.sleep(0.01)
    following.cancel()
    await asyncio.wait([following])
    await log.close()
    print(f"   event {event.sequence_nr} names blob {digest[:12]}…, both read back")


async def replicate() -> None:
    """Let two logs of one process count at the same time, and agree."""
    logs = {name: EventLog(MemoryEventStore(log_id=name)) for name in ("here", "there")}
    endpoints = [
        Endpoint(name, {"": log}, seed=random.Random(1), now_ms=_now_ms)  # noqa: S311 (jitter)
        for name, log in logs.items()
    ]
    here, there = endpoints
    async with here, there:
        await here.connect(Connection("there"), LocalNeighbour(there.service, "here"))
        await there.connect(Connection("here"), LocalNeighbour(here.service, "there"))
        async with (
            CrdtService(logs["here"], Counter(), service_id="likes") as likes_here,
            CrdtService(logs["there"], Counter(), service_id="likes") as likes_there,
            asyncio.timeout(10),
        ):
            await likes_here.update("photo", Count(2))
            await likes_there.update("photo", Count(3))
            while logs["here"].version != logs["there"].version:  # noqa: ASYNC110 (other tasks)
                await asyncio.sleep(0.01)
            assert [await likes_here.value("photo"), await likes_there.value("photo")] == [5, 5]
    for log in logs.values():
        await log.close()
    print("   two logs have counted 5 together")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def prove(log: Path) -> None:
    """Let the command prove the log."""
    command = [str(Path(sys.executable).with_name("museion")), "log", "verify", "--log", str(log)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("The log is whole: 1 events"), said
    print("   " + said.splitlines()[0])


for heavy in (*FOR_THE_ARCHIVE, *FOR_HTTP):
    assert importlib.util.find_spec(heavy) is None, f"the bare package brought {heavy}"
with tempfile.TemporaryDirectory() as work:
    asyncio.run(main(Path(work)))
    prove(Path(work, "log"))
asyncio.run(replicate())
