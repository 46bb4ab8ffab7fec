"""Adds photos and captions them with a processor until it is killed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.log.sourced.processor import ProcessorRunner
from museion.testing.event_loop import until


class Captions:
    """Gives photo number n its n % 4 captions, after a time that differs from photo to photo."""

    name = "captions"
    handles = frozenset({"photo.added"})

    def __init__(self, random: Random, *, longest_s: float) -> None:
        self._random = random
        self._longest_s = longest_s

    async def process(self, event: Event) -> Sequence[NewEvent]:
        await asyncio.sleep(self._random.uniform(0.0, self._longest_s))
        return [
            NewEvent(
                type_name="photo.captioned",
                payload=b"%s %d" % (event.payload, place),
                emitter_id=self.name,
            )
            for place in range(captions_of(int(event.payload)))
        ]


def captions_of(photo_nr: int) -> int:
    return photo_nr % 4


async def add_photos(log: EventLog, captions: ProcessorRunner, random: Random) -> None:
    """Add photos, never far ahead of their captions, so that every kill meets work under way."""
    photo_nr = log.progress("photos")
    while True:
        size = random.randint(1, 6)
        photos = [
            NewEvent(type_name="photo.added", payload=b"%d" % number, emitter_id="photos")
            for number in range(photo_nr + 1, photo_nr + 1 + size)
        ]
        photo_nr += size
        await log.append(photos, progress={"photos": photo_nr})
        await until(lambda: captions.position >= log.sequence_nr - 30)


async def main(folder: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311 (repeatable)
    log = EventLog(LmdbEventStore(folder))
    captions = ProcessorRunner(log, Captions(random, longest_s=0.004), window=8)
    os.write(1, b"begun\n")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(captions.run())
        tasks.create_task(add_photos(log, captions, random))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
