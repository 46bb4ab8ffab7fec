"""Damages frames in PostgreSQL at random, one at a time, and reads the log."""

from __future__ import annotations

import asyncio
from contextlib import closing
from random import Random

import psycopg
import pytest
from damaged_copies import sample

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.event_store import DamagedEvent
from museion.log.postgres.settings import PostgresSettings
from museion.log.postgres_store import PostgresEventStore

EVENTS = 50


def damage_rows(conninfo: str, *, schema: str, seed: int, times: int) -> int:
    """Flip a bit of a frame, or cut it; return how often the right event was named."""
    random = Random(seed)  # noqa: S311 (repeatable)
    settings = PostgresSettings(conninfo=conninfo, schema=schema)
    written = asyncio.run(_make_log(settings))
    named = 0
    with (
        closing(PostgresEventStore(settings)) as store,
        psycopg.connect(conninfo, autocommit=True) as beside,
    ):
        beside.execute(f"SET search_path TO {schema}".encode())  # a name of the test's own
        for _ in range(times):
            number = random.randint(1, EVENTS)
            row = beside.execute("SELECT frame FROM events WHERE sequence_nr = %s", (number,))
            ((frame,),) = row.fetchall()
            _set(beside, number, _damaged(frame, random))
            named += _names(store, number, written)
            _set(beside, number, frame)
        assert list(store.read(limit=EVENTS)) == written
    return named


async def _make_log(settings: PostgresSettings) -> list[Event]:
    log = EventLog(PostgresEventStore(settings))
    written = await log.append([sample(number) for number in range(EVENTS)])
    await log.close()
    return written


def _damaged(frame: bytes, random: Random) -> bytes:
    if random.random() < 1 / 4:
        return frame[: random.randrange(len(frame))]
    flipped = bytearray(frame)
    flipped[random.randrange(len(frame))] ^= 1 << random.randrange(8)
    return bytes(flipped)


def _set(beside: psycopg.Connection[tuple[bytes]], number: int, frame: bytes) -> None:
    beside.execute("UPDATE events SET frame = %s WHERE sequence_nr = %s", (frame, number))


def _names(store: PostgresEventStore, number: int, written: list[Event]) -> bool:
    """Read around the damaged event, and over it."""
    assert list(store.read(limit=number - 1)) == written[: number - 1] if number > 1 else True
    assert list(store.read(after=number, limit=EVENTS)) == written[number:]
    for aggregate_id in (None, "all"):
        with pytest.raises(DamagedEvent) as damaged:
            store.read(limit=EVENTS, aggregate_id=aggregate_id)
        assert damaged.value.sequence_nr == number
    return True
