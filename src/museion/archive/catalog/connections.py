"""The connections through which the catalog is read: one for each thread, closed all together."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from museion.archive.catalog.errors import CatalogClosed, NothingLikeThat, catalog_errors
from museion.archive.catalog.schema import open_reading

_Arguments: TypeAlias = Sequence[object] | Mapping[str, object]


class Connections:
    """Runs statements, each in the connection of its thread.

    Raises (all methods):
        NothingLikeThat: an argument is no text or number that a database can hold.
        CatalogUnavailable, CatalogDamaged: the database cannot be read.
        CatalogClosed: it was closed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._opened: list[_Connection] = []
        self._opening = threading.Lock()
        self._closed = False

    def all(self, sql: str, arguments: _Arguments = ()) -> list[sqlite3.Row]:
        """Return all rows."""
        connection = self._own()
        with connection.lock, catalog_errors():
            if self._closed:
                raise CatalogClosed
            try:
                return connection.database.execute(sql, arguments).fetchall()
            except (UnicodeEncodeError, OverflowError) as reason:
                raise NothingLikeThat(reason) from reason

    def one(self, sql: str, arguments: _Arguments = ()) -> sqlite3.Row:
        """Return the first row of a statement that always has one."""
        return self.all(sql, arguments)[0]

    def one_or_none(self, sql: str, arguments: _Arguments) -> sqlite3.Row | None:
        """Return the first row, None if there is none."""
        return next(iter(self.all(sql, arguments)), None)

    def close(self) -> None:
        """Close the connections of all threads, each after the read that goes on in it."""
        with self._opening:
            self._closed = True
            for connection in self._opened:
                with connection.lock:
                    connection.database.close()
            self._opened.clear()

    def _own(self) -> _Connection:
        connection: _Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            with self._opening, catalog_errors():
                if self._closed:
                    raise CatalogClosed
                connection = self._local.connection = _Connection(open_reading(self._path))
                self._opened.append(connection)
        return connection


class _Connection:
    """The connection of one thread; whoever uses or closes it holds its lock."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.lock = threading.Lock()
