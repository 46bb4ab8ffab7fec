"""Appends batches until it is killed; prints each batch that was acknowledged.

A batch of an emitter is a run of events whose payloads say: emitter, number of the batch, place in
it, size of it. The emitter's progress, written with it, is the number of the batch.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from random import Random

from museion.log.event import NewEvent
from museion.log.event_log import BatchLimits, EventLog
from museion.log.lmdb_store import LmdbEventStore

EMITTERS = 4


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


async def emit(log: EventLog, emitter: str, random: Random) -> None:
    batch_nr = log.progress(emitter)
    while True:
        batch_nr += 1
        events = events_of(emitter, batch_nr, random.randint(1, 8))
        await log.append(events, progress={emitter: batch_nr})
        os.write(1, f"{emitter} {batch_nr}\n".encode())


async def main(folder: Path, seed: int) -> None:
    log = EventLog(LmdbEventStore(folder), limits=BatchLimits(max_batch_events=16))
    os.write(1, b"begun\n")
    async with asyncio.TaskGroup() as tasks:
        for number in range(EMITTERS):
            tasks.create_task(emit(log, f"emitter-{number}", Random(seed + number)))  # noqa: S311


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
