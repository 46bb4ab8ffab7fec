"""Waiting that ends only when the thing waited for has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
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
