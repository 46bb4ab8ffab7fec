"""Finding an event of a log by its identity, which is the same everywhere."""

from __future__ import annotations

from museion.log.event import Event, EventId
from museion.log.event_log import EventLog

_PAGE = 512


async def find_event(log: EventLog, event_id: EventId) -> Event | None:
    """Return the event of an identity, None where the log does not hold it (any more).

    The events of one origin stand in a log in the order of their times, so it halves what is left;
    it reads few pages where that origin wrote often, and all of the log at worst.
    """
    if log.version.local_time(event_id.process_id) < event_id.time:
        return None
    # An own event mostly stands at the number of its time.
    direct = await log.read(after=event_id.time - 1, limit=1, deleted=True)
    if direct and direct[0].id == event_id:
        return direct[0]
    low, high = 0, log.sequence_nr
    while low < high:
        middle = (low + high) // 2
        found = await _first_of(log, event_id.process_id, after=middle, up_to=high)
        if found is not None and found.id == event_id:
            return found
        if found is None or found.id.time > event_id.time:
            high = middle
        else:
            low = found.sequence_nr
    return None


async def _first_of(log: EventLog, process_id: str, *, after: int, up_to: int) -> Event | None:
    """Return the first event of an origin within a part of a log."""
    while after < up_to and (
        page := await log.read(after=after, up_to=up_to, limit=_PAGE, deleted=True)
    ):
        for event in page:
            if event.process_id == process_id:
                return event
        after = page[-1].sequence_nr
    return None
