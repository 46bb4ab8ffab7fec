"""The writer recipe for SQLite: rows and progress in one transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from museion.log.event import Event


class SqliteWriter:
    """Keeps one row for each event, whose payload is its number."""

    def __init__(self, file: Path, name: str = "rows") -> None:
        self._file = file
        self._name = name
        self._rows: list[tuple[str]] = []
        self._position = 0
        self._database: sqlite3.Connection | None = None

    async def read(self) -> int | None:
        return await asyncio.to_thread(self._connect)

    def handle(self, event: Event) -> None:
        self._rows.append((event.payload.decode(),))
        self._position = event.sequence_nr

    async def write(self) -> None:
        await asyncio.to_thread(self._write)

    async def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _connect(self) -> int | None:
        database = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
        self._database = database
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE IF NOT EXISTS rows (payload TEXT)")
        database.execute("CREATE TABLE IF NOT EXISTS progress (name TEXT PRIMARY KEY, position)")
        found = database.execute("SELECT position FROM progress WHERE name = ?", (self._name,))
        row = found.fetchone()
        return None if row is None else int(row[0]) + 1

    def _write(self) -> None:
        assert self._database is not None
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT INTO rows VALUES (?)", self._rows)
        self._database.execute(
            "INSERT INTO progress VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET position = excluded.position",
            (self._name, self._position),
        )
        self._database.execute("COMMIT")
        self._rows.clear()


def written_rows(file: Path) -> list[str]:
    """Return the rows in the order of their insertion."""
    if not file.exists():
        return []
    with closing(sqlite3.connect(file)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE name = 'rows'").fetchall()
        if not tables:
            return []
        return [row[0] for row in database.execute("SELECT payload FROM rows ORDER BY rowid")]
