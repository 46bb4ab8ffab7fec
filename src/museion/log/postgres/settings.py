"""Where a log in PostgreSQL lies, how long its store waits, and what can go wrong with it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from museion.base.errors import Conflict, Damaged, InvalidInput, Unavailable

_MAX_SCHEMA_BYTES = 63  # PostgreSQL cuts longer names off, without an error
_MAX_LOG_NAME_BYTES = 511


class InvalidPostgresSetting(InvalidInput):
    """A setting of the PostgreSQL store has a value that it cannot have; nothing was opened."""

    def __init__(self, name: str, expected: str) -> None:
        # The value stays out of the message: a connection string may hold a password.
        super().__init__(f"The setting {name} of the PostgreSQL store must be {expected}.")


class DriverMissing(Unavailable):
    """The Python package that speaks with PostgreSQL is not there."""

    lasting = True

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"A log in PostgreSQL needs the package psycopg 3.3 or later: {reason}.",
            remedy="Run: pip install 'museion[postgres]'",
        )


class DatabaseUnavailable(Unavailable):
    """A database could not be reached, let nobody in, or did not answer in time."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(
            f"The database at {place} cannot be used: {reason}.",
            remedy="Check that it runs, and the connection string with its user and password.",
        )


class DatabaseLogInUse(Conflict):
    """Another opening of the same log is alive, on whatever machine; nothing was done."""

    def __init__(self, log_name: str, place: str) -> None:
        super().__init__(
            f"The log {log_name!r} in the database at {place} is already open; it can have one "
            "writer only.",
            remedy="Close the other program that works on it, or give this one a log of its own.",
        )


class LogTakenOver(Conflict):
    """While this store was cut off from the database, another one opened its log."""

    def __init__(self, log_name: str, place: str) -> None:
        super().__init__(
            f"The log {log_name!r} in the database at {place} was opened by another program while "
            "the connection was lost.",
            remedy="Close this log. Open it anew when the other program has closed it.",
        )


class NewerSchema(Conflict):
    """The tables were made by a later version of this program; nothing was changed."""

    def __init__(self, schema: str, place: str, *, found: int, known: int) -> None:
        super().__init__(
            f"The schema {schema!r} in the database at {place} has version {found}; this program "
            f"knows versions up to {known}.",
            remedy="Open it with the program version that made it, or a later one.",
        )


class DamagedState(Damaged):
    """What the database holds about a log as a whole cannot be read."""

    def __init__(self, log_name: str, place: str, reason: str) -> None:
        super().__init__(
            f"The state of the log {log_name!r} in the database at {place} is damaged: {reason}.",
            remedy="Restore the database from a backup or recover the log from another site.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSettings:
    """Settings of a `PostgresEventStore`.

    Attributes:
        conninfo: connection string or URI of libpq; may hold a password, so it is never printed.
        log_name: name of the log; several may live in one database.
        schema: schema that holds the tables; made, if the user may, when it is not there.
        connect_timeout_s: limit of one connecting and of taking the lock anew; at least 2.
        statement_timeout_s: limit of one statement at the server; the store itself waits a
            little longer for the answer.
        readers: connections that read beside the one that writes, opened as they are needed.
        sslmode: how TLS is used, as libpq names it; `verify-full` also proves who the server is.
        sslrootcert: file with the certificates of authorities that are trusted.
        sslcert, sslkey: files with the client's certificate and key.

    Raises:
        InvalidPostgresSetting: a value is out of its range.
    """

    conninfo: str = field(repr=False)
    log_name: str = "main"
    schema: str = "museion"
    connect_timeout_s: float = 10.0
    statement_timeout_s: float = 60.0
    readers: int = 4
    sslmode: str | None = None
    sslrootcert: str | os.PathLike[str] | None = None
    sslcert: str | os.PathLike[str] | None = None
    sslkey: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        _require_name("log_name", self.log_name, _MAX_LOG_NAME_BYTES)
        _require_name("schema", self.schema, _MAX_SCHEMA_BYTES)
        for name, low in (("connect_timeout_s", 2), ("statement_timeout_s", 0.001), ("readers", 1)):
            if not low <= getattr(self, name) <= 1_000_000:
                raise InvalidPostgresSetting(name, f"between {low} and 1000000")

    def tls_parameters(self) -> dict[str, str]:
        """Return the settings of TLS that are given, by libpq's names."""
        names = ("sslmode", "sslrootcert", "sslcert", "sslkey")
        given = ((name, getattr(self, name)) for name in names)
        return {name: os.fspath(value) for name, value in given if value is not None}


def _require_name(setting: str, name: str, limit_bytes: int) -> None:
    try:
        size_bytes = len(name.encode())
    except UnicodeEncodeError:
        size_bytes = 0
    if not 1 <= size_bytes <= limit_bytes or "\0" in name:
        raise InvalidPostgresSetting(setting, f"1 to {limit_bytes} bytes of UTF-8 without NUL")
