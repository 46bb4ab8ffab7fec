"""Trying again what is unavailable now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from museion.base.errors import Unavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait between tries when a resource is unavailable: doubling, for ever."""

    first_delay_s: float = 0.5
    longest_delay_s: float = 30.0

    def delays_s(self) -> Iterator[float]:
        """Return the waits, without end."""
        delay_s = self.first_delay_s
        while True:
            yield min(delay_s, self.longest_delay_s)
            delay_s = min(delay_s * 2, self.longest_delay_s)


class Retries:
    """Tries again under one policy, and tells what is being waited for; any number at a time."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._reasons: dict[object, str] = {}

    @property
    def trouble(self) -> str | None:
        """The latest reason why something waits for another try; None when nothing does."""
        return next(reversed(self._reasons.values()), None)

    async def until_done(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return what `attempt` returns once it does not raise `Unavailable`.

        An attempt that failed so had no effect, by the meaning of that family. What does not pass
        by itself (`Unavailable.lasting`), and any other error, is raised.
        """
        one_of_many = object()
        try:
            for delay_s in self._policy.delays_s():
                try:
                    return await attempt()
                except Unavailable as reason:
                    if reason.lasting:
                        raise
                    self._reasons.pop(one_of_many, None)
                    self._reasons[one_of_many] = str(reason)
                await asyncio.sleep(delay_s)
            raise AssertionError("a policy's delays end")
        finally:
            self._reasons.pop(one_of_many, None)
