"""One run of a site's program, from its start to its end, or to its death at any moment.

A process that is killed does not tidy up. Here its tasks must be ended somehow, and so they run
their `finally` clauses; but from the moment of death nothing of that reaches a disk or a line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, Final, TypeVar

from museion.testing.simulation.virtual_loop import VirtualLoop

T = TypeVar("T")

_LIFE: Final[ContextVar[Life | None]] = ContextVar("life", default=None)
_BURIAL_TURNS = 10_000


def current_life() -> Life | None:
    """Return the life that the running code belongs to, None for that of the world."""
    return _LIFE.get()


class PowerLost(Exception):
    """The machine is off; whoever hears of it is dead already."""


class Undying(AssertionError):
    """A task goes on although it is cancelled again and again."""

    def __init__(self, site: str, tasks: list[asyncio.Task[Any]]) -> None:
        super().__init__(f"{site}: tasks do not end when they are cancelled: {tasks}")


class Life:
    """Owns the tasks of one run of a site's program.

    Attributes:
        is_alive: what it does has effects.
    """

    def __init__(self, loop: VirtualLoop, site: str) -> None:
        self._loop = loop
        self._context = copy_context()
        self._context.run(_LIFE.set, self)
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self.site = site
        self.is_alive = True

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something as a part of this life."""
        return self._loop.create_task(work, context=self._context.copy())

    def require_alive(self) -> None:
        """Raise `PowerLost` after death."""
        if not self.is_alive:
            raise PowerLost(self.site)

    async def end(self) -> None:
        """Die now, and wait until nothing of it runs any more."""
        self.is_alive = False
        for _ in range(_BURIAL_TURNS):
            left = [task for task in self._tasks if not task.done()]
            if not left:
                return
            for task in left:
                task.cancel()
            await asyncio.sleep(0)
        raise Undying(self.site, left)

    def own(self, task: asyncio.Task[Any]) -> None:
        """Note that a task is a part of this life."""
        self._tasks[task] = None
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not self.is_alive and not task.cancelled():
            task.exception()  # nobody asks the dead


def own_by_context(task: asyncio.Task[Any], context: Context | None) -> None:
    """Let a new task be a part of the life that it was created in."""
    life = _LIFE.get() if context is None else context.get(_LIFE)
    if life is not None:
        life.own(task)
