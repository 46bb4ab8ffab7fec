"""The site's door for devices: takes their events into its log, and lets them read.

An event of a device becomes one of the site's own log, so vector times have an entry for each site
and none for devices. Its stamp is the merge of the stamps of what it depends on. What depends on
events that are not at this site yet waits for them, in memory; a device keeps its events anyway and
brings them again.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass

from museion.base.codec import encode
from museion.base.errors import InvalidInput
from museion.log.event import Event, NewEvent, require_name
from museion.log.event_log import EventLog
from museion.log.replication.devices.device_errors import (
    DeviceForked,
    DeviceIsRetired,
    InvalidDeviceEvent,
    NotYetEverywhere,
    TooManyWaiting,
)
from museion.log.replication.devices.device_event import (
    RETIRED,
    DeviceEvent,
    emitter_of,
    next_digest,
    require_device_event,
    to_new_event,
)
from museion.log.replication.devices.device_messages import (
    DeviceRead,
    DeviceReadAnswer,
    Submission,
    SubmissionAnswer,
)
from museion.log.replication.devices.known_device import COUNT, POSITION, KnownDevice
from museion.log.replication.devices.once import Retirement
from museion.log.replication.filters import NamedFilters, predicate_of
from museion.log.replication.gate import GateFor
from museion.log.replication.reading import ReadLimits, read_for_replication
from museion.log.replication.recovery_states import RECOVERED
from museion.log.replication.wire import to_wire
from museion.log.vector_time import VectorTime


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """Bounds of what devices may keep at a site.

    Attributes:
        max_events: events of one submission.
        max_waiting_events, max_waiting_bytes: events of all devices that wait for predecessors.
        max_known_devices: devices whose state is kept in memory; others are read from the log.

    Raises:
        InvalidInput: a limit is below 1.
    """

    max_events: int = 1024
    max_waiting_events: int = 10_000
    max_waiting_bytes: int = 16 << 20
    max_known_devices: int = 4096

    def __post_init__(self) -> None:
        sizes = (self.max_events, self.max_waiting_events, self.max_waiting_bytes)
        if min(*sizes, self.max_known_devices) < 1:
            raise InvalidInput(f"Expected limits of 1 or more, got {self}.")


class DeviceIntake:
    """Serves the devices that come to one site.

    Idempotent: whatever is repeated, cut off or sent to two sites, each event of a device gets into
    this log once by this door; copies that other sites took in are told apart by `Once`.

    Args:
        gate_for: device id -> what it may see by its rights; holds beside the subscription.
        named_filters: filters of the application that a subscription may name.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        gate_for: GateFor,
        named_filters: NamedFilters | None = None,
        limits: IntakeLimits | None = None,
    ) -> None:
        self._log = log
        self._named_filters = named_filters
        self._gate_for = gate_for
        self._limits = limits or IntakeLimits()
        self._devices: dict[str, KnownDevice] = {}

    @property
    def waiting(self) -> int:
        """How many events wait for predecessors that are not here yet."""
        return sum(len(device.waiting) for device in self._devices.values())

    async def submit(self, submission: Submission) -> SubmissionAnswer:
        """Take in events of a device, each once, and tell how far this site has them.

        Raises:
            InvalidDeviceEvent, InvalidEvent: an event is none that a device can have written;
                nothing was done.
            DeviceForked, DeviceIsRetired, TooManyWaiting: as they say; nothing was done.
            Unavailable: the log cannot be written now; a repeat does no harm.
        """
        self._require_sound(submission)
        device = self._device(submission.device_id)
        async with device.lock:
            await device.refresh(self._log)
            if device.retired:
                raise DeviceIsRetired(device.device_id)
            arrived = _with_digests(device, submission)
            self._require_room(arrived)
            device.waiting |= arrived
            await self._take_ready(device)
            return SubmissionAnswer(
                self._log.log_id,
                device.taken_to,
                device.digests.get(device.taken_to, ""),
                len(device.waiting),
                self._log.progress(RECOVERED),
            )

    async def read(self, request: DeviceRead) -> DeviceReadAnswer:
        """Return the next events for a device: of its subscription, that it may see.

        Its own events are not among them. Raises as `EventLog.read`.
        """
        own, wanted = emitter_of(request.device_id), predicate_of(request.only, self._named_filters)
        gate, end = self._gate_for(request.device_id), self._log.sequence_nr
        await gate.ready(end)

        def may_leave(event: Event) -> bool:
            return event.emitter_id != own and wanted(event) and gate.may_leave(event)

        found = await read_for_replication(
            self._log,
            after=request.after,
            known=VectorTime(),
            up_to=end,  # the gate has not taken in what comes meanwhile
            may_leave=may_leave,
            limits=ReadLimits(request.max_events, request.max_bytes),
        )
        return DeviceReadAnswer(
            self._log.log_id,
            tuple(to_wire(event) for event in found.events),
            found.scanned_to,
            end,
            self._log.progress(RECOVERED),
        )

    async def release(self) -> int:
        """Take in what waited and need wait no more, and return how many events."""
        before = self.waiting
        for device in [each for each in self._devices.values() if each.waiting]:
            async with device.lock:
                await device.refresh(self._log)
                try:
                    await self._take_ready(device)
                except DeviceForked:  # the device is told when it comes again
                    device.waiting.clear()
        return before - self.waiting

    async def attend(self) -> None:
        """Release what waits whenever the log has grown, until cancelled or the log is closed."""
        async with aclosing(self._log.follow(self._log.sequence_nr)) as grown:
            async for _ in grown:
                await self.release()

    async def retire(self, device_id: str, everywhere: VectorTime) -> Retirement:
        """Let a device take part no more, at all sites; repeating it changes nothing.

        Args:
            everywhere: what all sites are known to have: the least of their version vectors.

        Raises:
            NotYetEverywhere: its last event that is known here is not covered by that.
            Unavailable: as `EventLog.append`.
        """
        require_name(POSITION + device_id)
        device = self._device(device_id)
        async with device.lock:
            await device.refresh(self._log)
            retirement = Retirement(device_id, device.taken_to)
            if device.retired:
                return retirement
            if not device.stamp <= everywhere:
                raise NotYetEverywhere(device_id, device.taken_to)
            emitter = emitter_of(device_id)
            event = NewEvent(
                type_name=RETIRED,
                payload=encode(retirement),
                emitter_id=emitter,
                aggregate_id=emitter,
                vector_timestamp=device.stamp,
            )
            await self._log.append([event])
            device.retired = True
            device.waiting.clear()
            return retirement

    def _device(self, device_id: str) -> KnownDevice:
        device = self._devices.pop(device_id, None) or KnownDevice(device_id)
        self._devices[device_id] = device  # the one used last is the last
        idle = (each for each in self._devices.values() if each is not device and _is_idle(each))
        if len(self._devices) > self._limits.max_known_devices and (oldest := next(idle, None)):
            del self._devices[oldest.device_id]
        return device

    def _require_sound(self, submission: Submission) -> None:
        events = submission.events
        require_name(submission.device_id)
        require_name(POSITION + submission.device_id)
        if len(events) > self._limits.max_events:
            raise InvalidDeviceEvent(f"at most {self._limits.max_events} events", len(events))
        for event, count in zip(events, range(events[0].count if events else 1, 1 << 63)):  # noqa: B905 (the range is longer)
            if event.count != count:
                raise InvalidDeviceEvent(f"event {count} of the device", event.count)
            require_device_event(submission.device_id, event)

    def _require_room(self, arrived: dict[int, tuple[DeviceEvent, str]]) -> None:
        waiting = [each for device in self._devices.values() for each in device.waiting.values()]
        if not waiting:
            return
        size_bytes = sum(len(event.payload) for event, _ in (*waiting, *arrived.values()))
        if len(waiting) + len(arrived) > self._limits.max_waiting_events:
            raise TooManyWaiting(self._limits.max_waiting_events)
        if size_bytes > self._limits.max_waiting_bytes:
            raise TooManyWaiting(self._limits.max_waiting_bytes)

    async def _take_ready(self, device: KnownDevice) -> None:
        """Write the events of a device whose predecessors are all here, in one batch."""
        digest, stamp = device.digests.get(device.taken_to), device.stamp
        ready: list[NewEvent] = []
        count = device.taken_to + 1
        while count in device.waiting and self._is_ready(device.waiting[count][0]):
            event, claimed = device.waiting[count]
            if digest is not None and next_digest(digest, event) != claimed:
                device.waiting.clear()
                raise DeviceForked(device.device_id, count)
            digest, stamp = claimed, stamp.merge(event.seen)
            ready.append(to_new_event(device.device_id, event, claimed, stamp))
            count += 1
        if ready:
            progress = {
                POSITION + device.device_id: self._log.sequence_nr,
                COUNT + device.device_id: count - 1,
            }
            for written in await self._log.append(ready, progress=progress):
                device.take(written)
        for taken in [each for each in device.waiting if each <= device.taken_to]:
            del device.waiting[taken]

    def _is_ready(self, event: DeviceEvent) -> bool:
        version = self._log.version
        return event.seen <= version and all(
            each.time <= version.local_time(each.process_id) for each in event.after_events
        )


def _with_digests(
    device: KnownDevice, submission: Submission
) -> dict[int, tuple[DeviceEvent, str]]:
    """Return the events that are not here yet, each with the digest that it leads to."""
    if device.forked_at:
        raise DeviceForked(device.device_id, device.forked_at)
    digest = submission.previous_digest
    if submission.events:
        before = submission.events[0].count - 1
        if device.digests.get(before, digest) != digest:
            raise DeviceForked(device.device_id, before)
    arrived = {}
    for event in submission.events:
        digest = next_digest(digest, event)
        if device.digests.get(event.count, digest) != digest:
            raise DeviceForked(device.device_id, event.count)
        if event.count > device.taken_to:
            arrived[event.count] = (event, digest)
    return arrived


def _is_idle(device: KnownDevice) -> bool:
    return not device.waiting and not device.lock.locked()
