"""Appends events and writes them to SQLite until it is killed."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from random import Random

from sqlite_writer import SqliteWriter

from museion.log.event import NewEvent
from museion.log.event_log import BatchLimits, EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.log.sourced.writer import WriterRunner
from museion.testing.event_loop import until


def opened_log(folder: Path) -> EventLog:
    """Open the log so that a replay takes several batches."""
    return EventLog(LmdbEventStore(folder / "log"), limits=BatchLimits(replay_batch_events=5))


def runner(log: EventLog, folder: Path) -> WriterRunner[SqliteWriter]:
    return WriterRunner(log, lambda: SqliteWriter(folder / "rows.sqlite"), name="rows")


async def append(log: EventLog, writer: WriterRunner[SqliteWriter], random: Random) -> None:
    """Append ahead of the writer, so that a kill meets unwritten events, but not for ever."""
    while True:
        first = log.sequence_nr + 1
        numbers = range(first, first + random.randint(1, 8))
        await log.append(
            [NewEvent(type_name="n", payload=b"%d" % each, emitter_id="e") for each in numbers]
        )
        await until(lambda: writer.position >= log.sequence_nr - 40)


async def main(folder: Path, seed: int) -> None:
    log = opened_log(folder)
    writer = runner(log, folder)
    os.write(1, b"begun\n")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run())
        tasks.create_task(append(log, writer, Random(seed)))  # noqa: S311 (repeatable)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
