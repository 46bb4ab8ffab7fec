"""The tables of logs in PostgreSQL, and how older ones become those of today.

Ids and names are kept as bytes of UTF-8: they may hold NUL, which text cannot, and are listed in
the order of their bytes. Several logs share the tables; each row begins with the number of its log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from museion.log.postgres.settings import NewerSchema

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE logs (
        log integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL UNIQUE,
        log_id text NOT NULL,
        opening bigint NOT NULL DEFAULT 0,      -- grows with every opening
        sequence_nr bigint NOT NULL DEFAULT 0,  -- of the last event, removed or not
        version bytea NOT NULL DEFAULT '\\x9180',  -- version vector in msgpack
        chain bytea NOT NULL DEFAULT '\\x80',      -- chain digest of each origin, in msgpack
        deleted_to bigint NOT NULL DEFAULT 0,
        removed_to bigint NOT NULL DEFAULT 0,
        removed_chain bytea NOT NULL DEFAULT '\\x80',
        aggregates integer NOT NULL DEFAULT 0   -- how many there are
    ) WITH (fillfactor = 50);                   -- the row changes in place, once a batch
    CREATE TABLE events (
        log integer NOT NULL,
        sequence_nr bigint NOT NULL,
        frame bytea NOT NULL,
        PRIMARY KEY (log, sequence_nr)
    );
    ALTER TABLE events ALTER frame SET STORAGE EXTERNAL;  -- payloads do not shrink twice
    CREATE TABLE aggregates (
        log integer NOT NULL,
        id bytea NOT NULL,
        aggregate integer NOT NULL,             -- the number that stands for it in the index
        PRIMARY KEY (log, id)
    );
    CREATE TABLE destinations (
        log integer NOT NULL,
        aggregate integer NOT NULL,
        sequence_nr bigint NOT NULL,
        PRIMARY KEY (log, aggregate, sequence_nr)
    );
    CREATE INDEX destinations_to_remove ON destinations USING brin (log, sequence_nr);
    CREATE TABLE progress (
        log integer NOT NULL,
        name bytea NOT NULL,
        position bigint NOT NULL,
        PRIMARY KEY (log, name)
    ) WITH (fillfactor = 50);
    """,
)
"""One after the other makes the tables; what is released here is never changed, only added to."""

# NOTE: the catalogs themselves are asked. `to_regclass` answers from a cache of the session, and
# would not see what another program made while this one waited for the lock.
_HAS_VERSION = """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON relnamespace = pg_namespace.oid
    WHERE nspname = %s AND relname = 'migrations'
)
"""
_HAS_SCHEMA = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = %s)"
_KEPT_VERSION = """
CREATE TABLE IF NOT EXISTS migrations (
    number integer PRIMARY KEY,
    made_at timestamptz NOT NULL DEFAULT now()
)
"""


def migrate(
    connection: Connection[tuple[object, ...]],
    schema: str,
    place: str,
    *,
    migrations: tuple[str, ...] = MIGRATIONS,
) -> None:
    """Bring the tables in a schema to the form of today, making them if they are not there.

    In one transaction, and one program at a time; who comes second finds all done. The search path
    of the connection is the schema.

    Raises:
        NewerSchema: they have a form that this program does not know; nothing was changed.
        psycopg.Error: the database refuses; nothing was changed.
    """
    with connection.transaction(), connection.cursor() as cursor:
        if _version(cursor, schema) == len(migrations):
            return
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 6))", (schema,))
        found = _version(cursor, schema)
        if found > len(migrations):
            raise NewerSchema(schema, place, found=found, known=len(migrations))
        _make_schema(cursor, schema)
        for number, statements in enumerate(migrations[found:], found + 1):
            cursor.execute(statements.encode())
            cursor.execute("INSERT INTO migrations (number) VALUES (%s)", (number,))


def _version(cursor: Cursor[tuple[object, ...]], schema: str) -> int:
    cursor.execute(_HAS_VERSION, (schema,))
    if cursor.fetchall() == [(False,)]:
        return 0
    cursor.execute("SELECT coalesce(max(number), 0) FROM migrations")
    ((found,),) = cursor.fetchall()
    assert isinstance(found, int)
    return found


def _make_schema(cursor: Cursor[tuple[object, ...]], schema: str) -> None:
    """Make what is missing; who only may use a schema that is there is not asked for more."""
    cursor.execute(_HAS_SCHEMA, (schema,))
    if cursor.fetchall() == [(False,)]:
        cursor.execute("SELECT format('CREATE SCHEMA %%I', %s::text)", (schema,))
        ((statement,),) = cursor.fetchall()
        cursor.execute(str(statement).encode())
    cursor.execute(_KEPT_VERSION)
