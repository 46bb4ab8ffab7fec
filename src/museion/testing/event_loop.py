"""Runs asynchronous tests: each in a fresh event loop, with a limit instead of a hang."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")

LIMIT_S = 30.0
"""A test that waits longer than this waits for something that does not come."""


def in_event_loop(test: Callable[P, Coroutine[None, None, None]]) -> Callable[P, None]:
    """Make an ordinary test of an asynchronous one; it fails after `LIMIT_S` seconds."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def limited() -> None:
            async with asyncio.timeout(LIMIT_S):
                await test(*args, **kwargs)

        asyncio.run(limited())

    return run


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, giving way to all other tasks and threads meanwhile."""
    while not condition():  # noqa: ASYNC110 (what changes may do so in a thread)
        await asyncio.sleep(0.001)
