"""Connections to PostgreSQL that never wait without a limit, and the pool that reads share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import conninfo as conninfos
from psycopg.abc import PQGen

from museion.log.event_store import ReadFailed
from museion.log.postgres.settings import (
    DatabaseUnavailable,
    InvalidPostgresSetting,
    PostgresSettings,
)

Result = TypeVar("Result")
Row: TypeAlias = tuple[Any, ...]

_ANSWER_MARGIN_S = 2.0
"""How much longer than the server's own limit an answer may take to arrive."""

# What dead peers and networks cost at most; a connection string may say otherwise.
_KEEPALIVE = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}

# `remote_apply` promises more than `on`, all other values less than the store does.
_PREPARE = """
SELECT set_config('search_path', quote_ident(%(schema)s), false),
       set_config('statement_timeout', %(limit_ms)s, false),
       set_config('synchronous_commit', CASE current_setting('synchronous_commit')
                  WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)
"""


class NoAnswer(psycopg.OperationalError):
    """The server did not answer within the limit; the connection is closed."""


class LimitedConnection(psycopg.Connection[Row]):
    """A connection on which no wait is longer than `limit_s`; one that is, breaks it."""

    limit_s = 60.0

    def wait(
        self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None
    ) -> Result:
        """Wait for the server as psycopg does, but not for ever."""
        limit_s = self.limit_s if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit_s)
        except psycopg.errors._WaitTimeout as reason:
            self.pgconn.finish()
            raise NoAnswer(f"no answer within {limit_s:g} s") from reason


def connect(settings: PostgresSettings) -> LimitedConnection:
    """Connect to the database and set what every connection of a store needs.

    Raises:
        InvalidPostgresSetting: the connection string is none.
        DatabaseUnavailable: the database is not reached, refuses, or does not answer in time.
    """
    place = place_of(settings)
    try:
        connection = LimitedConnection.connect(_parameters(settings), autocommit=True)
    except psycopg.Error as reason:
        raise DatabaseUnavailable(place, said(reason)) from reason
    try:
        connection.limit_s = settings.statement_timeout_s + _ANSWER_MARGIN_S
        limit_ms = f"{settings.statement_timeout_s * 1_000:.0f}"
        connection.execute(_PREPARE, {"schema": settings.schema, "limit_ms": limit_ms})
    except BaseException as reason:
        connection.close()
        if isinstance(reason, psycopg.Error):
            raise DatabaseUnavailable(place, said(reason)) from reason
        raise
    return connection


def place_of(settings: PostgresSettings) -> str:
    """Return where a database is, for messages: without user and password."""
    given = _given(settings)
    host = given.get("host") or given.get("hostaddr") or "the local socket"
    port = f":{given['port']}" if "port" in given else ""
    return f"{host}{port}/{given.get('dbname') or given.get('user') or ''}"


def said(reason: psycopg.Error) -> str:
    """Return what the server or the driver said, in one line and without a full stop."""
    primary = reason.diag.message_primary
    lines = [line.strip() for line in (primary or str(reason)).splitlines()]
    text = "; ".join(line for line in lines if line) or type(reason).__name__
    return text.rstrip(".")


def _given(settings: PostgresSettings) -> dict[str, str]:
    try:
        found = conninfos.conninfo_to_dict(settings.conninfo)
    except psycopg.ProgrammingError:
        # What libpq says about it may quote the password.
        raise InvalidPostgresSetting("conninfo", "a connection string of PostgreSQL") from None
    return {name: str(value) for name, value in found.items() if value is not None}


def _parameters(settings: PostgresSettings) -> str:
    parameters = {"application_name": "museion"} | _KEEPALIVE | _given(settings)
    parameters |= settings.tls_parameters()
    parameters["connect_timeout"] = str(ceil(settings.connect_timeout_s))
    parameters["client_encoding"] = "utf8"
    return conninfos.make_conninfo("", **parameters)


class ReaderPool:
    """Connections that read, each lent to one thread at a time; a broken one is replaced.

    Args:
        connect: opens a connection.
        size: how many there may be.
        wait_s: how long a thread waits for one.
    """

    def __init__(self, connect: Callable[[], LimitedConnection], size: int, wait_s: float) -> None:
        self._connect = connect
        self._size = size
        self._wait_s = wait_s
        self._places = threading.Semaphore(size)
        self._idle: list[LimitedConnection] = []
        self._changing = threading.Lock()
        self._closed = False

    def rows(self, query: str, parameters: Sequence[object]) -> list[Row]:
        """Return all rows of a query, asked in a transaction of its own.

        A connection that lay idle may have died meanwhile; then it is asked once more on a new one.

        Raises:
            ReadFailed: the database cannot be asked now, or the pool is closed.
        """
        with self._place():
            idle = self._taken()
            if idle is not None:
                try:
                    return self._asked(idle, query, parameters)
                except psycopg.Error as reason:
                    if not idle.closed or isinstance(reason, NoAnswer):
                        raise ReadFailed(said(reason)) from reason
                    self._drop_idle()  # what broke one has most likely broken all
            try:
                return self._asked(self._connect(), query, parameters)
            except psycopg.Error as reason:
                raise ReadFailed(said(reason)) from reason
            except DatabaseUnavailable as reason:
                raise ReadFailed(reason.message.rstrip(".")) from reason

    def close(self) -> None:
        """Close the connections; reads that are under way may still end. Idempotent."""
        self._closed = True
        self._drop_idle()

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._closed:
            raise ReadFailed("the store is closed")
        if not self._places.acquire(timeout=self._wait_s):
            raise ReadFailed(f"all {self._size} connections were busy for {self._wait_s:g} s")
        try:
            yield
        finally:
            self._places.release()

    def _taken(self) -> LimitedConnection | None:
        with self._changing:
            return self._idle.pop() if self._idle else None

    def _asked(
        self, connection: LimitedConnection, query: str, parameters: Sequence[object]
    ) -> list[Row]:
        try:
            with connection.cursor(binary=True) as cursor:
                return cursor.execute(query.encode(), parameters).fetchall()
        finally:
            self._give_back(connection)

    def _give_back(self, connection: LimitedConnection) -> None:
        if connection.closed:
            return
        with self._changing:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _drop_idle(self) -> None:
        with self._changing:
            dropped, self._idle = self._idle, []
        for connection in dropped:
            connection.close()
