"""What a site's log knows of one device, folded from the device's events in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.replication.devices.device_event import (
    RETIRED,
    START,
    DeviceEvent,
    device_mark,
    emitter_of,
)
from museion.log.vector_time import VectorTime

POSITION = "museion.device-position:"
"""Prefix of a name whose progress says from where in the log a device's newest event is found."""

COUNT = "museion.device-count:"
"""Prefix of a name whose progress says how many events of a device the log has, or had."""

_PAGE = 512
_MAX_DIGESTS = 256


@dataclass(slots=True)
class KnownDevice:
    """One device as a log has it.

    Attributes:
        taken_to: all events up to this count are in the log, or were and are deleted.
        stamp: merge of the stamps of its events here.
        digests: of its history, by count; the newest only.
        forked_at: a count under which the log has two different events, 0 for none.
        waiting: events that cannot be taken yet, by count, with the digest that they claim.
    """

    device_id: str
    taken_to: int = 0
    stamp: VectorTime = field(default_factory=VectorTime)
    digests: dict[int, str] = field(default_factory=lambda: {0: START})
    scanned_to: int = 0
    retired: bool = False
    forked_at: int = 0
    waiting: dict[int, tuple[DeviceEvent, str]] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def refresh(self, log: EventLog) -> None:
        """Take in what has come into the log, from whichever site."""
        is_first = not self.scanned_to
        if is_first:
            self.scanned_to = log.progress(POSITION + self.device_id)
        while page := await log.read(
            after=self.scanned_to,
            limit=_PAGE,
            aggregate_id=emitter_of(self.device_id),
            deleted=True,
        ):
            for event in page:
                self.take(event)
            self.scanned_to = page[-1].sequence_nr
        count = log.progress(COUNT + self.device_id)
        if is_first and self.taken_to < count:  # the events themselves were deleted long ago
            self.taken_to, self.stamp = count, log.version

    def take(self, event: Event) -> None:
        """Take in an event of the device, or a further copy of one."""
        if event.type_name == RETIRED:
            self.retired = True
        mark = device_mark(event)
        if mark is None or mark.device_id != self.device_id:
            return
        # A later event of the device shall come after all copies of the earlier ones.
        self.stamp = self.stamp.merge(event.vector_timestamp)
        if self.digests.setdefault(mark.count, mark.digest) != mark.digest:
            self.forked_at = mark.count
        self.taken_to = max(self.taken_to, mark.count)
        while len(self.digests) > _MAX_DIGESTS:
            del self.digests[next(iter(self.digests))]
