"""A log in PostgreSQL: for sites that keep their data on a server, and have it backed up there.

Each batch is one transaction; its rows travel by COPY. Any thread reads, over a few connections;
one writes, over one connection that also holds the lock on the log. The tables are in
`postgres_schema`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from museion.log.event import MAX_NAME_BYTES, Event
from museion.log.event_store import (
    MAX_READ_BYTES,
    DamagedEvent,
    StoreState,
    WriteBatch,
    within,
)
from museion.log.frame import unpack_frame
from museion.log.postgres.settings import DriverMissing, PostgresSettings

_MAX_PAGE = 1_024
_MAX_NUMBER = 2**63 - 1

# The server sends a page's frames up to a sum of bytes, and one that exceeds it.
_SIZED = """
SELECT sequence_nr, frame FROM (
    SELECT sequence_nr, frame, sum(octet_length(frame)) OVER (ORDER BY sequence_nr) AS size_bytes
    FROM ({page}) AS page
) AS sized
WHERE frame IS NULL OR size_bytes - octet_length(frame) < %s
ORDER BY sequence_nr
"""
_PAGE = _SIZED.format(
    page="""
    SELECT sequence_nr, frame FROM events
    WHERE log = %s AND sequence_nr > %s ORDER BY sequence_nr LIMIT %s
    """
)
_AGGREGATE_PAGE = _SIZED.format(
    page="""
    SELECT sequence_nr, frame FROM destinations LEFT JOIN events USING (log, sequence_nr)
    WHERE log = %s AND sequence_nr > %s
      AND aggregate = (SELECT aggregate FROM aggregates WHERE log = %s AND id = %s)
    ORDER BY sequence_nr LIMIT %s
    """
)


class PostgresEventStore:
    """Keeps one of the logs in a PostgreSQL database; a batch is committed when `write` returns.

    One opening of a log at a time, over all machines. A connection that is lost is replaced when it
    is next needed. Connect straight to the server, or through a pooler that pools sessions: the
    lock belongs to a session. The server decides how durable a commit is; `fsync` must be on there.

    Raises:
        DriverMissing: the extra `museion[postgres]` is not installed.
        DatabaseLogInUse: the log is open already.
        DatabaseUnavailable: the database cannot be reached, or refuses.
        NewerSchema: the tables were made by a later version of this program.
        InvalidPostgresSetting: the connection string is none.
    """

    def __init__(self, settings: PostgresSettings) -> None:
        try:
            from museion.log.postgres.connection import ReaderPool, connect
            from museion.log.postgres.writer import PostgresWriter
        except ImportError as reason:
            raise DriverMissing(str(reason)) from reason
        self._writer = PostgresWriter(settings)
        self._log = self._writer.log
        self._log_id = self._writer.recover().log_id
        self._readers = ReaderPool(
            partial(connect, settings), settings.readers, settings.statement_timeout_s
        )

    def recover(self) -> StoreState:
        """Return the state after the last acknowledged batch, connecting anew if need be.

        When it returns, no commit of an earlier connection can come any more.

        Raises:
            DatabaseUnavailable: the database cannot be used now.
            LogTakenOver: another program opened the log while this one was cut off.
            DamagedState: the state cannot be read.
        """
        return self._writer.recover()

    def write(self, batch: WriteBatch) -> None:
        """Keep a batch, all or nothing, in one transaction.

        Raises:
            WriteFailed: the transaction was certainly not committed.
            OutcomeUnknown: the connection was lost after the commit was asked for.
            LogTakenOver: another program opened the log while this one was cut off.
        """
        self._writer.write(batch)

    def read(
        self,
        *,
        after: int = 0,
        limit: int,
        aggregate_id: str | None = None,
        max_bytes: int = MAX_READ_BYTES,
    ) -> Sequence[Event]:
        """Return at most `limit` events above `after`, checked against their checksums."""
        rows = self._rows(after, limit, aggregate_id, max(1, max_bytes))
        events = (unpack_frame(frame, number, self._log_id) for number, frame in rows)
        return within(events, limit=limit, max_bytes=max_bytes)

    def aggregate_ids(self, *, after: str = "", limit: int) -> Sequence[str]:
        """Return at most `limit` ids of aggregates above `after`, in the order of their bytes."""
        query = "SELECT id FROM aggregates WHERE log = %s AND id > %s ORDER BY id LIMIT %s"
        rows = self._readers.rows(query, (self._log, after.encode(), limit))
        return [bytes(id_).decode() for (id_,) in rows]

    def progress(self, name: str) -> int:
        """Return the last stored progress of a reader, 0 when there is none."""
        key = _key(name)
        if key is None:
            return 0
        query = "SELECT position FROM progress WHERE log = %s AND name = %s"
        rows = self._readers.rows(query, (self._log, key))
        return int(rows[0][0]) if rows else 0

    def all_progress(self) -> Mapping[str, int]:
        """Return the progress of every reader, by its name."""
        query = "SELECT name, position FROM progress WHERE log = %s"
        rows = self._readers.rows(query, (self._log,))
        return {bytes(name).decode(): position for name, position in rows}

    def mark_deleted(self, to: int) -> None:
        """Keep `to` as `StoreState.deleted_to`. Raises as `write`."""
        self._writer.mark_deleted(to)

    def remove(self, to: int, chain: Mapping[str, bytes]) -> None:
        """Remove all events up to `to`, which is below the last. Raises as `write`.

        One transaction: its cost grows with what is removed, so a long log is best removed in
        several steps. PostgreSQL uses the space again after its own vacuum.
        """
        self._writer.remove(to, chain)

    def close(self) -> None:
        """Close all connections and let others open the log. Idempotent."""
        self._readers.close()
        self._writer.close()

    def _rows(
        self, after: int, limit: int, aggregate_id: str | None, max_bytes: int
    ) -> Iterator[tuple[int, bytes]]:
        """Ask for page after page, as long as somebody takes them."""
        key = None if aggregate_id is None else _key(aggregate_id)
        if aggregate_id is not None and key is None:
            return
        while limit > 0 and after < _MAX_NUMBER:
            page = min(limit, _MAX_PAGE)
            rows = self._page(after, page, key, max_bytes)
            size_bytes = 0
            for number, frame in rows:
                if frame is None:
                    raise DamagedEvent(number, "the index names it, but it is missing")
                yield number, frame
                size_bytes += len(frame)
            if len(rows) < page and size_bytes < max_bytes:
                return
            after, limit = rows[-1][0], limit - len(rows)

    def _page(
        self, after: int, page: int, key: bytes | None, max_bytes: int
    ) -> Sequence[tuple[int, bytes | None]]:
        if key is None:
            return self._readers.rows(_PAGE, (self._log, after, page, max_bytes))
        parameters = (self._log, after, self._log, key, page, max_bytes)
        return self._readers.rows(_AGGREGATE_PAGE, parameters)


def _key(name: str) -> bytes | None:
    """Return a name as it is stored, or None where no stored one can be like it."""
    try:
        key = name.encode()
    except UnicodeEncodeError:
        return None
    return key if 1 <= len(key) <= MAX_NAME_BYTES else None
