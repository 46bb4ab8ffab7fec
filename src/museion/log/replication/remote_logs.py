"""What an endpoint knows of the logs of others: how far each was read, and what each has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from museion.base.errors import Unavailable
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.replication.covered import (
    CoveredEvents,
    NothingLacking,
    covered_by,
    dropped,
)
from museion.log.replication.link import PROGRESS
from museion.log.replication.twins import RecentEvents
from museion.log.vector_time import VectorTime


class OutdatedAnswer(Unavailable):
    """An answer was asked for before its log was known to have lost events; it was not used."""

    def __init__(self, log_id: str) -> None:
        super().__init__(f"The log {log_id} was set back while it was read.")


class Held:
    """A read of a remote log that is under way, and what that log knows meanwhile."""

    def __init__(self, known: VectorTime, *, learns: bool) -> None:
        self.known = known
        self.learns = learns


class RemoteLogs:
    """Owns the progress in remote logs, and what they told of themselves while they were served.

    A remote log that lost events begins a new generation. What was asked of an older one is not
    used any more: it could set the progress ahead of what the log now holds, or make this endpoint
    believe that the log has what it lost.

    Args:
        covered: keeps events that a log here lacks although its version vector covers them.
    """

    def __init__(self, covered: CoveredEvents | None = None) -> None:
        self._covered = covered or NothingLacking()
        self._generations: dict[str, int] = {}
        self._held: dict[str, list[Held]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._recent: dict[str, RecentEvents] = {}

    def generation(self, log_id: str) -> int:
        """Return the present generation of a remote log."""
        return self._generations.get(log_id, 0)

    @contextmanager
    def hold(self, log_id: str, known: VectorTime, *, recovering: bool) -> Iterator[Held]:
        """Serve a remote log, and learn what it comes to know while that lasts."""
        held = Held(known, learns=not recovering)
        group = self._held.setdefault(log_id, [])
        group.append(held)
        try:
            yield held
        finally:
            group.remove(held)

    def heard(self, log_id: str, version: VectorTime, generation: int) -> None:
        """Note what a remote log has, as it told itself.

        NOTE: it counts only for reads that are held right now. A log that comes back from an old
        backup without saying so is then served by what it says it knows, not by what it once knew.
        """
        if generation == self.generation(log_id):
            for held in self._held.get(log_id, ()):
                if held.learns:
                    held.known = held.known.merge(version)

    def progress(self, log: EventLog, log_id: str) -> int:
        """Return how far a log here has read a remote one."""
        return log.progress(PROGRESS + log_id)

    async def take(
        self,
        log: EventLog,
        log_id: str,
        events: Sequence[Event],
        *,
        scanned_to: int,
        generation: int,
    ) -> list[Event]:
        """Store events of a remote log and the progress in one batch, and return the new ones.

        The progress never falls: two ways may lead from one log to the other.

        Raises:
            OutdatedAnswer: the remote log lost events since it was asked; nothing was done.
            TwoHistories: an event contradicts one that came before; nothing was done.
            InvalidEvent, WriteFailed, LogUnavailable, LogClosed, LogDefect: as
                `EventLog.append_replicated`.
        """
        async with self._lock(log_id):
            if generation != self.generation(log_id):
                raise OutdatedAnswer(log_id)
            recent = self._recent.setdefault(log.log_id, RecentEvents())
            recent.require_one_history(events, log_id)
            moved = scanned_to > self.progress(log, log_id)
            progress = {PROGRESS + log_id: scanned_to} if moved else None
            known = covered_by(log.version, events)
            await self._covered.take(log, known)  # first: what has been read is not read again
            taken = await log.append_replicated(events, progress=progress)
            recent.remember(taken)
            # What comes over another way meanwhile may have covered further ones.
            await self._covered.take(log, dropped(dropped(events, taken), known))
            return taken

    async def set_back(self, log: EventLog, log_id: str, position: int) -> int:
        """Begin a new generation of a remote log that ends at `position` now.

        The progress falls to there if it was larger. Idempotent.

        Returns:
            The progress before.

        Raises:
            WriteFailed, LogUnavailable, LogClosed, LogDefect: as `EventLog.append`; the new
                generation has begun.
        """
        self._generations[log_id] = self.generation(log_id) + 1
        self._recent.clear()  # numbers of lost events may be given again
        for held in self._held.get(log_id, ()):
            held.learns = False
        async with self._lock(log_id):
            before = self.progress(log, log_id)
            if position < before:
                await log.append([], progress={PROGRESS + log_id: position})
            return before

    def _lock(self, log_id: str) -> asyncio.Lock:
        return self._locks.setdefault(log_id, asyncio.Lock())
