"""What `pip install museion` alone can do: an event log, a blob store, a projection."""
# ruff: noqa: T201 (what it prints is its report)

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from museion.blobs.blob_store import as_digest
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.streams.projection import ProjectionRunner


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


def prove(log: Path) -> None:
    """Let the command prove the log."""
    command = [str(Path(sys.executable).with_name("museion")), "log", "verify", "--log", str(log)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("The log is whole: 1 events"), said
    print("   " + said.splitlines()[0])


for heavy in ("numpy", "pyvips", "onnxruntime", "litestar", "rich", "pyarrow", "psycopg"):
    assert importlib.util.find_spec(heavy) is None, f"the bare package brought {heavy}"
with tempfile.TemporaryDirectory() as work:
    asyncio.run(main(Path(work)))
    prove(Path(work, "log"))
