"""A real log whose acknowledgements are watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog


class WatchedLog(EventLog):
    """A log that tells what it acknowledges.

    Attributes:
        acknowledged: called with the id of the log and the events.
    """

    acknowledged: Callable[[str, list[Event]], None]

    async def append(
        self, events: Sequence[NewEvent], *, progress: Mapping[str, int] | None = None
    ) -> list[Event]:
        """Append, and tell."""
        written = await super().append(events, progress=progress)
        self.acknowledged(self.log_id, written)
        return written

    async def append_replicated(
        self, events: Sequence[Event], *, progress: Mapping[str, int] | None = None
    ) -> list[Event]:
        """Take over, and tell."""
        written = await super().append_replicated(events, progress=progress)
        self.acknowledged(self.log_id, written)
        return written
