"""sqlite-vec: a virtual table with a column to filter by; it compares all."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import apsw  # type: ignore[import-not-found]  # in the peers' environment
import numpy as np
import sqlite_vec  # type: ignore[import-not-found]  # in the peers' environment
from search_bench.library import DIMENSION, SHARES, Library
from search_bench.serving import Ask, Parts, Plain, serve

LIMIT = 10


class SqliteVec(Plain):
    """One database on disk."""

    version = str(sqlite_vec.__version__)

    def __init__(self, library: Library, folder: Path) -> None:
        self._library = library
        self._queries = library.queries
        self._file = str(folder / "vectors.db")
        self._of_thread = threading.local()

    def build(self) -> Parts:
        """Insert all in transactions of 10,000."""
        self._database.execute(
            "CREATE VIRTUAL TABLE record USING vec0(number INTEGER PRIMARY KEY,"
            f" embedding FLOAT[{DIMENSION}] distance_metric=cosine, draw FLOAT)"
        )
        rows, draw = self._library.rows, self._library.draw.tolist()
        for start in range(0, len(rows), 10_000):
            with self._database:
                self._database.executemany(
                    "INSERT INTO record VALUES (?, ?, ?)",
                    (
                        (start + at, row.tobytes(), draw[start + at])
                        for at, row in enumerate(rows[start : start + 10_000])
                    ),
                )
        return {}

    def cases(self) -> Mapping[str, Ask]:
        """Return what it can do."""
        filtered = {f"semantic {share:.1%}": self._filtered(share) for share in SHARES}
        return {"semantic": self._semantic, **filtered}

    def change(self) -> dict[str, float]:
        """Add, update and delete a row."""
        new = self._library.count
        first, second = (np.asarray(row).tobytes() for row in self._queries[:2])
        changes = {
            "added": ("INSERT INTO record VALUES (?, ?, 2.0)", (new, first), first, True),
            "updated": (
                "UPDATE record SET embedding = ? WHERE number = ?",
                (second, new),
                second,
                True,
            ),
            "deleted": ("DELETE FROM record WHERE number = ?", (new,), second, False),
        }
        seconds = {}
        for name, (statement, values, query, is_there) in changes.items():
            started = time.perf_counter()
            self._database.execute(statement, values)
            assert (self._found("", (query, 1)) == [new]) == is_there
            seconds[name] = time.perf_counter() - started
        return seconds

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @property
    def _database(self) -> apsw.Connection:
        if not hasattr(self._of_thread, "connection"):
            connection = apsw.Connection(self._file)
            connection.enable_load_extension(True)
            connection.load_extension(sqlite_vec.loadable_path())
            self._of_thread.connection = connection
        return self._of_thread.connection

    def _semantic(self, query: int) -> list[int]:
        return self._found("", (self._queries[query].tobytes(), LIMIT))

    def _filtered(self, share: float) -> Ask:
        def ask(query: int) -> list[int]:
            return self._found("AND draw < ?", (self._queries[query].tobytes(), LIMIT, share))

        return ask

    def _found(self, condition: str, values: tuple[object, ...]) -> list[int]:
        statement = f"SELECT number FROM record WHERE embedding MATCH ? AND k = ? {condition}"  # noqa: S608 (no outside text)
        return [int(number) for (number,) in self._database.execute(statement, values)]


if __name__ == "__main__":
    serve(SqliteVec)
