"""Museion's aggregates: commands and recovery, one measured round a process."""

from __future__ import annotations

import asyncio
import time

from log_bench.events import drawn
from log_bench.measured import Measured, Round, answer, prepared
from log_bench.typed import TYPES, LooseOrder, Order

from museion.log.event_log import EventLog
from museion.log.file_snapshots import FileSnapshotStore
from museion.log.lmdb_store import LmdbEventStore
from museion.log.sourced.aggregates import Aggregates

_OLD = 5
"""Events behind the snapshot of an aggregate that is recovered from one."""


def main() -> None:
    """Carry out the round that the command line asks for."""
    answer(
        {
            "command": lambda asked: asyncio.run(command(asked)),
            "recover": lambda asked: asyncio.run(recover(asked)),
        }
    )


async def command(asked: Round) -> Measured:
    """Commands a second, one event each, all sent at once to `emitters` aggregates.

    The variant `loose` has state sync off.
    """
    kind = LooseOrder if asked.variant == "loose" else Order
    work = prepared(each.payload for each in drawn(asked.events))
    log = EventLog(LmdbEventStore(asked.folder))
    try:
        async with Aggregates(log, kind, types=TYPES, max_waiting=asked.events) as orders:
            live = [await orders.get(str(number)) for number in range(asked.emitters)]
            started = time.perf_counter()
            async with asyncio.TaskGroup() as commands:
                for number, payload in enumerate(work):
                    commands.create_task(live[number % len(live)].change_line(payload))
            seconds = time.perf_counter() - started
        groups = log.statistics.groups
        assert log.sequence_nr == asked.events
    finally:
        await log.close()
    return Measured(asked.events / seconds, {"events_a_group": asked.events / groups})


async def recover(asked: Round) -> Measured:
    """Milliseconds to recover one aggregate; with the variant `snapshot`, from one near its end."""
    work = [each.payload for each in drawn(asked.events)]
    snapshots = FileSnapshotStore(asked.folder / "snapshots")
    log = EventLog(LmdbEventStore(asked.folder))
    try:
        async with Aggregates(log, Order, types=TYPES, snapshots=snapshots) as orders:
            order = await orders.get("one")
            await order.change_lines(work[:-_OLD])
            if asked.variant == "snapshot":
                await order.keep()
            await order.change_lines(work[-_OLD:])
            expected = await order.total()
        times: list[float] = []
        for _ in range(asked.asked):
            async with Aggregates(log, Order, types=TYPES, snapshots=snapshots) as orders:
                started = time.perf_counter()
                found = await orders.get("one")
                times.append(time.perf_counter() - started)
                assert await found.total() == expected
    finally:
        await log.close()
    return Measured(1000 * sorted(times)[len(times) // 2])


if __name__ == "__main__":
    main()
