"""The tables of a log in PostgreSQL outlive the program that made them.

What stands below was written by version 1 of the tables. It is never changed: a later version adds
a migration, and to this page what its tables hold, beside what was there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from museion.log.event import Event, EventId
from museion.log.event_store import WriteBatch
from museion.log.postgres.settings import PostgresSettings
from museion.log.postgres_store import PostgresEventStore
from museion.log.vector_time import VectorTime
from museion.testing.postgres import running_postgres

EVENT = Event(
    type_name="archive.asset-ingested",
    form=2,
    payload=b"\x00payload\xff",
    emitter_id="ingest",
    aggregate_id="asset-1",
    custom_destinations=("collection-ä", "asset-0\0"),
    system_time_ms=1_700_000_000_123,
    vector_timestamp=VectorTime({"rome": 7, "paris": 300}),
    process_id="rome",
    log_id="paris",
    sequence_nr=300,
    cause=EventId("paris", 299),
    delivery_id="delivery-1",
    chain_digest=bytes(range(32)),
    subject_key_id="key-1",
)
FRAME = b"the frame is kept as it is"
COLUMNS = {
    "aggregates": {"log": "integer", "id": "bytea", "aggregate": "integer"},
    "destinations": {"log": "integer", "aggregate": "integer", "sequence_nr": "bigint"},
    "events": {"log": "integer", "sequence_nr": "bigint", "frame": "bytea"},
    "logs": {
        "log": "integer",
        "name": "text",
        "log_id": "text",
        "opening": "bigint",
        "sequence_nr": "bigint",
        "version": "bytea",
        "chain": "bytea",
        "deleted_to": "bigint",
        "removed_to": "bigint",
        "removed_chain": "bytea",
        "aggregates": "integer",
    },
    "migrations": {"number": "integer", "made_at": "timestamp with time zone"},
    "progress": {"log": "integer", "name": "bytea", "position": "bigint"},
}
INDEXES = {
    "aggregates_pkey": "UNIQUE INDEX aggregates_pkey ON museion.aggregates USING btree (log, id)",
    "destinations_pkey": "UNIQUE INDEX destinations_pkey ON museion.destinations "
    "USING btree (log, aggregate, sequence_nr)",
    "destinations_to_remove": "INDEX destinations_to_remove ON museion.destinations "
    "USING brin (log, sequence_nr)",
    "events_pkey": "UNIQUE INDEX events_pkey ON museion.events USING btree (log, sequence_nr)",
    "logs_name_key": "UNIQUE INDEX logs_name_key ON museion.logs USING btree (name)",
    "logs_pkey": "UNIQUE INDEX logs_pkey ON museion.logs USING btree (log)",
    "migrations_pkey": "UNIQUE INDEX migrations_pkey ON museion.migrations USING btree (number)",
    "progress_pkey": "UNIQUE INDEX progress_pkey ON museion.progress USING btree (log, name)",
}
STATE = (
    300,
    bytes.fromhex("9182a4726f6d6507a57061726973cd012c"),  # version vector
    bytes.fromhex("81a4726f6d65c420") + bytes(range(32)),  # chain digest of each origin
    200,
    100,
    bytes.fromhex("81a4726f6d65c40101"),
    3,
)


@pytest.fixture(scope="module")
def database() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A database with one log in which every table has rows."""
    with running_postgres() as server:
        settings = PostgresSettings(conninfo=server.conninfo)
        with closing(PostgresEventStore(settings)) as store:
            store.write(WriteBatch([EVENT], {"metadata": 299}, [FRAME]))
            store.mark_deleted(200)
            store.remove(100, {"rome": b"\x01"})
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            yield connection


def test_the_tables_have_the_columns_of_ever(
    database: psycopg.Connection[tuple[object, ...]],
) -> None:
    query = (
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'museion' ORDER BY ordinal_position"
    )
    found: dict[object, dict[object, object]] = {}
    for table, column, kind in database.execute(query):
        found.setdefault(table, {})[column] = kind
    assert found == COLUMNS


def test_the_indexes_are_those_of_ever(database: psycopg.Connection[tuple[object, ...]]) -> None:
    query = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'museion'"
    found = {name: str(made).removeprefix("CREATE ") for name, made in database.execute(query)}
    assert found == INDEXES


def test_an_event_is_a_row_with_its_frame_and_one_in_the_index_for_each_destination(
    database: psycopg.Connection[tuple[object, ...]],
) -> None:
    assert _rows(database, "SELECT * FROM museion.events") == [(1, 300, FRAME)]
    assert _rows(database, "SELECT * FROM museion.aggregates ORDER BY aggregate") == [
        (1, b"asset-0\0", 1),
        (1, b"asset-1", 2),
        (1, "collection-ä".encode(), 3),
    ]
    assert _rows(database, "SELECT * FROM museion.destinations ORDER BY aggregate") == [
        (1, 1, 300),
        (1, 2, 300),
        (1, 3, 300),
    ]


def test_progress_and_state_are_rows_of_their_own(
    database: psycopg.Connection[tuple[object, ...]],
) -> None:
    assert _rows(database, "SELECT * FROM museion.progress") == [(1, b"metadata", 299)]
    assert _rows(database, "SELECT log, name, opening FROM museion.logs") == [(1, "main", 1)]
    columns = "sequence_nr, version, chain, deleted_to, removed_to, removed_chain, aggregates"
    assert _rows(database, f"SELECT {columns} FROM museion.logs") == [STATE]  # noqa: S608


def _rows(database: psycopg.Connection[tuple[object, ...]], query: str) -> list[tuple[object, ...]]:
    return database.execute(query.encode()).fetchall()
