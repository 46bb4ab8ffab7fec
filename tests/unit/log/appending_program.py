"""Writes to a log in several ways at once until it is killed; prints what was acknowledged.

    appending_program.py STORE PLACE SEED ACTIVITIES [FAR]

STORE is `lmdb` with a folder as its place, or `postgres` with a connection string and the schema,
parted by `|`. ACTIVITIES are parted by commas:

append     emitters append batches. A batch is a run of events whose payloads say: emitter, number
           of the batch, place in it, size of it. The emitter's progress, written with it, is the
           number of the batch. Prints `emitter-N BATCH`.
delete     events that were there at the start are deleted, and removed meanwhile. Prints
           `deleted NUMBER`.
replicate  events of the log in the folder FAR come in, some of them again; progress `far` says how
           many came. That log grows as needed. Prints `far NUMBER`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from random import Random

from museion.log.event import NewEvent
from museion.log.event_log import BatchLimits, EventLog, WritePolicy
from museion.log.event_store import EventStore
from museion.log.lmdb_store import LmdbEventStore

EMITTERS = ("emitter-0", "emitter-1", "emitter-2", "emitter-3")
PATIENT = WritePolicy(retries=1 << 20, longest_delay_s=0.1, open_after_retries=1 << 20)
"""Waits for a server that is started again."""

KEPT_EVENTS = 20
"""So many events of those found at the start are not deleted."""


def opened_store(kind: str, place: str) -> EventStore:
    if kind == "lmdb":
        return LmdbEventStore(Path(place))
    from museion.log.postgres.settings import PostgresSettings
    from museion.log.postgres_store import PostgresEventStore

    conninfo, schema = place.split("|")
    return PostgresEventStore(PostgresSettings(conninfo=conninfo, schema=schema))


def events_of(emitter: str, batch_nr: int, size: int) -> list[NewEvent]:
    return [
        NewEvent(
            type_name="test.happened",
            payload=f"{emitter} {batch_nr} {place} {size}".encode(),
            emitter_id=emitter,
            aggregate_id=emitter,
            destinations=("all",),
        )
        for place in range(size)
    ]


async def emit(log: EventLog, emitter: str, batch_nr: int, random: Random) -> None:
    while True:
        batch_nr += 1
        events = events_of(emitter, batch_nr, random.randint(1, 8))
        await log.append(events, progress={emitter: batch_nr})
        tell(emitter, batch_nr)


async def delete(log: EventLog, random: Random) -> None:
    deletable_to = log.sequence_nr - KEPT_EVENTS
    while log.deleted_to < deletable_to:
        to = min(log.deleted_to + random.randint(1, 150), deletable_to)
        tell("deleted", await log.delete(to))


async def replicate(log: EventLog, far: EventLog, position: int, random: Random) -> None:
    while True:
        size = random.randint(1, 20)
        while far.sequence_nr < position + size:
            await far.append(events_of("far", far.sequence_nr, 100))
        again = min(position, random.choice([0, 0, 3]))
        events = await far.read(after=position - again, limit=size + again)
        position = events[-1].sequence_nr
        await log.append_replicated(events, progress={"far": position})
        tell("far", position)


def tell(what: str, number: int) -> None:
    os.write(1, f"{what} {number}\n".encode())


async def main(kind: str, place: str, seed: int, activities: list[str], far: Path | None) -> None:
    log = EventLog(
        opened_store(kind, place), limits=BatchLimits(max_batch_events=16), policy=PATIENT
    )
    far_log = EventLog(LmdbEventStore(far)) if far is not None else None
    # From here on it only writes: a server that is killed lets reads fail, but no write.
    positions = {name: log.progress(name) for name in ("far", *EMITTERS)}
    os.write(1, b"begun\n")
    random = Random(seed)  # noqa: S311 (repeatable)
    async with asyncio.TaskGroup() as tasks:
        if "append" in activities:
            for emitter in EMITTERS:
                own = Random(random.random())  # noqa: S311 (repeatable)
                tasks.create_task(emit(log, emitter, positions[emitter], own))
        if "delete" in activities:
            tasks.create_task(delete(log, random))
        if far_log is not None:
            tasks.create_task(replicate(log, far_log, positions["far"], random))


if __name__ == "__main__":
    KIND, PLACE, SEED, ACTIVITIES, *FAR = sys.argv[1:]
    asyncio.run(main(KIND, PLACE, int(SEED), ACTIVITIES.split(","), Path(FAR[0]) if FAR else None))
