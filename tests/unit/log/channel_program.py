"""Enqueues numbers in a reliable channel that delivers them to a file until it is killed."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from random import Random

from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.log.sourced.delivery.outbox import ReliableChannel
from museion.log.sourced.delivery.redelivery import Delivery, DeliveryKey, Destination, OutboxPolicy
from museion.testing.event_loop import until

POLICY = OutboxPolicy(redelivery_delay_s=0.001, max_redeliveries=1000)


class FileEnd:
    """Writes what arrives to a file; fails before, or after it, now and then."""

    def __init__(self, folder: Path, random: Random, *, failures: float) -> None:
        self._random = random
        self._failures = failures
        self._file = os.open(folder / "arrived", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def __call__(self, delivery: Delivery[int]) -> None:
        await self._pass_or_fail()
        os.write(self._file, b"%d\n" % delivery.message)
        await self._pass_or_fail()

    async def _pass_or_fail(self) -> None:
        await asyncio.sleep(self._random.uniform(0.0, 0.002))
        if self._random.random() < self._failures:
            raise ConnectionError("the line is down")


def opened_channel(log: EventLog, end: FileEnd) -> ReliableChannel[int]:
    return ReliableChannel(log, "numbers", Destination("file", int, end), POLICY)


async def enqueue(channel: ReliableChannel[int], random: Random) -> None:
    """Enqueue all numbers from 1 on, as a sender does that replays: those of old are recognised."""
    number = 0
    while True:
        number += 1
        if await channel.enqueue(number, cause=DeliveryKey(number)):
            os.write(1, b"%d\n" % number)
            await asyncio.sleep(random.uniform(0.0, 0.002))
            await until(lambda: channel.pending < 20)


async def main(folder: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311 (repeatable)
    log = EventLog(LmdbEventStore(folder / "log"))
    channel = opened_channel(log, FileEnd(folder, random, failures=0.1))
    os.write(1, b"begun\n")
    channel.activate()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(channel.run())
        tasks.create_task(enqueue(channel, random))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
