"""Gives orders to an aggregate whose event handler emits an event for each, until it is killed."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from museion.log.event_log import EventLog
from museion.log.event_types import event_type
from museion.log.file_snapshots import FileSnapshotStore
from museion.log.lmdb_store import LmdbEventStore
from museion.log.snapshots import Retention
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.sourced.aggregates import Aggregates


@event_type("test.ordered")
class Ordered(msgspec.Struct, frozen=True):
    number: int


@event_type("test.made")
class Made(msgspec.Struct, frozen=True):
    number: int


class Workshop(Aggregate, name="workshop"):
    ordered = 0
    made = 0

    @command
    async def order(self) -> int:
        await self.persist(Ordered(self.ordered + 1))
        return self.ordered

    @command
    async def look(self) -> tuple[int, int]:
        return self.ordered, self.made

    @handles
    def _ordered(self, event: Ordered) -> None:
        assert event.number == self.ordered + 1, "an order is missing or doubled"
        self.ordered = event.number
        self.persist_on_event(Made(event.number))

    @handles
    def _made(self, event: Made) -> None:
        self.made += 1


def workshops(log: EventLog, folder: Path) -> Aggregates[Workshop]:
    snapshots = FileSnapshotStore(folder / "snapshots")
    return Aggregates(log, Workshop, snapshots=snapshots, retention=Retention(every_events=7))


async def main(folder: Path) -> None:
    log = EventLog(LmdbEventStore(folder / "log"))
    async with workshops(log, folder) as shops:
        shop = await shops.get("one")
        os.write(1, b"begun\n")
        while True:
            os.write(1, b"%d\n" % await shop.order())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
