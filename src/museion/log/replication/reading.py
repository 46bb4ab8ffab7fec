"""Reading a log for another one: only what that one does not know and may have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from museion.base.errors import InvalidInput
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.event_store import MAX_READ_BYTES
from museion.log.vector_time import VectorTime

Filter: TypeAlias = Callable[[Event], bool]
"""Tells whether an event may leave its log."""

_PAGE = 512


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Bounds of one read for another log.

    Attributes:
        max_events: how many events it returns.
        max_bytes: how many bytes of payload, beyond the first event.
        max_scanned: how many events it looks at; what is left over is for the next read.
    """

    max_events: int = 512
    max_bytes: int = MAX_READ_BYTES
    max_scanned: int = 65_536


@dataclass(frozen=True, slots=True)
class ReplicationRead:
    """Events for another log, and the number up to which this log was looked through."""

    events: Sequence[Event]
    scanned_to: int


async def read_for_replication(
    log: EventLog,
    *,
    after: int,
    known: VectorTime,
    up_to: int | None = None,
    may_leave: Filter | None = None,
    may_be_lacking: Filter | None = None,
    limits: ReadLimits | None = None,
) -> ReplicationRead:
    """Return events above `after` that are not covered by `known`, in log order.

    Deleted events that were not removed yet are among them: who replicates shall still get them.
    What `known` covers is only left out to save the way: the target drops it anyway.

    Args:
        known: version vector of the log that asks.
        up_to: number of the last event to look at; the end of the log when it is left out.
        may_leave: decides for each event; all may leave when it is left out.
        may_be_lacking: tells of an event that it is wanted although `known` covers it.

    Raises:
        InvalidInput: a limit is below 1.
        DamagedEvent, ReadFailed, LogClosed: as `EventLog.read`.
    """
    bounds = limits or ReadLimits()
    if min(bounds.max_events, bounds.max_bytes, bounds.max_scanned) < 1:
        raise InvalidInput(f"Expected limits of 1 or more, got {bounds}.")
    taken: list[Event] = []
    scanned_to, scanned, size_bytes = after, 0, 0
    end = log.sequence_nr if up_to is None else min(up_to, log.sequence_nr)
    while scanned_to < end and scanned < bounds.max_scanned:
        page = await log.read(
            after=scanned_to,
            up_to=end,
            limit=min(_PAGE, bounds.max_scanned - scanned),
            deleted=True,
        )
        for event in page:
            wanted = _is_wanted(event, known, may_leave, may_be_lacking)
            size_bytes += len(event.payload) if wanted else 0
            if wanted and taken and size_bytes > bounds.max_bytes:
                return ReplicationRead(taken, scanned_to)
            scanned_to = event.sequence_nr
            if wanted:
                taken.append(event)
                if len(taken) == bounds.max_events:
                    return ReplicationRead(taken, scanned_to)
        scanned += len(page)
        if not page:  # numbers may leave gaps, and removed events leave one
            scanned_to = end
    return ReplicationRead(taken, scanned_to)


def _is_wanted(
    event: Event, known: VectorTime, may_leave: Filter | None, may_be_lacking: Filter | None
) -> bool:
    if event.vector_timestamp <= known and not (may_be_lacking and may_be_lacking(event)):
        return False
    return may_leave is None or may_leave(event)
