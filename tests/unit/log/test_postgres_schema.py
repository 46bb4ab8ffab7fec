"""The store makes and renews its tables itself, and asks for no more rights than it needs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from museion.log.postgres.connection import connect
from museion.log.postgres.schema import MIGRATIONS, migrate
from museion.log.postgres.settings import (
    DamagedState,
    DatabaseUnavailable,
    NewerSchema,
    PostgresSettings,
)
from museion.log.postgres_store import PostgresEventStore
from museion.testing.contracts.event_store import batch, numbers, stored_event
from museion.testing.postgres import RunningPostgres

pytest_plugins = ["postgres_fixtures"]

LATER = "ALTER TABLE progress ADD moved_at timestamptz; UPDATE progress SET moved_at = now()"


@pytest.fixture
def schema(postgres: RunningPostgres, tmp_path: Path) -> PostgresSettings:
    """Settings of a log in a schema that is not there yet, and has an awkward name."""
    return PostgresSettings(conninfo=postgres.conninfo, schema=f'the "{tmp_path.name[-40:]}"')


@pytest.fixture
def ask(schema: PostgresSettings) -> Callable[[str], list[tuple[object, ...]]]:
    def ask(query: str) -> list[tuple[object, ...]]:
        with closing(connect(schema)) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    return ask


def test_the_tables_are_made_where_they_are_missing(
    schema: PostgresSettings, ask: Callable[[str], list[tuple[object, ...]]]
) -> None:
    PostgresEventStore(schema).close()
    assert ask("SELECT number FROM migrations") == [(n + 1,) for n in range(len(MIGRATIONS))]
    assert ask("SELECT name, sequence_nr FROM logs") == [("main", 0)]


def test_programs_that_start_together_make_the_tables_once(schema: PostgresSettings) -> None:
    def open_one(number: int) -> str:
        own = PostgresSettings(
            conninfo=schema.conninfo, schema=schema.schema, log_name=f"log {number}"
        )
        with closing(PostgresEventStore(own)) as store:
            return store.recover().log_id

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(open_one, range(6)))) == 6


def test_older_tables_are_brought_up_with_all_they_hold(
    schema: PostgresSettings, ask: Callable[[str], list[tuple[object, ...]]]
) -> None:
    with closing(PostgresEventStore(schema)) as store:
        store.write(batch(stored_event(1, aggregate_id="x"), reader=1))
    with closing(connect(schema)) as connection:
        migrate(connection, schema.schema, "here", migrations=(*MIGRATIONS, LATER))
    assert ask("SELECT position, moved_at IS NOT NULL FROM progress") == [(1, True)]
    assert ask("SELECT count(*) FROM migrations") == [(len(MIGRATIONS) + 1,)]


@pytest.mark.parametrize("version", range(len(MIGRATIONS) + 1))
def test_tables_of_every_version_can_be_opened(schema: PostgresSettings, version: int) -> None:
    with closing(connect(schema)) as connection:
        migrate(connection, schema.schema, "here", migrations=MIGRATIONS[:version])
    with closing(PostgresEventStore(schema)) as store:
        store.write(batch(stored_event(1)))
        assert numbers(store.read(limit=9)) == [1]


def test_a_migration_that_fails_changes_nothing(
    schema: PostgresSettings, ask: Callable[[str], list[tuple[object, ...]]]
) -> None:
    PostgresEventStore(schema).close()
    broken = (*MIGRATIONS, LATER, "SELECT no_such_thing")
    with closing(connect(schema)) as connection, pytest.raises(psycopg.errors.UndefinedColumn):
        migrate(connection, schema.schema, "here", migrations=broken)
    assert ask("SELECT count(*) FROM migrations") == [(len(MIGRATIONS),)]
    PostgresEventStore(schema).close()


def test_tables_of_a_later_program_are_refused_and_left_alone(
    schema: PostgresSettings, ask: Callable[[str], list[tuple[object, ...]]]
) -> None:
    PostgresEventStore(schema).close()
    ask("INSERT INTO migrations (number) VALUES (99)")
    ask("UPDATE logs SET opening = 7")
    with pytest.raises(NewerSchema, match=rf"version 99; .* up to {len(MIGRATIONS)}"):
        PostgresEventStore(schema)
    assert ask("SELECT opening FROM logs") == [(7,)]


@pytest.mark.parametrize("column", ["version", "chain", "removed_chain"])
def test_a_state_that_cannot_be_read_is_damage(
    schema: PostgresSettings, ask: Callable[[str], list[tuple[object, ...]]], column: str
) -> None:
    with closing(PostgresEventStore(schema)) as store:
        store.write(batch(stored_event(1)))
    ask("UPDATE logs SET %s = 'garbage'" % column)  # noqa: S608,UP031 (one of three names)
    with pytest.raises(DamagedState, match="main"):
        PostgresEventStore(schema)


def test_a_user_who_may_only_use_the_tables_can_keep_a_log(
    postgres: RunningPostgres,
    schema: PostgresSettings,
    ask: Callable[[str], list[tuple[object, ...]]],
) -> None:
    PostgresEventStore(schema).close()
    quoted = '"' + schema.schema.replace('"', '""') + '"'
    ask("CREATE USER writer")
    ask(f"GRANT USAGE ON SCHEMA {quoted} TO writer")
    ask(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {quoted} TO writer")
    conninfo = f"host=127.0.0.1 port={postgres.port} user=writer dbname=postgres"
    with closing(
        PostgresEventStore(PostgresSettings(conninfo=conninfo, schema=schema.schema))
    ) as store:
        store.write(batch(stored_event(1, aggregate_id="x"), stored_event(2), reader=1))
        store.remove(1, {})
        assert numbers(store.read(limit=9)) == [2]
    with pytest.raises(DatabaseUnavailable, match="permission denied"):
        PostgresEventStore(PostgresSettings(conninfo=conninfo, schema="elsewhere"))


@pytest.mark.parametrize(
    ("servers", "stores"), [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")]
)
def test_a_commit_is_never_less_durable_than_on_disk(
    postgres: RunningPostgres, servers: str, stores: str
) -> None:
    conninfo = f"{postgres.conninfo} options='-c synchronous_commit={servers}'"
    with closing(connect(PostgresSettings(conninfo=conninfo))) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchall() == [(stores,)]


def test_without_the_driver_the_log_works_and_the_store_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "import museion.log, museion.log.event_log\n"
        "from museion.log.postgres.settings import DriverMissing, PostgresSettings\n"
        "from museion.log.postgres_store import PostgresEventStore\n"
        "try:\n"
        "    PostgresEventStore(PostgresSettings(conninfo=''))\n"
        "except DriverMissing as error:\n"
        "    print(error)\n"
    )
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'museion[postgres]'" in told.stdout
