"""Long films and recordings in many short tasks: none is longer than a worker may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from museion.archive.enrichment.worker_pool import WorkerPool

T = TypeVar("T")
P = TypeVar("P")

_LONGEST_TASK_S = 10.0
_SHARE_OF_LIMIT = 0.25
_AT_ONCE = 2


def task_time_s(pool: WorkerPool) -> float:
    """Return after how much work a task of many should end, far within what a worker may take."""
    return min(_LONGEST_TASK_S, pool.limits.time_s * _SHARE_OF_LIMIT)


async def for_each_part(
    parts: Sequence[P], work: Callable[[P], Awaitable[T]], *, at_once: int = _AT_ONCE
) -> list[T]:
    """Do the same for each part, a few at a time, and return what came of them, in order.

    So one film does not take all workers from the assets that came after it.

    Raises:
        Exception: the first that a part raised; the others are given up.
    """
    free = asyncio.Semaphore(at_once)

    async def alone(part: P) -> T:
        async with free:
            return await work(part)

    tasks = [asyncio.ensure_future(alone(part)) for part in parts]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
