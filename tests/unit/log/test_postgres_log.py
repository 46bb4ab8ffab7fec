"""A log in PostgreSQL: it appends and follows, and comes through what its database goes through."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence

import psycopg
import pytest
from commit_proxy import AtCommit, CommitProxy
from opened_log import new, opened

from museion.log.circuit_breaker import WritePolicy
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.event_store import WriteFailed
from museion.log.group_commit import AcknowledgedEventsLost
from museion.log.log_errors import LogDefect, LogUnavailable
from museion.log.postgres.settings import LogTakenOver, PostgresSettings
from museion.log.postgres_store import PostgresEventStore
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import in_event_loop, until

pytest_plugins = ["postgres_fixtures"]

PATIENT = WritePolicy(retries=200, longest_delay_s=0.1, open_after_retries=1_000)


@in_event_loop
async def test_a_log_appends_and_is_read_by_aggregate_and_again_when_opened_anew(
    postgres_settings: PostgresSettings,
) -> None:
    async with opened(PostgresEventStore(postgres_settings)) as log:
        first = await log.append([new(b"1", aggregate_id="x")], progress={"reader": 4})
        second = await log.append([new(b"2"), new(b"3", destinations=("x",))])
        log_id, version = log.log_id, log.version
    async with opened(PostgresEventStore(postgres_settings)) as log:
        assert (log.log_id, log.version, log.progress("reader")) == (log_id, version, 4)
        assert list(await log.read()) == [*first, *second]
        assert list(await log.read(aggregate_id="x")) == [*first, second[1]]
        assert list(await log.aggregate_ids()) == ["x"]


@in_event_loop
async def test_a_follower_sees_what_was_there_and_what_comes(
    postgres_settings: PostgresSettings,
) -> None:
    async with opened(PostgresEventStore(postgres_settings)) as log:
        await log.append([new(b"%d" % number) for number in range(3)])
        subscription = log.subscribe()
        seen = list(await subscription.next())
        await log.append([new(b"3")])
        while len(seen) < 4:
            seen += await subscription.next()
        subscription.close()
        assert [event.payload for event in seen] == [b"0", b"1", b"2", b"3"]


@pytest.mark.parametrize(
    "at_commit", [AtCommit.LOSE_THE_ANSWER, AtCommit.LOSE_THE_COMMIT, AtCommit.HOLD_THE_COMMIT]
)
def test_a_commit_of_unknown_outcome_ends_as_one_event(
    proxy: CommitProxy, through_proxy: PostgresSettings, at_commit: AtCommit
) -> None:
    @in_event_loop
    async def append_over_a_cut() -> None:
        async with opened(PostgresEventStore(through_proxy), policy=PATIENT) as log:
            await log.append([new(b"1")])
            proxy.at_commit = at_commit
            (second,) = await log.append([new(b"2")], progress={"reader": 2})
            if proxy.held is not None:
                proxy.let_the_held_commit_go()
            (third,) = await log.append([new(b"3")])
            found = await log.read()
            assert [event.payload for event in found] == [b"1", b"2", b"3"]
            assert list(found)[1:] == [second, third]
            assert log.progress("reader") == 2

    append_over_a_cut()


@in_event_loop
async def test_while_the_database_is_away_writes_are_refused_and_later_go_on(
    proxy: CommitProxy, through_proxy: PostgresSettings
) -> None:
    policy = WritePolicy(retries=2, first_delay_s=0.01, open_after_retries=1, probe_after_s=0.05)
    async with opened(PostgresEventStore(through_proxy), policy=policy) as log:
        await log.append([new(b"1")])
        proxy.refuses = True
        proxy.cut()
        with pytest.raises(WriteFailed):
            await log.append([new(b"lost")])
        with pytest.raises(LogUnavailable):
            await log.append([new(b"refused")])
        proxy.refuses = False
        await _as_soon_as_it_lets(log, b"2")
        assert [event.payload for event in await log.read()] == [b"1", b"2"]


@in_event_loop
async def test_a_log_that_was_taken_over_meanwhile_stops(
    proxy: CommitProxy, through_proxy: PostgresSettings, postgres_settings: PostgresSettings
) -> None:
    async with opened(PostgresEventStore(through_proxy), policy=PATIENT) as log:
        await log.append([new(b"1")])
        proxy.refuses = True
        proxy.cut()
        other = await asyncio.to_thread(PostgresEventStore, postgres_settings)
        other.close()
        proxy.refuses = False
        with pytest.raises(LogDefect) as stopped:
            await log.append([new(b"2")])
        assert isinstance(stopped.value.__cause__, LogTakenOver)


@in_event_loop
async def test_a_log_stops_when_the_database_comes_back_without_acknowledged_events(
    proxy: CommitProxy, through_proxy: PostgresSettings
) -> None:
    """As after a failover to a standby that lagged behind."""
    async with opened(PostgresEventStore(through_proxy), policy=PATIENT) as log:
        await log.append([new(b"1"), new(b"2")])
        proxy.cut()
        with psycopg.connect(through_proxy.conninfo, autocommit=True) as connection:
            forget = "UPDATE museion.logs SET sequence_nr = 1 WHERE name = %s"
            assert connection.execute(forget, (through_proxy.log_name,)).rowcount == 1
        with pytest.raises(LogDefect) as stopped:
            await log.append([new(b"3")])
        assert isinstance(stopped.value.__cause__, AcknowledgedEventsLost)


@in_event_loop
async def test_a_crash_of_the_server_loses_no_event_and_doubles_none(
    postgres_settings: PostgresSettings,
) -> None:
    """A session is killed three times, upon which the server ends all and replays its own log."""
    written: list[Event] = []

    async def keep_appending(log: EventLog) -> None:
        while True:
            number = len(written)
            written.extend(await log.append([new(b"%d" % number), new(b"%d" % (number + 1))]))

    async with opened(PostgresEventStore(postgres_settings), policy=PATIENT) as log:
        appending = asyncio.create_task(keep_appending(log))
        for _ in range(3):
            count = len(written)
            await until(lambda count=count: len(written) > count + 20)  # type: ignore[misc]
            await asyncio.to_thread(_kill_the_writing_session, postgres_settings)
        count = len(written)
        await until(lambda: len(written) > count + 20)
        appending.cancel()
        await asyncio.wait([appending])
        await log.append([new(b"the last")])  # what was under way when it was cancelled is before
        found = await _all(log)

    assert found[: len(written)] == written
    payloads = [event.payload for event in found[:-1]]
    assert payloads == [b"%d" % number for number in range(len(payloads))]


async def _as_soon_as_it_lets(log: EventLog, payload: bytes) -> None:
    while True:
        try:
            await log.append([new(payload)])
        except (WriteFailed, LogUnavailable):
            await asyncio.sleep(0.01)
        else:
            return


async def _all(log: EventLog) -> list[Event]:
    found: list[Event] = []
    while page := await log.read(after=_last(found)):
        found += page
    assert numbers(found) == sorted(numbers(found))
    return found


def _last(events: Sequence[Event]) -> int:
    return events[-1].sequence_nr if events else 0


def _kill_the_writing_session(settings: PostgresSettings) -> None:
    query = (
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"
        " AND objid = (SELECT log FROM museion.logs WHERE name = %s)"
    )
    with psycopg.connect(settings.conninfo, autocommit=True) as connection:
        ((pid,),) = connection.execute(query, (settings.log_name,)).fetchall()
    os.kill(pid, signal.SIGKILL)
