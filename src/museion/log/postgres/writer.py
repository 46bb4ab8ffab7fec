"""The one connection that writes a log in PostgreSQL, and the lock that makes it the only one.

The lock is a session's advisory lock: the server gives it back when the session has ended, and with
it whatever the session had begun. Who holds it therefore also knows how every earlier commit ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec
import psycopg
from msgspec.structs import replace

from museion.base.ids import random_id
from museion.log.event_store import OutcomeUnknown, StoreState, WriteBatch, WriteFailed, advanced
from museion.log.postgres.aggregates import AggregateNumbers
from museion.log.postgres.connection import LimitedConnection, Row, connect, place_of, said
from museion.log.postgres.rows import aggregate_rows, destination_rows, event_rows, places_of
from museion.log.postgres.schema import migrate
from museion.log.postgres.settings import (
    DamagedState,
    DatabaseLogInUse,
    DatabaseUnavailable,
    LogTakenOver,
    PostgresSettings,
)
from museion.log.vector_time import VectorTime

Cursor: TypeAlias = psycopg.Cursor[Row]

_ENCODER = msgspec.msgpack.Encoder()
_VERSION = msgspec.msgpack.Decoder(VectorTime)
_CHAIN = msgspec.msgpack.Decoder(dict[str, bytes])

_OPENING_GRACE_S = 0.5
"""A killed program's session may live on for a moment."""

_SESSION = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
_END_SESSION = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s
"""
_LOCK = "SELECT pg_advisory_lock('logs'::regclass::oid::int, %s)"
_REGISTER = "INSERT INTO logs (name, log_id) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING"
_STATE = """
SELECT log_id, sequence_nr, version, chain, deleted_to, removed_to, removed_chain,
       aggregates, opening
