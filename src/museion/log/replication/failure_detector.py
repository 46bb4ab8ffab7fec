"""Tells when a link stops to work and when it works again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

_MAX_CAUSES = 8


@dataclass(frozen=True, slots=True)
class LinkAvailable:
    """Reading a log of a remote endpoint works, for the first time or again."""

    remote_id: str
    log_name: str


@dataclass(frozen=True, slots=True)
class LinkUnavailable:
    """Nothing was read for as long as the failure detection limit.

    Repeated once a limit while it lasts.

    Attributes:
        causes: what failed since the last report, the last few, oldest first.
    """

    remote_id: str
    log_name: str
    causes: tuple[str, ...]


Availability: TypeAlias = LinkAvailable | LinkUnavailable


class FailureDetector:
    """Watches one log of one remote endpoint. Use it within one event loop; close it at the end.

    Args:
        report: called when the link becomes available, and when nothing succeeded for `limit_s`.
    """

    def __init__(
        self, remote_id: str, log_name: str, limit_s: float, report: Callable[[Availability], None]
    ) -> None:
        self._remote_id = remote_id
        self._log_name = log_name
        self._limit_s = limit_s
        self._report = report
        self._causes: deque[str] = deque(maxlen=_MAX_CAUSES)
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._timer = self._loop.call_later(limit_s, self._look)
        self.is_available: bool | None = None

    @property
    def causes(self) -> tuple[str, ...]:
        """What failed since the last success or report, oldest first."""
        return tuple(self._causes)

    def succeeded(self) -> None:
        """Note that the remote endpoint served."""
        self._since = self._loop.time()
        self._causes.clear()
        if not self.is_available:
            self.is_available = True
            self._report(LinkAvailable(self._remote_id, self._log_name))

    def failed(self, cause: str) -> None:
        """Note why it did not; the same cause again and again is noted once."""
        if not self._causes or self._causes[-1] != cause:
            self._causes.append(cause)

    def close(self) -> None:
        """Report no more. Idempotent."""
        self._timer.cancel()

    def _look(self) -> None:
        # One timer that looks again, in place of a new one at each success: those are many.
        due = self._since + self._limit_s
        if self._loop.time() < due:
            self._timer = self._loop.call_at(due, self._look)
            return
        self.is_available = False
        causes = self.causes or ("no answer came",)
        self._causes.clear()
        self._since = self._loop.time()
        self._timer = self._loop.call_later(self._limit_s, self._look)
        self._report(LinkUnavailable(self._remote_id, self._log_name, causes))
