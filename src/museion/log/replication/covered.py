"""Events that a version vector covers though the log does not hold them.

Where a gate keeps an event from one endpoint, that one still hands on what its origin wrote later.
A third endpoint that gets the later one first takes the earlier one for known, and drops it when it
comes. So such events are read whatever the reader says to know, and the reader looks for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.vector_time import VectorTime


class CoveredEvents(Protocol):
    """What the application knows of events that not all endpoints may have."""

    def may_be_lacking(self, event: Event) -> bool:
        """Tell whether an endpoint may lack an event that its version vector covers.

        Asked at the source, when the gate is ready.
        """

    async def take(self, log: EventLog, events: Sequence[Event]) -> None:
        """Keep those of the events that the log does not hold, in events of its own; idempotent."""


class NothingLacking:
    """All endpoints may have everything, so what is covered is held."""

    def may_be_lacking(self, event: Event) -> bool:
        """Tell that it is held."""
        return False

    async def take(self, log: EventLog, events: Sequence[Event]) -> None:
        """Do nothing."""


def covered_by(known: VectorTime, events: Sequence[Event]) -> list[Event]:
    """Return the events that a version vector covers."""
    return [event for event in events if event.vector_timestamp <= known]


def dropped(events: Sequence[Event], taken: Sequence[Event]) -> list[Event]:
    """Return the events that were not taken."""
    ids = {event.id for event in taken}
    return [event for event in events if event.id not in ids]
