"""The writer of a log as a task on the virtual loop, in place of a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from museion.log.turns import Run
from museion.testing.simulation.life import Life

T = TypeVar("T")


class SimulatedTurns:
    """Implements `museion.log.turns.Turns`: what blocks a thread in earnest takes virtual time.

    Args:
        delay: how long the disk takes, asked before and after each work.
        now_ms: wall clock of the site.
    """

    def __init__(
        self, life: Life, *, delay: Callable[[], float], now_ms: Callable[[], int]
    ) -> None:
        self._life = life
        self._delay = delay
        self._now_ms = now_ms
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def lock(self) -> AbstractContextManager[object]:
        """No lock: one runs at a time, and none is interrupted."""
        return nullcontext()

    def begin(self, run: Run) -> None:
        """Start the task."""
        self._task = self._life.spawn(run())

    def wake(self) -> None:
        """Wake the task."""
        self._woken.set()

    async def wait_for(self, condition: Callable[[], bool], limit_s: float | None = None) -> bool:
        """Wait in virtual time."""
        try:
            async with asyncio.timeout(limit_s):
                while not condition():
                    self._woken.clear()
                    await self._woken.wait()
        except TimeoutError:
            return condition()
        return True

    async def do(self, work: Callable[[], T]) -> T:
        """Do it after a while, and know the result after another one."""
        await asyncio.sleep(self._delay())
        result = work()
        await asyncio.sleep(self._delay())
        return result

    async def ended(self) -> None:
        """Wait for the task. No limit: it ends when its last write has."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def now_s(self) -> float:
        """Return the virtual time."""
        return self._loop.time()

    def now_ms(self) -> int:
        """Return what the clock of the site says."""
        return self._now_ms()
