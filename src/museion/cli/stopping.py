"""Work that can be broken off: SIGTERM ends it in order, as Ctrl-C does."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


def run_until_stopped(work: Coroutine[None, None, T]) -> T:
    """Run asynchronous work to its end and return its value.

    Raises:
        KeyboardInterrupt: the process was told to stop; everything that was open is closed.
    """

    async def stoppable() -> T:
        task = asyncio.current_task()
        assert task is not None, "it runs as a task"
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
