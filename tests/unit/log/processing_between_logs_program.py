"""Adds payments to one log and processes them into two others until it is killed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.log.sourced.processor import ProcessorRunner
from museion.log.sourced.stateful_processor import StatefulProcessorRunner
from museion.testing.event_loop import until


class Receipts:
    """Stateless: gives payment number n its n % 4 receipts."""

    name = "receipts"
    handles = frozenset({"paid"})

    async def process(self, event: Event) -> Sequence[NewEvent]:
        return [
            NewEvent(
                type_name="receipt", payload=b"%s %d" % (event.payload, place), emitter_id=self.name
            )
            for place in range(int(event.payload) % 4)
        ]


class Totals:
    """Stateful: gives payment number n its n % 3 statements of the sum of all numbers so far."""

    name = "totals"
    handles = frozenset({"paid"})

    def __init__(self) -> None:
        self._total = 0

    def process(self, event: Event) -> Sequence[NewEvent]:
        self._total += int(event.payload)
        return [
            NewEvent(type_name="total", payload=b"%d" % self._total, emitter_id=self.name)
            for _ in range(int(event.payload) % 3)
        ]


def due_receipts(payments: int) -> list[bytes]:
    return [b"%d %d" % (nr, place) for nr in range(1, payments + 1) for place in range(nr % 4)]


def due_totals(payments: int) -> list[bytes]:
    return [
        b"%d" % (nr * (nr + 1) // 2) for nr in range(1, payments + 1) for _place in range(nr % 3)
    ]


@dataclass(frozen=True, slots=True)
class Site:
    source: EventLog
    first: EventLog
    second: EventLog
    receipts: ProcessorRunner
    totals: StatefulProcessorRunner

    async def close(self) -> None:
        for log in (self.source, self.first, self.second):
            await log.close()


def opened_site(folder: Path) -> Site:
    source, first, second = (
        EventLog(LmdbEventStore(folder / name)) for name in ("source", "first", "second")
    )
    return Site(
        source,
        first,
        second,
        ProcessorRunner(source, Receipts(), target=first, window=8),
        StatefulProcessorRunner(source, Totals, target=second, max_batch_events=3),
    )


async def add_payments(site: Site, random: Random) -> None:
    """Add payments, never far ahead of what follows from them: every kill meets work under way."""
    payments = site.source.progress("till")
    while True:
        size = random.randint(1, 6)
        new = [
            NewEvent(type_name="paid", payload=b"%d" % number, emitter_id="till")
            for number in range(payments + 1, payments + 1 + size)
        ]
        payments += size
        await site.source.append(new, progress={"till": payments})
        near = site.source.sequence_nr - 30
        await until(lambda: min(site.receipts.position, site.totals.position) >= near)  # noqa: B023


async def main(folder: Path, seed: int) -> None:
    site = opened_site(folder)
    os.write(1, b"begun\n")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(site.receipts.run())
        tasks.create_task(site.totals.run())
        tasks.create_task(add_payments(site, Random(seed)))  # noqa: S311 (repeatable)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
