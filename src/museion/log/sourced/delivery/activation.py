"""Channels wait for their activation, so that no message overtakes the recovered state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Protocol

from museion.base.errors import Unavailable

__all__ = ["Activatable", "Activation", "NotActivated", "recover_then_activate"]


class NotActivated(Unavailable):
    """A channel was not activated within the limit; its messages wait."""

    def __init__(self, name: str, limit_s: float) -> None:
        super().__init__(
            f"Expected the channel {name!r} to be activated within {limit_s} s; it is not.",
            remedy="Call activate() when everything that sends through it has recovered.",
        )


class Activatable(Protocol):
    """A channel as recovery sees it."""

    def activate(self) -> None:
        """Let messages go out. Idempotent; does not wait."""

    async def activated(self, *, limit_s: float) -> None:
        """Wait until messages go out; raises `NotActivated`."""


class Activation:
    """The state of one channel: messages go out when it is both ready and activated."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._ready = asyncio.Event()
        self._activated = asyncio.Event()

    @property
    def complete(self) -> bool:
        """Whether messages go out."""
        return self._ready.is_set() and self._activated.is_set()

    def ready(self) -> None:
        """Say that the channel knows what it has to send, and runs."""
        self._ready.set()

    def activate(self) -> None:
        """Let messages go out. Idempotent; does not wait."""
        self._activated.set()

    async def activated(self, *, limit_s: float | None) -> None:
        """Wait until messages go out; None waits as long as it takes.

        Raises:
            NotActivated: they do not within the limit.
        """
        try:
            async with asyncio.timeout(limit_s):
                await self._ready.wait()
                await self._activated.wait()
        except TimeoutError as reason:
            assert limit_s is not None
            raise NotActivated(self._name, limit_s) from reason


async def recover_then_activate(
    recoveries: Iterable[Awaitable[object]],
    channels: Iterable[Activatable],
    *,
    limit_s: float = 600.0,
) -> None:
    """Wait for all recoveries, then activate all channels and wait until they run.

    A thread waits for it with `asyncio.run_coroutine_threadsafe(…).result()`.

    Raises:
        TimeoutError: a recovery took longer than the limit; no channel was activated.
        NotActivated: a channel does not run.
        Exception: what a recovery raised; no channel was activated.
    """
    async with asyncio.timeout(limit_s):
        await asyncio.gather(*recoveries)
    channels = list(channels)
    for channel in channels:
        channel.activate()
    for channel in channels:
        await channel.activated(limit_s=limit_s)
