"""A projection follows a log and keeps a store up to date, exactly once.

The store keeps the position together with what it derived, so after a crash the projection goes on
where its store stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Protocol

from museion.base.errors import Unavailable
from museion.base.retry import Retries, RetryPolicy
from museion.base.waiting import to_end
from museion.log.event import Event
from museion.log.event_log import EventLog


class Projection(Protocol):
    """Derives a store from events. Calls of `apply` block and never overlap."""

    @property
    def name(self) -> str:
        """Name for progress displays."""

    @property
    def position(self) -> int:
        """Sequence number of the last event whose effect is durable in the store."""

    def apply(self, events: Sequence[Event]) -> None:
        """Take in events above `position`, in order, and make them and the position durable.

        All or nothing: after any error the store stands as before. `Unavailable` is tried again
        under the retry policy, any other error ends the projection.
        """


class ProjectionStopped(Unavailable):
    """The projection has ended; its store will not move on."""

    lasting = True

    def __init__(self, name: str) -> None:
        super().__init__(f"The projection {name!r} has ended.", remedy="Open the site again.")


class ProjectionRunner:
    """Drives one projection; `position` is how far it has come.

    Args:
        log: what is followed.
        projection: what is kept up to date.
        pause_s: wait after each step, so that events gather where a step costs more than an event;
            a step takes what is there, up to the log's limits of a replay batch.
        behind: a projection whose store this one reads; it is always given events first.
        retry: how to go on when the store is unavailable, a full disk for example.
    """

    def __init__(
        self,
        log: EventLog,
        projection: Projection,
        *,
        pause_s: float = 0.0,
        behind: ProjectionRunner | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._log = log
        self._behind = behind
        self._projection = projection
        self._pause_s = pause_s
        self._retries = Retries(retry or RetryPolicy())
        self._moved = asyncio.Event()
        self._ended = False

    @property
    def name(self) -> str:
        """Name of the projection."""
        return self._projection.name

    @property
    def position(self) -> int:
        """Sequence number of the last event that the store holds."""
        return self._projection.position

    @property
    def trouble(self) -> str | None:
        """What the projection waits for, if anything is unavailable."""
        return self._retries.trouble

    async def run(self) -> None:
        """Follow the log until cancelled; a step that has begun is ended first.

        So nothing of the projection is in use when this returns, and it can be run again.

        Raises:
            UnknownPosition: the store is ahead of the log; it must be rebuilt.
            LogClosed: the log was closed.
            ProjectionStopped: the projection that this one stays behind has ended.
            Exception: what the projection raised, other than `Unavailable`.
        """
        self._ended = False
        try:
            async with aclosing(self._log.follow(self._projection.position)) as batches:
                async for batch in batches:
                    if self._behind is not None:
                        await self._behind.reached(batch[-1].sequence_nr)
                    await self._take_in(batch)
                    self._wake()
                    await asyncio.sleep(self._pause_s)
        finally:
            self._ended = True
            self._wake()

    async def reached(self, sequence_nr: int) -> None:
        """Wait until the store holds everything up to an event of the log.

        Raises:
            ProjectionStopped: it will not, because `run` has ended.
        """
        while self.position < sequence_nr:
            if self._ended:
                raise ProjectionStopped(self.name)
            await self._moved.wait()

    async def _take_in(self, batch: Sequence[Event]) -> None:
        await self._retries.until_done(
            lambda: to_end(asyncio.to_thread(self._projection.apply, batch))
        )

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
