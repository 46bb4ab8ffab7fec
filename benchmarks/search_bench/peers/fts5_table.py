"""SQLite FTS5: any of two words, BM25 with the same weights; no stems, no explanation."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import apsw  # type: ignore[import-not-found]  # in the peers' environment
from search_bench.library import Library
from search_bench.serving import Ask, Parts, Plain, serve

LIMIT = 10


class Fts5(Plain):
    """One database on disk."""

    version = apsw.sqlite_lib_version()

    def __init__(self, library: Library, folder: Path) -> None:
        self._library = library
        self._words = library.word_queries()
        self._file = str(folder / "words.db")
        self._of_thread = threading.local()

    def build(self) -> Parts:
        """Insert all in transactions of 10,000."""
        self._database.execute("CREATE VIRTUAL TABLE record USING fts5(title, caption)")
        texts = self._library.texts()
        for start in range(0, len(texts), 10_000):
            with self._database:
                self._database.executemany(
                    "INSERT INTO record (rowid, title, caption) VALUES (?, ?, ?)",
                    (
                        (start + at, title, caption)
                        for at, (title, caption) in enumerate(texts[start : start + 10_000])
                    ),
                )
        return {}

    def cases(self) -> Mapping[str, Ask]:
        """Return what it can do."""
        return {"lexical": lambda query: self._found(" OR ".join(self._words[query].split()))}

    def change(self) -> dict[str, float]:
        """Add, update and delete a row."""
        new = self._library.count
        changes = {
            "added": (
                "INSERT INTO record (rowid, title, caption) VALUES (?, ?, '')",
                (new, "neverseenbefore"),
                "neverseenbefore",
                True,
            ),
            "updated": (
                "UPDATE record SET title = ? WHERE rowid = ?",
                ("changedafterwards", new),
                "changedafterwards",
                True,
            ),
            "deleted": (
                "DELETE FROM record WHERE rowid = ?",
                (new,),
                "changedafterwards",
                False,
            ),
        }
        seconds = {}
        for name, (statement, values, word, is_there) in changes.items():
            started = time.perf_counter()
            self._database.execute(statement, values)
            assert (self._found(word) == [new]) == is_there
            seconds[name] = time.perf_counter() - started
        return seconds

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @property
    def _database(self) -> apsw.Connection:
        if not hasattr(self._of_thread, "connection"):
            self._of_thread.connection = apsw.Connection(self._file)
        return self._of_thread.connection

    def _found(self, question: str) -> list[int]:
        statement = "SELECT rowid FROM record(?) ORDER BY bm25(record, 2, 1) LIMIT ?"
        return [int(row) for (row,) in self._database.execute(statement, (question, LIMIT))]


if __name__ == "__main__":
    serve(Fts5)
