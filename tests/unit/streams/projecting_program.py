"""Appends events and projects them into SQLite until it is killed."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.streams.projection import ProjectionRunner


class Rows:
    """One row for each event; nothing but the position keeps it from a second one."""

    name = "rows"

    def __init__(self, file: Path) -> None:
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL").fetchone()
        self._database.execute("CREATE TABLE IF NOT EXISTS event (nr INTEGER)")
        self._database.execute("CREATE TABLE IF NOT EXISTS position (nr INTEGER)")
        self.position = self._stored_position()

    def apply(self, events: Sequence[Event]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        for event in events:
            self._database.execute("INSERT INTO event VALUES (?)", (event.sequence_nr,))
        self._database.execute("DELETE FROM position")
        self._database.execute("INSERT INTO position VALUES (?)", (events[-1].sequence_nr,))
        self._database.execute("COMMIT")
        self.position = events[-1].sequence_nr

    def numbers(self) -> list[int]:
        return [nr for (nr,) in self._database.execute("SELECT nr FROM event ORDER BY rowid")]

    def close(self) -> None:
        self._database.close()

    def _stored_position(self) -> int:
        row = self._database.execute("SELECT nr FROM position").fetchone()
        return int(row[0]) if row else 0


async def append(log: EventLog) -> None:
    while True:
        await log.append([NewEvent(type_name="t", payload=b"", emitter_id="e")] * 3)


async def main(folder: Path) -> None:
    log = EventLog(LmdbEventStore(folder / "log"))
    rows = ProjectionRunner(log, Rows(folder / "rows.sqlite"))
    os.write(1, b"begun\n")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(rows.run())
        tasks.create_task(append(log))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
