"""Several logs with a pure CRDT on each, linked and cut as a test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import permutations
from typing import Any, TypeAlias

from museion.log.crdt.pure.pure_crdt import PureCrdt
from museion.log.crdt.pure.service import PureCrdtService
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.link import pull_all
from museion.log.snapshots import SnapshotStore
from museion.testing.event_loop import until

AnyService: TypeAlias = PureCrdtService[Any, Any, Any]


@asynccontextmanager
async def logs(*names: str) -> AsyncIterator[list[EventLog]]:
    """Open a log in memory for each name."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(EventLog(MemoryEventStore(log_id=name)))
            for name in names
        ]


@asynccontextmanager
async def services(
    crdt: PureCrdt[Any, Any, Any],
    *logs: EventLog,
    locations: Sequence[str] | None = None,
    snapshots: SnapshotStore | None = None,
) -> AsyncIterator[list[AnyService]]:
    """Run a service on each log; all of them are founders, unless said otherwise."""
    founders = locations or [log.log_id for log in logs]
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                PureCrdtService(log, crdt, locations=founders, snapshots=snapshots)
            )
            for log in logs
        ]


async def exchange(*logs: EventLog) -> None:
    """Bring all events to all logs."""
    while any([await pull_all(one, other) for one, other in permutations(logs, 2)]):
        pass


async def acknowledged(services: Sequence[AnyService], logs: Sequence[EventLog]) -> None:
    """Let all hear of all; return when they have handled it."""
    await exchange(*logs)
    await handled(services, logs)
    for each in services:
        await each.acknowledge()
    await exchange(*logs)
    await handled(services, logs)


async def handled(services: Sequence[AnyService], logs: Sequence[EventLog]) -> None:
    """Wait until each service has handled all that its log has."""
    pairs = list(zip(services, logs, strict=True))
    await until(lambda: all(each.position == log.sequence_nr for each, log in pairs))
