"""How fast bytes may come: one limit that all transfers share and that can be changed meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from museion.base.errors import InvalidInput

_BURST_S = 0.1


class Bandwidth:
    """A token bucket in bytes. Use it in one event loop.

    Who takes is served in the order of asking. A taking is never split: one that is larger than the
    bucket is let through and paid for by whoever comes next, so the limit holds on average.

    Args:
        limit_bytes_per_s: None for no limit.

    Raises:
        InvalidInput: the limit is below 1.
    """

    def __init__(self, limit_bytes_per_s: float | None = None) -> None:
        self._limit = _checked(limit_bytes_per_s)
        self._free_at_s = 0.0
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def limit_bytes_per_s(self) -> float | None:
        """The present limit; who waits for the old one is judged by a new one at once."""
        return self._limit

    @limit_bytes_per_s.setter
    def limit_bytes_per_s(self, limit: float | None) -> None:
        now_s = asyncio.get_running_loop().time()
        owed_s = max(0.0, self._free_at_s - now_s)
        old, self._limit = self._limit, _checked(limit)
        owed_bytes = owed_s * old if old else 0.0
        self._free_at_s = now_s + owed_bytes / self._limit if self._limit else 0.0
        self._changed.set()

    async def take(self, size_bytes: int) -> None:
        """Wait until so many bytes may pass; the longest wait is what is owed at the limit."""
        if self._limit is None:
            return
        async with self._turn:
            while (wait_s := self._wait_s()) > 0:
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
            self._pay(size_bytes)

    def _wait_s(self) -> float:
        if self._limit is None:
            return 0.0
        return self._free_at_s - asyncio.get_running_loop().time()

    def _pay(self, size_bytes: int) -> None:
        if self._limit is None:
            return
        now_s = asyncio.get_running_loop().time()
        self._free_at_s = max(self._free_at_s, now_s - _BURST_S) + size_bytes / self._limit


def _checked(limit: float | None) -> float | None:
    if limit is not None and not limit >= 1:
        raise InvalidInput(
            f"Expected a limit of 1 byte per second or more, got {limit}.",
            remedy="Leave the limit out to have none.",
        )
    return limit
