"""What the PostgreSQL store says when its database fails, and how it comes back."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial

import psycopg
import pytest
from commit_proxy import AtCommit, CommitProxy

from museion.base.errors import InvalidInput
from museion.log.event_store import OutcomeUnknown, ReadFailed, WriteFailed
from museion.log.postgres.connection import ReaderPool, connect
from museion.log.postgres.settings import (
    DatabaseLogInUse,
    DatabaseUnavailable,
    InvalidPostgresSetting,
    LogTakenOver,
    PostgresSettings,
)
from museion.log.postgres_store import PostgresEventStore
from museion.testing.contracts.event_store import batch, numbers, stored_event
from museion.testing.postgres import RunningPostgres

pytest_plugins = ["postgres_fixtures"]


def test_a_write_over_a_connection_that_died_idle_fails_and_the_next_one_works(
    postgres_settings: PostgresSettings,
) -> None:
    with closing(PostgresEventStore(postgres_settings)) as store:
        store.write(batch(stored_event(1)))
        end_sessions(postgres_settings)
        with pytest.raises(WriteFailed):
            store.write(batch(stored_event(2)))
        store.write(batch(stored_event(2)))
        assert numbers(store.read(limit=9)) == [1, 2]


def test_reads_over_connections_that_died_idle_are_asked_again(
    postgres_settings: PostgresSettings,
) -> None:
    with closing(PostgresEventStore(postgres_settings)) as store:
        store.write(batch(stored_event(1)))
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: store.read(limit=9), range(8)))
        end_sessions(postgres_settings)
        for _ in range(5):
            assert numbers(store.read(limit=9)) == [1]


def test_recovery_connects_anew_and_takes_the_lock_again(
    postgres_settings: PostgresSettings,
) -> None:
    with closing(PostgresEventStore(postgres_settings)) as store:
        store.write(batch(stored_event(1)))
        state = store.recover()
        end_sessions(postgres_settings)
        assert store.recover() == state
        with pytest.raises(DatabaseLogInUse):
            PostgresEventStore(postgres_settings)
        store.write(batch(stored_event(2)))


def test_a_session_that_ends_within_a_transaction_leaves_nothing_of_it(
    postgres_settings: PostgresSettings,
) -> None:
    with closing(PostgresEventStore(postgres_settings)) as store:
        store.write(batch(stored_event(1)))
        with ThreadPoolExecutor(1) as threads:
            with held_up(postgres_settings):
                events = [stored_event(2, aggregate_id="x"), stored_event(3)]
                writing = threads.submit(store.write, batch(*events, reader=3))
                until_waiting(postgres_settings)
                end_sessions(postgres_settings)
            with pytest.raises(WriteFailed):
                writing.result()
        assert store.recover().sequence_nr == 1
        assert (numbers(store.read(limit=9)), store.progress("reader")) == ([1], 0)
        assert list(store.aggregate_ids(limit=9)) == []
        store.write(batch(*events))
        assert numbers(store.read(limit=9, aggregate_id="x")) == [2]


def test_a_statement_that_takes_too_long_is_undone_and_the_next_one_works(
    postgres_settings: PostgresSettings,
) -> None:
    hasty = with_(postgres_settings, statement_timeout_s=0.2)
    with closing(PostgresEventStore(hasty)) as store:
        with held_up(postgres_settings), pytest.raises(WriteFailed, match="statement timeout"):
            store.write(batch(stored_event(1), reader=1))
        assert (numbers(store.read(limit=9)), store.progress("reader")) == ([], 0)
        store.write(batch(stored_event(1)))
        assert numbers(store.read(limit=9)) == [1]


def test_a_commit_whose_answer_is_lost_is_found_to_be_there(
    proxy: CommitProxy, through_proxy: PostgresSettings
) -> None:
    with closing(PostgresEventStore(through_proxy)) as store:
        store.write(batch(stored_event(1)))
        proxy.at_commit = AtCommit.LOSE_THE_ANSWER
        with pytest.raises(OutcomeUnknown):
            store.write(batch(stored_event(2, aggregate_id="x"), reader=2))
        assert store.recover().sequence_nr == 2
        assert store.progress("reader") == 2
        store.write(batch(stored_event(3, aggregate_id="x")))
        assert numbers(store.read(limit=9, aggregate_id="x")) == [2, 3]


def test_a_commit_that_did_not_arrive_is_found_to_be_missing(
    proxy: CommitProxy, through_proxy: PostgresSettings
) -> None:
    with closing(PostgresEventStore(through_proxy)) as store:
        store.write(batch(stored_event(1)))
        proxy.at_commit = AtCommit.LOSE_THE_COMMIT
        again = batch(stored_event(2, aggregate_id="x"), reader=2)
        with pytest.raises(OutcomeUnknown):
            store.write(again)
        assert (store.recover().sequence_nr, store.progress("reader")) == (1, 0)
        store.write(again)
        assert numbers(store.read(limit=9, aggregate_id="x")) == [2]


def test_a_commit_that_is_under_way_cannot_arrive_after_recovery(
    proxy: CommitProxy, through_proxy: PostgresSettings
) -> None:
    """The old session still lives at the server, with all of the batch but the commit."""
    with closing(PostgresEventStore(through_proxy)) as store:
        proxy.at_commit = AtCommit.HOLD_THE_COMMIT
        with pytest.raises(OutcomeUnknown):
            store.write(batch(stored_event(1)))
        assert store.recover().sequence_nr == 0
        proxy.let_the_held_commit_go()
        store.write(batch(stored_event(1, payload=b"second try")))
        assert [event.payload for event in store.read(limit=9)] == [b"second try"]


@pytest.mark.parametrize("change", ["mark", "remove"])
def test_the_outcome_of_a_deletion_may_be_unknown_too(
    proxy: CommitProxy, through_proxy: PostgresSettings, change: str
) -> None:
    with closing(PostgresEventStore(through_proxy)) as store:
        store.write(batch(stored_event(1), stored_event(2)))
        proxy.at_commit = AtCommit.LOSE_THE_ANSWER
        with pytest.raises(OutcomeUnknown):
            store.mark_deleted(1) if change == "mark" else store.remove(1, {})
        state = store.recover()
        assert (state.deleted_to, state.removed_to) == ((1, 0) if change == "mark" else (0, 1))


def test_a_server_that_does_not_answer_a_commit_is_not_waited_for_without_a_limit(
    proxy: CommitProxy, through_proxy: PostgresSettings
) -> None:
    with closing(PostgresEventStore(with_(through_proxy, statement_timeout_s=0.1))) as store:
        proxy.at_commit = AtCommit.NEVER_ANSWER
        begin = time.monotonic()
        with pytest.raises(OutcomeUnknown, match="no answer within"):
            store.write(batch(stored_event(1)))
        assert time.monotonic() - begin < 10
        assert store.recover().sequence_nr == 1


def test_a_database_that_is_away_refuses_reads_and_writes_until_it_is_back(
    proxy: CommitProxy, through_proxy: PostgresSettings
) -> None:
    with closing(PostgresEventStore(through_proxy)) as store:
        store.write(batch(stored_event(1)))
        proxy.refuses = True
        proxy.cut()
        for _ in range(2):
            with pytest.raises(WriteFailed):
                store.write(batch(stored_event(2)))
            with pytest.raises(ReadFailed):
                store.read(limit=1)
            with pytest.raises(DatabaseUnavailable):
                store.recover()
        proxy.refuses = False
        store.write(batch(stored_event(2)))
        assert numbers(store.read(limit=9)) == [1, 2]


def test_a_store_that_was_cut_off_does_not_write_beside_the_one_that_took_over(
    proxy: CommitProxy, through_proxy: PostgresSettings, postgres_settings: PostgresSettings
) -> None:
    with closing(PostgresEventStore(through_proxy)) as store:
        store.write(batch(stored_event(1)))
        proxy.refuses = True
        proxy.cut()
        with closing(PostgresEventStore(postgres_settings)) as other:
            other.write(batch(stored_event(2)))
            proxy.refuses = False
            with pytest.raises(WriteFailed):  # the lost connection is found out
                store.write(batch(stored_event(2)))
        for _ in range(2):
            with pytest.raises(LogTakenOver, match="another program"):
                store.write(batch(stored_event(2)))
            with pytest.raises(LogTakenOver, match="another program"):
                store.recover()
    PostgresEventStore(postgres_settings).close()


def test_a_log_that_is_open_is_named_and_others_in_the_database_are_free(
    postgres_settings: PostgresSettings,
) -> None:
    with closing(PostgresEventStore(postgres_settings)) as store:
        with pytest.raises(DatabaseLogInUse, match=postgres_settings.log_name):
            PostgresEventStore(postgres_settings)
        with closing(PostgresEventStore(with_(postgres_settings, log_name="beside"))) as beside:
            beside.write(batch(stored_event(5, aggregate_id="x")))
            store.write(batch(stored_event(1)))
            assert (numbers(store.read(limit=9)), numbers(beside.read(limit=9))) == ([1], [5])
            assert list(store.aggregate_ids(limit=9)) == []


def test_a_log_whose_program_was_killed_can_be_opened_at_once(
    postgres_settings: PostgresSettings,
) -> None:
    program = (
        "import sys\n"
        "from museion.log.postgres.settings import PostgresSettings\n"
        "from museion.log.postgres_store import PostgresEventStore\n"
        "postgres_settings = PostgresSettings(conninfo=sys.argv[1], log_name=sys.argv[2])\n"
        "store = PostgresEventStore(postgres_settings)\n"
        "print('open', flush=True); sys.stdin.read()\n"
    )
    command = [
        sys.executable,
        "-c",
        program,
        postgres_settings.conninfo,
        postgres_settings.log_name,
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(DatabaseLogInUse):
            PostgresEventStore(postgres_settings)
        other.kill()
    PostgresEventStore(postgres_settings).close()


def test_a_wrong_password_is_refused_and_never_told(postgres: RunningPostgres) -> None:
    with psycopg.connect(postgres.conninfo, autocommit=True) as connection:
        connection.execute("CREATE USER guarded PASSWORD 'right'")
    place = f"host=127.0.0.1 port={postgres.port} dbname=postgres user=guarded"
    settings = PostgresSettings(conninfo=f"{place} password=s3cret")

    with pytest.raises(DatabaseUnavailable, match="password authentication failed") as found:
        PostgresEventStore(settings)

    assert f"127.0.0.1:{postgres.port}/postgres" in str(found.value)
    assert "s3cret" not in f"{found.value}{found.value.__cause__}{settings!r}"


def test_a_connection_string_that_is_none_is_not_repeated() -> None:
    with pytest.raises(InvalidPostgresSetting, match="conninfo") as found:
        PostgresEventStore(PostgresSettings(conninfo="host=here s3cret"))
    assert "s3cret" not in str(found.value)
    assert found.value.__cause__ is None


def test_a_place_where_nothing_listens_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = PostgresSettings(conninfo=f"host=127.0.0.1 port={port} dbname=db")
    with pytest.raises(DatabaseUnavailable, match=rf"127\.0\.0\.1:{port}/db .*refused"):
        PostgresEventStore(settings)


def test_a_host_that_says_nothing_is_given_up_within_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        conninfo = f"host=127.0.0.1 port={silent.getsockname()[1]}"
        begin = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match="timeout"):
            PostgresEventStore(PostgresSettings(conninfo=conninfo, connect_timeout_s=2))
        assert 1 < time.monotonic() - begin < 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"log_name": ""},
        {"log_name": "a\0b"},
        {"schema": "x" * 64},
        {"readers": 0},
        {"connect_timeout_s": 0.5},
        {"statement_timeout_s": 0},
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        PostgresSettings(conninfo="", **wrong)  # type: ignore[arg-type] # that is the point


def test_readers_beyond_the_pool_wait_only_so_long(postgres_settings: PostgresSettings) -> None:
    PostgresEventStore(postgres_settings).close()
    pool = ReaderPool(partial(connect, postgres_settings), size=1, wait_s=0.05)
    with closing(pool), ThreadPoolExecutor(1) as threads:
        with held_up(postgres_settings):
            first = threads.submit(pool.rows, "SELECT count(*) >= 0 FROM progress", ())
            until_waiting(postgres_settings)
            with pytest.raises(ReadFailed, match=r"all 1 connections were busy for 0\.05 s"):
                pool.rows("SELECT 1", ())
        assert first.result() == [(True,)]
        assert pool.rows("SELECT 1", ()) == [(1,)]


def test_a_closed_store_says_so(postgres_settings: PostgresSettings) -> None:
    store = PostgresEventStore(postgres_settings)
    store.close()
    with pytest.raises(ReadFailed, match="closed"):
        store.read(limit=1)
    with pytest.raises(WriteFailed, match="closed"):
        store.write(batch(stored_event(1)))


def test_more_aggregates_than_are_remembered_keep_their_numbers(
    postgres_settings: PostgresSettings,
) -> None:
    ids = [f"{number}" for number in range(100_010)]
    many = [
        stored_event(1 + number, destinations=tuple(ids[number * 1_000 :][:1_000]))
        for number in range(101)
    ]
    with closing(PostgresEventStore(postgres_settings)) as store:
        store.write(batch(*many[:1]))
        store.write(batch(*many[1:]))
        store.write(batch(stored_event(200, destinations=("new", "5", "99999"))))
        assert numbers(store.read(limit=9, aggregate_id="5")) == [1, 200]
        assert numbers(store.read(limit=9, aggregate_id="99999")) == [100, 200]
        assert numbers(store.read(limit=9, aggregate_id="new")) == [200]


def with_(settings: PostgresSettings, **changed: object) -> PostgresSettings:
    """Return settings with some of them changed."""
    names = ("conninfo", "log_name", "schema", "connect_timeout_s", "statement_timeout_s")
    kept = {name: getattr(settings, name) for name in names}
    return PostgresSettings(**{**kept, **changed})


def end_sessions(settings: PostgresSettings) -> None:
    """End all sessions that stores have at the server, and wait until they are gone."""
    ended = (
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE application_name = 'museion'"
    )
    with psycopg.connect(settings.conninfo, autocommit=True) as connection:
        assert connection.execute(ended).fetchall()


@contextmanager
def held_up(settings: PostgresSettings) -> Iterator[None]:
    """Hold a lock that whoever asks for progress, or keeps it, comes to wait for."""
    with psycopg.connect(settings.conninfo) as connection:
        connection.execute("LOCK TABLE museion.progress")
        yield
        connection.rollback()


def until_waiting(settings: PostgresSettings) -> None:
    """Wait until a statement of a store waits for a lock."""
    waits = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = 'museion' AND wait_event_type = 'Lock'"
    )
    limit = time.monotonic() + 30
    pause = threading.Event()
    with psycopg.connect(settings.conninfo, autocommit=True) as connection:
        while connection.execute(waits).fetchall() == [(0,)]:
            assert time.monotonic() < limit
            pause.wait(0.005)
