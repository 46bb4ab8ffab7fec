"""Where the writer of a log runs: what it waits on, and the clocks it looks at.

In earnest it is a thread, so that no event loop waits on a disk. The deterministic simulation lets
the same code run on the event loop. The writer is written as coroutines that await these turns
only; in a thread none of them ever gives way, so a single step runs it from beginning to end.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias, TypeVar

T = TypeVar("T")

Run: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""The work of a writer, to its end."""


class Turns(Protocol):
    """What a writer needs of its surroundings. One writer each.

    Attributes:
        lock: held around what the writer and the event loop share.
    """

    @property
    def lock(self) -> AbstractContextManager[object]:
        """The lock of what is shared; `wake` and `wait_for` are called while it is held."""

    def begin(self, run: Run) -> None:
        """Start the writer. Called once."""

    def wake(self) -> None:
        """Let the writer look whether what it waits for has come."""

    async def wait_for(self, condition: Callable[[], bool], limit_s: float | None = None) -> bool:
        """Wait, as the writer, and tell whether the condition holds; the lock is free meanwhile."""

    async def do(self, work: Callable[[], T]) -> T:
        """Let the writer do something that blocks."""

    async def ended(self) -> None:
        """Wait, on the event loop, until the writer has ended."""

    def now_s(self) -> float:
        """Return a time that only grows, seconds."""

    def now_ms(self) -> int:
        """Return the time of the wall clock, milliseconds since 1970 UTC."""


class ThreadTurns:
    """Runs the writer in a thread of its own."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def lock(self) -> AbstractContextManager[object]:
        """A real lock."""
        return self._changed

    def begin(self, run: Run) -> None:
        """Start the thread."""
        self._thread = threading.Thread(
            target=_in_one_step, args=(run,), name="log-writer", daemon=True
        )
        self._thread.start()

    def wake(self) -> None:
        """Wake the thread."""
        self._changed.notify()

    async def wait_for(self, condition: Callable[[], bool], limit_s: float | None = None) -> bool:
        """Block the thread."""
        return self._changed.wait_for(condition, limit_s)

    async def do(self, work: Callable[[], T]) -> T:
        """Do it here and now: the thread is there to be blocked."""
        return work()

    async def ended(self) -> None:
        """Wait for the thread. No limit: it ends when its last write has."""
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    now_s = staticmethod(time.monotonic)

    def now_ms(self) -> int:
        """Return the time of the machine."""
        return time.time_ns() // 1_000_000


def _in_one_step(run: Run) -> None:
    try:
        run().send(None)
    except StopIteration:
        return
    raise AssertionError("the writer of a log awaits something else than its turns")
