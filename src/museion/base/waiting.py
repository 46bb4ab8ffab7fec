"""Waiting that ends only when the thing waited for has ended, and work that goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


async def to_end(awaitable: Awaitable[T]) -> T:
    """Await something that must not be left half done, also when the caller is cancelled.

    A cancellation is kept back until the awaitable has ended, and raised then, with the awaitable's
    own error as its cause. Use it where something goes on after its awaiting is given up, a thread
    for example, and the caller would act on a state that still changes.
    """
    future = asyncio.ensure_future(awaitable)
    cancellation: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as request:
            cancellation = request
    if cancellation is not None:
        raise cancellation from (None if future.cancelled() else future.exception())
    return future.result()


@asynccontextmanager
async def meanwhile(*works: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Let works run as long as the body of an `async with` statement does; they are cancelled then.

    Raises:
        Exception: the first error that ended one of the works; the body is cancelled by it.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
    except BaseExceptionGroup as errors:
        # The first one tells what happened; the others are what followed from it.
        raise errors.exceptions[0] from None
