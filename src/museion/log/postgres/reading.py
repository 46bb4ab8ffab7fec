"""Looking into a log in PostgreSQL beside the program that writes it: makes and locks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import msgspec

from museion.base.errors import NotFound
from museion.log.event_store import StoreState, WriteBatch, WriteFailed
from museion.log.postgres.settings import DamagedState, DriverMissing, PostgresSettings
from museion.log.postgres_store import PostgresEventStore
from museion.log.vector_time import VectorTime

_FIND = "SELECT log FROM logs WHERE name = %s"
_TABLE = "SELECT to_regclass('logs') IS NOT NULL"
_STATE = """
SELECT log_id, sequence_nr, version, chain, deleted_to, removed_to, removed_chain
FROM logs WHERE log = %s
"""


class NoDatabaseLog(NotFound):
    """The database holds no log of that name."""

    def __init__(self, log_name: str, schema: str) -> None:
        super().__init__(
            f"The database has no event log {log_name!r} in its schema {schema!r}.",
            remedy="Name another with --log-name, or check which database is meant.",
        )


class ReadingPostgresStore(PostgresEventStore):
    """Reads a log in PostgreSQL; as many as are wanted, also while a program writes it.

    Raises:
        DriverMissing: the extra `museion[postgres]` is not installed.
        DatabaseUnavailable: the database cannot be reached, or refuses.
        NoDatabaseLog: there is no such log.
    """

    def __init__(self, settings: PostgresSettings) -> None:
        try:
            from museion.log.postgres.connection import ReaderPool, connect, place_of
        except ImportError as reason:
            raise DriverMissing(str(reason)) from reason
        self._settings = settings
        self._place = place_of(settings)
        self._readers = ReaderPool(
            partial(connect, settings), settings.readers, settings.statement_timeout_s
        )
        try:
            self._log = self._find()
            self._log_id = self.recover().log_id
        except BaseException:
            self._readers.close()
            raise

    def recover(self) -> StoreState:
        """Return the state after the last committed batch."""
        rows = self._readers.rows(_STATE, (self._log,))
        if not rows:
            raise NoDatabaseLog(self._settings.log_name, self._settings.schema)
        log_id, last, version, chain, deleted_to, removed_to, removed_chain = rows[0]
        try:
            return StoreState(
                log_id,
                last,
                msgspec.msgpack.decode(version, type=VectorTime),
                msgspec.msgpack.decode(chain, type=dict[str, bytes]),
                deleted_to,
                removed_to,
                msgspec.msgpack.decode(removed_chain, type=dict[str, bytes]),
            )
        except msgspec.MsgspecError as reason:
            raise DamagedState(self._settings.log_name, self._place, str(reason)) from reason

    def write(self, batch: WriteBatch) -> None:
        """Refuse. Raises `WriteFailed`."""
        raise WriteFailed("it was opened for reading only")

    def mark_deleted(self, to: int) -> None:
        """Refuse. Raises `WriteFailed`."""
        raise WriteFailed("it was opened for reading only")

    def remove(self, to: int, chain: Mapping[str, bytes]) -> None:
        """Refuse. Raises `WriteFailed`."""
        raise WriteFailed("it was opened for reading only")

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self._readers.close()

    def _find(self) -> int:
        settings = self._settings
        if self._readers.rows(_TABLE, ())[0][0]:
            found = self._readers.rows(_FIND, (settings.log_name,))
            if found:
                return int(found[0][0])
        raise NoDatabaseLog(settings.log_name, settings.schema)
