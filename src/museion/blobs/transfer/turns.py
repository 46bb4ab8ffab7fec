"""Who may transfer now: few at a time, the most urgent first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Protocol


class Urgency(IntEnum):
    """Why a blob is wanted; a smaller number goes first."""

    PERSON = 0
    """Someone waits for it."""
    REPAIR = 1
    """What is here is damaged."""
    POLICY = 2
    """It is to be here one day."""


class Urgent(Protocol):
    """Something that waits; it may become more urgent meanwhile."""

    urgency: Urgency


class Turns:
    """Gives out places. Among equally urgent ones, who came first goes first.

    Args:
        places: how many may go on at a time.
        extra_for_people: so many more when a person waits, so that long transfers do not keep a
            person waiting.
    """

    def __init__(self, places: int, extra_for_people: int) -> None:
        self._places = places
        self._extra = extra_for_people
        self._taken = 0
        self._waiting: list[tuple[Urgent, asyncio.Future[None]]] = []

    @property
    def taken(self) -> int:
        """How many go on now."""
        return self._taken

    @asynccontextmanager
    async def turn(self, who: Urgent) -> AsyncIterator[None]:
        """Wait for a place, and have it meanwhile. The wait lasts as long as others go on."""
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((who, given))
        self.look()
        try:
            await given
            yield
        finally:
            if given.done() and not given.cancelled():
                self._taken -= 1
            self._waiting = [each for each in self._waiting if each[1] is not given]
            self.look()

    def look(self) -> None:
        """Give out what is free; call it when someone has become more urgent."""
        while self._waiting:
            who, given = min(self._waiting, key=lambda each: each[0].urgency)
            extra = self._extra if who.urgency is Urgency.PERSON else 0
            if self._taken >= self._places + extra:
                return
            self._waiting.remove((who, given))
            if not given.done():
                given.set_result(None)
                self._taken += 1
