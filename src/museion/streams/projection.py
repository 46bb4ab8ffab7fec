"""A projection follows a log and keeps a store up to date, exactly once.

The store keeps the position together with what it derived, so after a crash the projection goes on
where its store stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from museion.log.event import Event
from museion.log.event_log import EventLog


class Projection(Protocol):
    """Derives a store from events. Calls block and come from one thread at a time."""

    @property
    def name(self) -> str:
        """Name for progress displays."""

    @property
    def position(self) -> int:
        """Sequence number of the last event whose effect is durable in the store."""

    def apply(self, events: Sequence[Event]) -> None:
        """Take in events above `position`, in order, and make them and the position durable."""


class ProjectionRunner:
    """Drives one projection; `position` is how far it has come.

    Args:
        log: what is followed.
        projection: what is kept up to date.
        pause_s: wait after each step, so that events gather where a step costs more than an event.
        behind: a projection whose store this one reads; it is always given events first.
    """

    def __init__(
        self,
        log: EventLog,
        projection: Projection,
        *,
        pause_s: float = 0.0,
        behind: ProjectionRunner | None = None,
    ) -> None:
        self._log = log
        self._behind = behind
        self._projection = projection
        self._pause_s = pause_s
        self._moved = asyncio.Event()

    @property
    def name(self) -> str:
        """Name of the projection."""
        return self._projection.name

    @property
    def position(self) -> int:
        """Sequence number of the last event that the store holds."""
        return self._projection.position

    async def run(self) -> None:
        """Follow the log until cancelled."""
        async for batch in self._log.follow(self._projection.position):
            if self._behind is not None:
                await self._behind.reached(batch[-1].sequence_nr)
            await asyncio.to_thread(self._projection.apply, batch)
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()
            await asyncio.sleep(self._pause_s)

    async def reached(self, sequence_nr: int) -> None:
        """Wait until the store holds everything up to an event of the log."""
        while self.position < sequence_nr:
            await self._moved.wait()
