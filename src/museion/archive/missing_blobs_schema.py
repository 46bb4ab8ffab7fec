"""Tables of the list of missing blobs, and how its database is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from museion.base.errors import Unavailable

_FORM = 1
"""Number of this table design; another number in a database means: build it anew."""

_TABLES = """
CREATE TABLE IF NOT EXISTS progress (
    nr INTEGER PRIMARY KEY CHECK (nr = 1), position INTEGER NOT NULL, policy BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS missing (
    digest TEXT PRIMARY KEY, facts BLOB NOT NULL, size_bytes INTEGER, turn INTEGER NOT NULL,
    wanted INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    next_try_ms INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS missing_sizes ON missing (wanted, size_bytes, tries);
CREATE INDEX IF NOT EXISTS missing_due ON missing (turn, next_try_ms) WHERE wanted = 1;
"""


class MissingBlobsUnavailable(Unavailable):
    """The list of missing blobs cannot be read or written now; nothing was changed."""

    def __init__(self, reason: sqlite3.Error) -> None:
        super().__init__(
            f"The list of blobs that are not here cannot be used now: {reason}.",
            remedy="Check free space and rights of the site's folder. Where it stays, close the"
            " site and remove missing-blobs.sqlite: it is built anew from the log.",
        )


def open_missing(path: Path, log_end: int | None) -> sqlite3.Connection:
    """Open the list; one of another form, of another log's state or damaged is begun anew."""
    with suppress(sqlite3.DatabaseError, _Unfit):
        return _opened(path, log_end)
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        each.unlink(missing_ok=True)
    return _opened(path, log_end)


class _Unfit(Exception):
    """The list does not belong to this program and log."""


def _opened(path: Path, log_end: int | None) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        if database.execute("PRAGMA user_version").fetchone()[0] not in (0, _FORM):
            raise _Unfit
        database.execute("PRAGMA journal_mode = WAL")
        # What a power cut takes is taken in once more from the log.
        database.execute("PRAGMA synchronous = NORMAL")
        database.executescript(_TABLES)
        database.execute(f"PRAGMA user_version = {_FORM}")
        row = database.execute("SELECT position FROM progress").fetchone()
        if row and log_end is not None and row[0] > log_end:
            raise _Unfit
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def missing_errors() -> Iterator[None]:
    """Raise the errors of the database as ours."""
    try:
        yield
    except sqlite3.Error as reason:
        raise MissingBlobsUnavailable(reason) from reason
