"""The writer recipe with a real PostgreSQL, whose connections break in the middle of writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import psycopg
import pytest
from opened_log import new, opened

from museion.base.retry import RetryPolicy
from museion.log.event import Event
from museion.log.event_log import BatchLimits
from museion.log.sourced.writer import WriterRunner
from museion.testing.event_loop import in_event_loop, until
from museion.testing.postgres import RunningPostgres

pytest_plugins = ["postgres_fixtures"]

QUICK = RetryPolicy(first_delay_s=0.01, longest_delay_s=0.01)
SEED = 20240615


class PostgresWriter:
    """Keeps one row for each event; rows and progress in one transaction."""

    def __init__(self, conninfo: str, table: str) -> None:
        self._conninfo = conninfo
        self._table = table
        self._rows: list[tuple[str]] = []
        self._position = 0
        self._database: psycopg.AsyncConnection | None = None

    async def read(self) -> int | None:
        self._database = await psycopg.AsyncConnection.connect(
            self._conninfo, connect_timeout=10, application_name=self._table
        )
        await self._database.execute("SET statement_timeout = '10s'")
        await self._database.execute(f"CREATE TABLE IF NOT EXISTS {self._table} (payload text)")
        await self._database.execute(
            "CREATE TABLE IF NOT EXISTS progress (name text PRIMARY KEY, position bigint NOT NULL)"
        )
        found = await self._database.execute(
            "SELECT position FROM progress WHERE name = %s", (self._table,)
        )
        row = await found.fetchone()
        await self._database.commit()
        return None if row is None else row[0] + 1

    def handle(self, event: Event) -> None:
        self._rows.append((event.payload.decode(),))
        self._position = event.sequence_nr

    async def write(self) -> None:
        assert self._database is not None
        async with self._database.transaction():
            cursor = self._database.cursor()
            await cursor.executemany(
                f"INSERT INTO {self._table} VALUES (%s)",  # noqa: S608 (a name of the test)
                self._rows,
            )
            await cursor.execute(
                "INSERT INTO progress VALUES (%s, %s)"
                " ON CONFLICT (name) DO UPDATE SET position = excluded.position",
                (self._table, self._position),
            )
        self._rows.clear()

    async def close(self) -> None:
        if self._database is not None:
            await self._database.close()


@asynccontextmanager
async def running(runner: WriterRunner[PostgresWriter]) -> AsyncIterator[None]:
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize("kills", [0, 25])
@in_event_loop
async def test_a_lost_connection_loses_no_row_and_doubles_none(
    postgres: RunningPostgres, kills: int
) -> None:
    table = f"rows_{kills}"
    random = Random(SEED)  # noqa: S311 (repeatable)
    async with (
        opened(limits=BatchLimits(replay_batch_events=3)) as log,
        await psycopg.AsyncConnection.connect(postgres.conninfo, autocommit=True) as other,
    ):
        runner = WriterRunner(
            log, lambda: PostgresWriter(postgres.conninfo, table), name=table, retry=QUICK
        )
        async with running(runner):
            number = terminated = 0
            while terminated < kills or number < 50:
                await log.append([new(b"%d" % (number + place)) for place in range(4)])
                number += 4
                if terminated < kills:
                    await asyncio.sleep(random.uniform(0.0, 0.02))  # a random moment of the work
                    ended = await other.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE application_name = %s",
                        (table,),
                    )
                    terminated += len(await ended.fetchall())
            await until(lambda: runner.position == log.sequence_nr)
        found = await other.execute(f"SELECT payload::int FROM {table} ORDER BY 1")  # noqa: S608 (a name of the test)
        assert [row[0] for row in await found.fetchall()] == list(range(number))
