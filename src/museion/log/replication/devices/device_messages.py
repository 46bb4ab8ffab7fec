"""What a device and a site say to each other: plain requests and answers, so polling will do.

The device always asks. Nothing is kept between two requests that a repeat could harm, so a line may
be cut at any byte.
"""

from __future__ import annotations

from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from museion.log.replication.devices.device_event import START, DeviceEvent
from museion.log.replication.filters import EVERYTHING, Filter
from museion.log.replication.protocol import Position, WireEvent


class Submission(msgspec.Struct, frozen=True, array_like=True):
    """Events of a device, in its order; without any it only asks how far the site has come.

    Attributes:
        previous_digest: of the device's history before the first of the events.
    """

    device_id: str
    events: tuple[DeviceEvent, ...] = ()
    previous_digest: str = START


class SubmissionAnswer(msgspec.Struct, frozen=True, array_like=True):
    """How far a site has the events of a device, whatever way they came.

    Attributes:
        log_id: the log of the site.
        taken_to: all events up to this count are in the log, on disk.
        digest: of the device's history up to there.
        waiting: events that the site takes in later, for they depend on others that are not here
            yet; it forgets them when it restarts.
        recovered_ms: as in `DeviceReadAnswer`.
    """

    log_id: str
    taken_to: Position
    digest: str = START
    waiting: Position = 0
    recovered_ms: Position = 0

    @property
    def place(self) -> str:
        """What the numbers of the site's log belong to at present."""
        return place_of(self.log_id, self.recovered_ms)


class DeviceRead(msgspec.Struct, frozen=True, array_like=True):
    """Asks for events of the site that a device has subscribed to.

    Attributes:
        after: events above this number of the site's log are wanted.
        only: the subscription; evaluated at the site, beside what the device may see.
    """

    device_id: str
    after: Position = 0
    only: Filter = EVERYTHING
    max_events: Annotated[int, Meta(ge=1, le=4096)] = 256
    max_bytes: Annotated[int, Meta(ge=1, le=64 << 20)] = 1 << 20


class DeviceReadAnswer(msgspec.Struct, frozen=True, array_like=True):
    """Events for a device, and how far the log was looked through.

    Attributes:
        recovered_ms: when the log was last brought back from its neighbours, milliseconds since
            1970, 0 for never. Its numbers mean other events since: it is read from its beginning.
    """

    log_id: str
    events: tuple[WireEvent, ...]
    scanned_to: Position
    sequence_nr: Position
    recovered_ms: Position = 0

    @property
    def place(self) -> str:
        """What the numbers of this answer belong to."""
        return place_of(self.log_id, self.recovered_ms)


class DeviceSite(Protocol):
    """The door of a site, as a device sees it. Transports implement it.

    Raises (all calls):
        Unreachable: no answer came; a repeat does no harm.
        DeviceIsRetired, DeviceForked, TooManyWaiting, InvalidDeviceEvent: the site says no.
        Refused: it does not serve this device.
    """

    async def submit(self, submission: Submission) -> SubmissionAnswer:
        """Bring events of a device."""

    async def read(self, request: DeviceRead) -> DeviceReadAnswer:
        """Return the next events that the device has subscribed to."""


def place_of(log_id: str, recovered_ms: int) -> str:
    """Return the name under which a device keeps how far it has read a site."""
    return f"{log_id}#{recovered_ms}"