FROM logs WHERE log = %s
"""
_ADVANCE = """
UPDATE logs SET sequence_nr = %s, version = %s, chain = %s, aggregates = %s WHERE log = %s
"""
_PROGRESS = """
INSERT INTO progress (log, name, position)
SELECT %s, moved.name, moved.position
FROM unnest(%s::bytea[], %s::bigint[]) AS moved (name, position)
ON CONFLICT (log, name) DO UPDATE SET position = excluded.position
"""


class PostgresWriter:
    """Writes one log; only one thread may call it.

    Raises:
        DatabaseLogInUse: another session holds the log.
        DatabaseUnavailable: the database cannot be used now.
        NewerSchema: the tables are of a later program version.
        InvalidPostgresSetting: the connection string is none.
    """

    def __init__(self, settings: PostgresSettings) -> None:
        self._settings = settings
        self._place = place_of(settings)
        self._closed = False
        self._connection = connect(settings)
        try:
            migrate(self._connection, settings.schema, self._place)
            self.log = self._register()
            self._begin_session(lock_wait_s=_OPENING_GRACE_S)
            self._opening = self._count_opening()
            self._state = self._load()
        except psycopg.errors.LockNotAvailable as reason:
            self.close()
            raise DatabaseLogInUse(settings.log_name, self._place) from reason
        except psycopg.Error as reason:
            self.close()
            raise DatabaseUnavailable(self._place, said(reason)) from reason
        except BaseException:
            self.close()
            raise

    def recover(self) -> StoreState:
        """Return the stored state, over a new connection where the old one is broken.

        Raises:
            DatabaseUnavailable: the database cannot be used now, or the old session still lives.
            LogTakenOver: another program opened the log meanwhile.
            DamagedState: the state cannot be read.
        """
        if not self._connection.closed:
            try:
                self._state = self._load()
                return self._state
            except psycopg.Error:
                self._connection.close()
        self._reconnect()
        return self._state

    def write(self, batch: WriteBatch) -> None:
        """Keep a batch in one transaction. Raises `WriteFailed` or `OutcomeUnknown`."""
        self._require_connection()
        last = self._state.sequence_nr
        for event in batch.events:
            assert event.sequence_nr > last, f"event {event.sequence_nr} comes after {last}"
            last = event.sequence_nr
        state = advanced(self._state, batch)
        new: dict[str, int] = {}
        with_progress = [name.encode() for name in batch.progress], list(batch.progress.values())

        def put(cursor: Cursor) -> None:
            if batch.events:
                new.update(self._put_events(cursor, batch))
                self._put_state(cursor, state, len(new))
            if batch.progress:
                cursor.execute(_PROGRESS, (self.log, *with_progress))

        self._commit(put)
        self._state = state
        self._aggregates.remember(new)

    def mark_deleted(self, to: int) -> None:
        """Keep the mark. Raises as `write`."""
        self._require_connection()
        mark = "UPDATE logs SET deleted_to = %s WHERE log = %s"
        self._commit(lambda cursor: cursor.execute(mark, (to, self.log)))
        self._state = replace(self._state, deleted_to=to)

    def remove(self, to: int, chain: Mapping[str, bytes]) -> None:
        """Remove events up to `to`, unless that was done. Raises as `write`."""
        self._require_connection()
        assert to < self._state.sequence_nr, "the last event stays"
        if to <= self._state.removed_to:
            return

        def remove(cursor: Cursor) -> None:
            for table in (b"events", b"destinations"):
                delete = b"DELETE FROM %b WHERE log = %%s AND sequence_nr <= %%s" % table
                cursor.execute(delete, (self.log, to))
            cursor.execute(
                "UPDATE logs SET removed_to = %s, removed_chain = %s WHERE log = %s",
                (to, _ENCODER.encode(chain), self.log),
            )

        self._commit(remove)
        self._state = replace(self._state, removed_to=to, removed_chain=dict(chain))

    def close(self) -> None:
        """Close the connection, and so give the log back. Idempotent."""
        self._closed = True
        self._connection.close()

    def _commit(self, work: Callable[[Cursor], object]) -> None:
        """Do work in a transaction; only a commit whose answer is lost leaves its fate unknown."""
        connection = self._connection
        try:
            with connection.cursor(binary=True) as cursor:
                work(cursor)
        except BaseException as reason:
            _undo(connection)
            if isinstance(reason, psycopg.Error):
                raise WriteFailed(said(reason)) from reason
            raise
        try:
            connection.commit()
        except psycopg.Error as reason:
            if connection.closed:
                raise OutcomeUnknown(said(reason)) from reason
            _undo(connection)
            raise WriteFailed(said(reason)) from reason

    def _put_events(self, cursor: Cursor, batch: WriteBatch) -> dict[str, int]:
        """Put events and their places in the index; return the aggregates that are new."""
        _copy(cursor, b"events", event_rows(self.log, batch.events, batch.frames))
        places = list(places_of(batch.events))
        numbers, new = self._aggregates.of(cursor, dict.fromkeys(id_ for id_, _ in places))
        if new:
            rows = [(id_.encode(), number) for id_, number in new.items()]
            _copy(cursor, b"aggregates", aggregate_rows(self.log, rows))
        if places:
            found = [(numbers[id_], number) for id_, number in places]
            _copy(cursor, b"destinations", destination_rows(self.log, found))
        return new

    def _put_state(self, cursor: Cursor, state: StoreState, new_aggregates: int) -> None:
        stored = (
            state.sequence_nr,
            _ENCODER.encode(state.version),
            _ENCODER.encode(state.chain),
            self._aggregates.given + new_aggregates,
            self.log,
        )
        cursor.execute(_ADVANCE, stored)

    def _require_connection(self) -> None:
        """Connect anew where the connection is lost: what it had begun is undone by then."""
        if self._closed:
            raise WriteFailed("the store is closed")
        if not self._connection.closed:
            return
        before = self._state
        try:
            self._reconnect()
        except DatabaseUnavailable as reason:
            raise WriteFailed(reason.message.rstrip(".")) from reason
        if self._state != before:  # a server that took over may lack what was acknowledged
            raise OutcomeUnknown("the database came back in another state than it had")

    def _reconnect(self) -> None:
        assert not self._closed, "a closed store cannot be recovered"
        self._connection = connect(self._settings)
        try:
            self._connection.execute(_END_SESSION, self._session)
            self._begin_session(lock_wait_s=self._settings.connect_timeout_s)
            self._state = self._load()
        except psycopg.Error as reason:
            self._connection.close()
            raise DatabaseUnavailable(self._place, said(reason)) from reason
        except BaseException:
            self._connection.close()
            raise

    def _register(self) -> int:
        """Return the number of the log; a new log gets its identity."""
        find = "SELECT log FROM logs WHERE name = %s"
        name = self._settings.log_name
        found = self._connection.execute(find, (name,)).fetchone()
        if found is None:
            self._connection.execute(_REGISTER, (name, random_id()))
            found = self._connection.execute(find, (name,)).fetchone()
        assert found is not None
        return int(found[0])

    def _begin_session(self, *, lock_wait_s: float) -> None:
        """Take the lock for this session, and from now on commit only when told to."""
        connection = self._connection
        self._session = connection.execute(_SESSION).fetchone()
        with connection.transaction():
            limit_ms = f"{lock_wait_s * 1_000:.0f}"
            connection.execute("SELECT set_config('lock_timeout', %s, true)", (limit_ms,))
            connection.execute(_LOCK, (self.log,))
        connection.autocommit = False

    def _count_opening(self) -> int:
        """Note this opening, by which a store finds out that another one came after it."""
        query = "UPDATE logs SET opening = opening + 1 WHERE log = %s RETURNING opening"
        found = self._connection.execute(query, (self.log,)).fetchone()
        self._connection.commit()
        assert found is not None
        return int(found[0])

    def _load(self) -> StoreState:
        with self._connection.cursor(binary=True) as cursor:
            row = cursor.execute(_STATE, (self.log,)).fetchone()
        self._connection.commit()
        if row is None:
            raise DamagedState(self._settings.log_name, self._place, "it is gone")
        log_id, last, version, chain, deleted_to, removed_to, removed_chain, *own = row
        if own[1] != self._opening:
            raise LogTakenOver(self._settings.log_name, self._place)
        self._aggregates = AggregateNumbers(self.log, given=own[0])
        try:
            return StoreState(
                log_id,
                last,
                _VERSION.decode(version),
                _CHAIN.decode(chain),
                deleted_to,
                removed_to,
                _CHAIN.decode(removed_chain),
            )
        except msgspec.MsgspecError as reason:
            raise DamagedState(self._settings.log_name, self._place, str(reason)) from reason


def _copy(cursor: Cursor, table: bytes, rows: bytes) -> None:
    with cursor.copy(b"COPY %b FROM STDIN (FORMAT binary)" % table) as copy:
        copy.write(rows)


def _undo(connection: LimitedConnection) -> None:
    """Roll back; where that is not possible the server does so, at the end of the session."""
    try:
        connection.rollback()
    except psycopg.Error:
        connection.close()
