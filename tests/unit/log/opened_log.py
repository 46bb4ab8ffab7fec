"""An event log that is open for a test, and ways to steer and read it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from museion.log.event import (
    Event,
    NewEvent,
)
from museion.log.event_log import (
    BatchLimits,
    EventLog,
    WritePolicy,
)
from museion.log.event_store import EventStore
from museion.log.memory_store import MemoryEventStore
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import until
from museion.testing.steered_store import SteeredStore


def new(payload: bytes = b"", *, emitter_id: str = "emitter", **more: object) -> NewEvent:
    fields = {"type_name": "test.happened", "payload": payload, "emitter_id": emitter_id, **more}
    return NewEvent(**fields)  # type: ignore[arg-type]  # fields of several types


def steered() -> SteeredStore:
    return SteeredStore(MemoryEventStore(log_id="here"))


@asynccontextmanager
async def opened(
    store: EventStore | None = None,
    limits: BatchLimits | None = None,
    policy: WritePolicy | None = None,
) -> AsyncIterator[EventLog]:
    """Open a log in memory, or on a store; a failed write is not tried again unless asked for."""
    log = EventLog(
        store or MemoryEventStore(log_id="here"),
        limits=limits,
        policy=policy or WritePolicy(retries=0, open_after_retries=1000),
    )
    try:
        yield log
    finally:
        await log.close()


async def held_up(log: EventLog, store: SteeredStore) -> asyncio.Task[list[Event]]:
    """Let a first request hang in the store, so that all that follow have to wait."""
    store.before_write.clear()
    first = asyncio.create_task(log.append([new(b"first")]))
    await until(lambda: store.writes_begun == 1)
    return first


async def read_up_to(log: EventLog, last: int, *, after: int = 0) -> list[int]:
    """Follow the log until an event has come."""
    seen = [after]
    async with aclosing(log.follow(after)) as batches:
        while seen[-1] < last:
            seen += numbers(await anext(batches))
    return seen[1:]


def counted(log: EventLog) -> tuple[int, int, int]:
    """Return how many requests, groups and events were written; nothing waits."""
    done = log.statistics
    assert done.pending_requests == 0
    return done.requests, done.groups, done.events
