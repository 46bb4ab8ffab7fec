"""Holding back new events of a log that lost some, until those are back.

A new event would take the identity of a lost one. That the log is held is kept in its store, as
progress under a name of its own, so a restart in the middle does not let go of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from museion.log.event import Event, NewEvent
from museion.log.event_store import EventStore
from museion.log.log_errors import LogHeld

HELD = "museion.held-for-recovery"
"""Name whose progress is 1 as long as the log is held."""


class Appending(Protocol):
    """What a hold needs of its log."""

    async def append(
        self, events: Sequence[NewEvent], *, progress: Mapping[str, int] | None = None
    ) -> list[Event]:
        """Write events and progress."""


class WriteHold:
    """Owns whether one log takes new events. Events of other logs are taken in any case.

    Attributes:
        is_held: it takes none.
    """

    def __init__(self, log: Appending, store: EventStore) -> None:
        self._log = log
        self.is_held = store.progress(HELD) > 0

    def hold_now(self) -> None:
        """Take no new events from here on, as long as the process lives."""
        self.is_held = True

    async def hold(self) -> None:
        """Take no new events, also after a restart.

        Those that were asked for before are written when it returns. Raises as `EventLog.append`.
        """
        self.is_held = True
        await self._log.append([], progress={HELD: 1})

    async def release(self, progress: Mapping[str, int] | None = None) -> None:
        """Take new events again, and keep some progress in the same batch.

        Raises as `EventLog.append`; the log is then held on.
        """
        await self._log.append([], progress={**(progress or {}), HELD: 0})
        self.is_held = False

    def require_none(self) -> None:
        """Raise `LogHeld` if the log takes no new events."""
        if self.is_held:
            raise LogHeld
