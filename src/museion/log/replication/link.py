"""Two logs in one process, linked: what one writes, the other takes over, in causal order.

For programs that keep several logs side by side, and for tests. Between machines the same steps run
over a network.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from museion.log.deletion import KEPT_FOR
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.replication.reading import Filter, ReadLimits, read_for_replication

PROGRESS = "museion.replicated-from:"
"""Prefix of the name under which a log keeps how far it has read another one."""

READ_BY = "museion.replicated-to:"
"""Prefix of the name under which a log keeps how far another one has read it.

It is kept where events were deleted with `keep_for=[READ_BY + log_id]` only: they are removed once
the other log has them.
"""


async def pull(
    source: EventLog,
    target: EventLog,
    *,
    may_leave: Filter | None = None,
    limits: ReadLimits | None = None,
) -> list[Event]:
    """Take over the next events of `source`, and return those that were new to `target`.

    Events and progress are one batch. The progress moves on over events that were known or filtered
    out, too. Repeat it until `source` has nothing left: until the progress stands at its end.

    Raises:
        Unavailable: a log cannot be read or written now; nothing of this step was kept.
    """
    name = PROGRESS + source.log_id
    after = target.progress(name)
    found = await read_for_replication(
        source, after=after, known=target.version, may_leave=may_leave, limits=limits
    )
    taken: list[Event] = []
    if found.scanned_to > after:
        taken = await target.append_replicated(found.events, progress={name: found.scanned_to})
    await _tell(source, READ_BY + target.log_id, found.scanned_to)
    return taken


async def _tell(source: EventLog, reader: str, position: int) -> None:
    """Let the source know that it may remove what it kept for a reader."""
    if source.progress(reader) < min(position, source.progress(KEPT_FOR + reader)):
        await source.append([], progress={reader: position})
        source.deletion.look_again()


async def pull_all(
    source: EventLog, target: EventLog, *, may_leave: Filter | None = None
) -> list[Event]:
    """Take over everything that `source` has now. Raises as `pull`."""
    end = source.sequence_nr
    taken = await pull(source, target, may_leave=may_leave)
    while target.progress(PROGRESS + source.log_id) < end:
        taken += await pull(source, target, may_leave=may_leave)
    return taken


async def replicate(source: EventLog, target: EventLog, *, may_leave: Filter | None = None) -> None:
    """Let `target` follow `source` until cancelled or until one of them is closed."""
    after = min(target.progress(PROGRESS + source.log_id), source.sequence_nr)
    async with aclosing(source.follow(after)) as grown:
        async for _ in grown:
            await pull_all(source, target, may_leave=may_leave)


@asynccontextmanager
async def linked(first: EventLog, second: EventLog) -> AsyncIterator[None]:
    """Let two logs follow each other while the `with` statement runs; its end is a cut line."""
    tasks = [
        asyncio.create_task(replicate(first, second)),
        asyncio.create_task(replicate(second, first)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
