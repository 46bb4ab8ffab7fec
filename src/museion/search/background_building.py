"""One long piece of work in a thread of its own, which can be told to stop between its steps."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeAlias

Stopped: TypeAlias = Callable[[], bool]


class BuildingStopped(Exception):
    """Whoever asked for the work does not want it any more."""


class BackgroundBuilding:
    """Runs at most one piece of work at a time, with less claim on a busy processor than others.

    What goes wrong in it, other than being stopped, is told by the thread's own exception hook.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def stopped(self) -> Stopped:
        """Tells whether the work should end now."""
        return self._stopping.is_set

    def start(self, work: Callable[[], None]) -> None:
        """Begin a piece of work, unless one is going on."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = threading.Thread(target=self._run, args=(work,), name="building")
        self._thread.start()

    def stop(self, *, timeout_s: float) -> None:
        """Tell the work to end and wait for its step; new work may begin after."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._stopping.clear()

    def _run(self, work: Callable[[], None]) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        try:
            work()
        except BuildingStopped:
            return
