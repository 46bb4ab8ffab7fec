"""The device's side of a sync: bring what it wrote, fetch what it has subscribed to.

Each step is one request and one answer, and what a step brought is on disk before the next, so a
sync may be cut at any byte and goes on where it was; at the same site or at another.
"""

from __future__ import annotations

from dataclasses import dataclass

from museion.log.replication.devices.device_errors import DeviceForked
from museion.log.replication.devices.device_event import DeviceEvent
from museion.log.replication.devices.device_log import DeviceLog
from museion.log.replication.devices.device_messages import (
    DeviceRead,
    DeviceReadAnswer,
    DeviceSite,
    Submission,
    SubmissionAnswer,
)


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did.

    Attributes:
        submitted: own events that the site has now and had not before.
        missing: own events that it does not have yet: what they depend on is not there.
        received: events of sites that the device has now and had not before.
    """

    submitted: int
    missing: int
    received: int


@dataclass(frozen=True, slots=True)
class SyncLimits:
    """Bounds of one request."""

    max_events: int = 256
    max_bytes: int = 1 << 20


async def sync(log: DeviceLog, site: DeviceSite, limits: SyncLimits | None = None) -> SyncReport:
    """Bring and fetch everything.

    Raises:
        Unreachable: the line was cut; what was done stays done.
        DeviceForked, DeviceIsRetired: the device must not go on under its id.
        TooManyWaiting: try again later.
        Refused: the site does not serve this device.
    """
    bounds = limits or SyncLimits()
    submitted, answer = await submit_all(log, site, bounds)
    received = await receive_all(log, site, answer.place, bounds)
    return SyncReport(submitted, log.count - answer.taken_to, received)


async def submit_all(
    log: DeviceLog, site: DeviceSite, limits: SyncLimits
) -> tuple[int, SubmissionAnswer]:
    """Bring own events that the site does not have. Raises as `sync`."""
    answer = await site.submit(Submission(log.device_id))
    before = answer.taken_to
    is_moving = True
    _note(log, answer)
    while is_moving and answer.taken_to < log.count:
        last = answer.taken_to
        answer = await site.submit(_submission(log, last, limits))
        _note(log, answer)
        is_moving = answer.taken_to > last
    return answer.taken_to - before, answer


async def receive_all(log: DeviceLog, site: DeviceSite, place: str, limits: SyncLimits) -> int:
    """Fetch events of the subscription that the device does not have. Raises as `sync`."""
    received = 0
    while True:
        answer = await _read(log, site, place, limits)
        if answer.place != place:  # the site was recovered meanwhile
            place = answer.place
            continue
        is_moving = answer.scanned_to > log.read_to(place)
        received += len(log.receive(place, answer))
        if not is_moving:
            return received


async def _read(
    log: DeviceLog, site: DeviceSite, place: str, limits: SyncLimits
) -> DeviceReadAnswer:
    after = log.read_to(place)
    return await site.read(
        DeviceRead(log.device_id, after, log.subscription, limits.max_events, limits.max_bytes)
    )


def _submission(log: DeviceLog, after: int, limits: SyncLimits) -> Submission:
    events: list[DeviceEvent] = []
    size_bytes = 0
    for event in log.events(after=after, limit=limits.max_events):
        size_bytes += len(event.payload)
        if events and size_bytes > limits.max_bytes:
            break
        events.append(event)
    return Submission(log.device_id, tuple(events), log.digest_at(after) or "")


def _note(log: DeviceLog, answer: SubmissionAnswer) -> None:
    """Keep the acknowledgement; a site that knows more than the device, or else, met another."""
    own = log.digest_at(answer.taken_to)
    if own is None or (answer.digest and answer.digest != own):
        raise DeviceForked(log.device_id, answer.taken_to)
    log.acknowledge(answer.log_id, answer.taken_to)
