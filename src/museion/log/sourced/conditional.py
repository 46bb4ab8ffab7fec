"""Conditional requests: wait until a receiver has handled all that a causal token covers.

A token is a vector time: the stamp of a written event, or the version of something that was read.
Whoever passes it on with a request is answered from a state that is not older. The receiver need
not have handled all events that the token covers, only those that concern it.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, runtime_checkable

from museion.log.event_log import EventLog
from museion.log.sourced.commands import outside_commands
from museion.log.sourced.refusals import NotReached, NoVersion, Overloaded
from museion.log.vector_time import VectorTime

__all__ = ["LIMIT_S", "AtLeast", "CausalWaits", "Receiver", "at_least"]

LIMIT_S = 10.0
"""How long to wait for a causal token unless the caller says otherwise, in seconds."""


@runtime_checkable
class AtLeast(Protocol):
    """Something that a causal token can be given to."""

    async def at_least(self, token: VectorTime, *, limit_s: float = LIMIT_S) -> None:
        """Return once everything up to the token that concerns the receiver has been handled."""


async def at_least(receiver: object, token: VectorTime, *, limit_s: float = LIMIT_S) -> None:
    """Wait until a receiver has handled everything up to a token that concerns it.

    Raises:
        NoVersion: the receiver is not of a kind that knows what it has handled.
        NotReached: not within the limit.
    """
    if not isinstance(receiver, AtLeast):
        raise NoVersion(receiver)
    await receiver.at_least(token, limit_s=limit_s)


class Receiver(Protocol):
    """What waiting needs of a receiver; a `Fold` has it, and so has any reader with a position."""

    def has_received(self, sequence_nr: int) -> bool:
        """Tell whether everything up to this number of the log that concerns it was handled.

        False is always allowed. Raises what the receiver failed with.
        """

    async def receive_up_to(self, sequence_nr: int) -> None:
        """Wait until everything up to this number of the log that concerns it was handled."""


class CausalWaits:
    """The requests that wait at one receiver. Those released together go in order of arrival.

    Requests with a token that was reached, or without one, overtake them.

    Args:
        log: whose version tells whether what led to a token has arrived.
        max_waiting: how many requests may wait.
    """

    def __init__(self, log: EventLog, receiver: Receiver, *, max_waiting: int = 1000) -> None:
        self._log = log
        self._max_waiting = max_waiting
        self._receiver = receiver
        self._waiting: list[tuple[VectorTime, asyncio.Future[None]]] = []
        self._watch: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    async def at_least(self, token: VectorTime, *, limit_s: float = LIMIT_S) -> None:
        """Return once everything up to the token that concerns the receiver has been handled.

        Args:
            limit_s: seconds to wait at most.

        Raises:
            NotReached: not within the limit.
            Overloaded: too many requests wait already.
            LogClosed: the log was closed.
            Exception: what the receiver failed with.
        """
        if self._is_reached(token):
            return
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded("requests waiting for a causal token", self._max_waiting)
        released: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (token, released)
        self._waiting.append(entry)
        if self._watch is None:
            self._watch = asyncio.get_running_loop().create_task(
                self._release_as_reached(), context=outside_commands()
            )
        try:
            async with asyncio.timeout(limit_s):
                await released
        except TimeoutError:
            raise NotReached(limit_s) from None
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
            if not self._waiting:
                self._end_watch()

    def fail(self, error: Exception) -> None:
        """End all waiting with an error."""
        for _, released in self._waiting:
            if not released.done():
                released.set_exception(error)
        self._end_watch()

    def _is_reached(self, token: VectorTime) -> bool:
        return token <= self._log.version and self._receiver.has_received(self._log.sequence_nr)

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _release_as_reached(self) -> None:
        try:
            growth = self._log.subscribe(self._log.sequence_nr)
            try:
                while True:
                    await self._release()
                    await growth.next()
                    while growth.take_ready():
                        pass
            finally:
                growth.close()
        except Exception as error:  # whatever ends the watch, those who wait must hear of it
            self._watch = None
            self.fail(error)

    async def _release(self) -> None:
        # By causal order, a log whose version covers the token holds everything that led to it.
        version, end = self._log.version, self._log.sequence_nr
        reached = [entry for entry in self._waiting if entry[0] <= version]
        if reached:
            await self._receiver.receive_up_to(end)
            for _, released in reached:
                if not released.done():
                    released.set_result(None)
