"""Orders parcels and has them delivered to a file, which stands for the outside, until killed.

With `hang` the destination takes the first parcel and never returns: the crash comes in between.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

from shipping import Parcel, PostOffice, Shop, shop

from museion.log.event_log import EventLog
from museion.log.file_snapshots import FileSnapshotStore
from museion.log.lmdb_store import LmdbEventStore
from museion.log.sourced.delivery.deliveries import Delivery, DeliveryPolicy

QUICK = DeliveryPolicy(first_delay_s=0.002, longest_delay_s=0.02, park_after=10_000)


class FilePost(PostOffice):
    """Writes each parcel that arrives to a file; loses some of them."""

    def __init__(self, folder: Path, random: Random, *, hang: bool) -> None:
        super().__init__()
        self._random = random
        self._hang = hang
        self._file = os.open(folder / "arrived", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def __call__(self, delivery: Delivery[Parcel]) -> None:
        if self._random.random() < 0.3 and not self._hang:
            raise ConnectionError("the parcel is lost")
        os.write(self._file, b"%s\n" % delivery.message.item.encode())
        if self._hang:
            os.write(1, b"arrived\n")
            await asyncio.Event().wait()
        await asyncio.sleep(self._random.uniform(0.0, 0.005))


async def order(corner: Shop, first: int, random: Random, end: int | None) -> None:
    number = first
    while end is None or number < end:
        await corner.order(str(number))
        number += 1
        if number % 10 == 0:
            await corner.save()
        await asyncio.sleep(random.uniform(0.0, 0.004))


async def main(folder: Path, mode: str, seed: int) -> None:
    random = Random(seed)  # noqa: S311 (repeatable)
    log = EventLog(LmdbEventStore(folder / "log"))
    post = FilePost(folder, random, hang=mode == "hang")
    snapshots = FileSnapshotStore(folder / "snapshots")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(log.close)
        corner = await stack.enter_async_context(shop(log, post, QUICK, snapshots=snapshots))
        os.write(1, b"begun\n")
        ordered = len(await corner.look()) + len(await corner.unconfirmed())
        if mode == "catch-up":
            while await corner.unconfirmed():  # noqa: ASYNC110 (it is asked)
                await asyncio.sleep(0.001)
        else:
            await order(corner, ordered, random, 1 if mode == "hang" else None)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
