"""The log of one device: a single file, written without a line for days.

It holds the device's own events, in its order, and those that it received from sites. Calls block
for one small write; there is one user at a time. What a device writes once is never taken back or
numbered anew, so a repeat of it is always recognised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self, TypeAlias

import msgspec

from museion.base.codec import encode
from museion.log.event import Event, EventId
from museion.log.replication.devices.device_errors import DamagedDeviceLog, InvalidDeviceEvent
from museion.log.replication.devices.device_event import (
    START,
    DeviceEvent,
    next_digest,
    require_device_event,
)
from museion.log.replication.devices.device_file import DeviceFile
from museion.log.replication.devices.device_messages import DeviceReadAnswer
from museion.log.replication.filters import Filter, Nothing
from museion.log.replication.protocol import WireEvent
from museion.log.replication.wire import from_wire
from museion.log.vector_time import VectorTime


class Begun(msgspec.Struct, frozen=True, array_like=True, tag="begun"):
    """First record: whose log it is."""

    device_id: str


class Wrote(msgspec.Struct, frozen=True, array_like=True, tag="wrote"):
    """The device wrote an event."""

    event: DeviceEvent


class Subscribed(msgspec.Struct, frozen=True, array_like=True, tag="subscribed"):
    """From here on the device wants other events; it reads the sites from their beginning."""

    only: Filter


class Received(msgspec.Struct, frozen=True, array_like=True, tag="received"):
    """Events of a site came in, and the place up to which it was read."""

    place: str
    scanned_to: int
    events: tuple[WireEvent, ...]


class Acknowledged(msgspec.Struct, frozen=True, array_like=True, tag="acknowledged"):
    """A site has the device's events up to a count."""

    log_id: str
    taken_to: int


Record: TypeAlias = Begun | Wrote | Subscribed | Received | Acknowledged

_DECODER: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


class DeviceLog:
    """What a device wrote and received. Close it at the end, or use `with`.

    Args:
        path: the file; made where there is none.
        device_id: whose log it is. It must never be given to two devices, nor to a device that was
            set back to an older state: sites refuse the second history.

    Raises:
        DamagedDeviceLog: the file is damaged before its end.
        InvalidDeviceEvent: the file is another device's.
        DeviceLogFull: it cannot be opened.
    """

    def __init__(self, path: Path, device_id: str) -> None:
        self.device_id = device_id
        self.subscription: Filter = Nothing()
        self._own: list[DeviceEvent] = []
        self._digests = [START]
        self._seen = VectorTime()
        self._received: dict[EventId, Event] = {}
        self._places: dict[str, int] = {}
        self._acknowledged: dict[str, int] = {}
        self._file = DeviceFile(path)
        try:
            for content in self._file.contents:
                self._take(_record(content, path))
            if not self._file.contents:
                self._keep(Begun(device_id))
        except BaseException:
            self._file.close()
            raise

    @property
    def count(self) -> int:
        """How many events the device has written."""
        return len(self._own)

    @property
    def received(self) -> Mapping[EventId, Event]:
        """The events of sites that the device holds, in the order in which they came."""
        return self._received

    @property
    def acknowledged(self) -> Mapping[str, int]:
        """Log id of a site -> count up to which it has the device's events."""
        return self._acknowledged

    def write(
        self,
        type_name: str,
        payload: bytes,
        *,
        aggregate_id: str | None = None,
        after: Sequence[int] = (),
        after_events: Sequence[Event] = (),
        device_time_ms: int = 0,
        form: int = 1,
        destinations: Sequence[str] = (),
    ) -> DeviceEvent:
        """Write an event; it is on disk when this returns.

        Args:
            after: counts of own events that led to it; direct predecessors only.
            after_events: received events that led to it, likewise.
            device_time_ms: what the device's clock says, right or wrong; milliseconds since 1970.

        Raises:
            InvalidDeviceEvent, InvalidEvent: it is not of a kind that a site can take.
            DeviceLogFull: it is certainly not in the log.
        """
        seen = self._seen
        for event in after_events:
            seen = seen.merge(event.vector_timestamp)
        written = DeviceEvent(
            self.count + 1,
            type_name,
            payload,
            aggregate_id,
            form,
            tuple(after),
            tuple(event.id for event in after_events),
            VectorTime() if seen == self._seen else seen,
            device_time_ms,
            tuple(destinations),
        )
        require_device_event(self.device_id, written)
        self._keep(Wrote(written))
        return written

    def events(self, *, after: int = 0, limit: int = 256) -> Sequence[DeviceEvent]:
        """Return at most `limit` own events above a count."""
        return self._own[after : after + limit]

    def digest_at(self, count: int) -> str | None:
        """Return the digest of the device's history up to a count, None beyond its end."""
        return self._digests[count] if count < len(self._digests) else None

    def subscribe(self, only: Filter) -> None:
        """Want other events from now on; nothing that was received is dropped."""
        if only != self.subscription:
            self._keep(Subscribed(only))

    def read_to(self, place: str) -> int:
        """Return how far a site was read for the present subscription."""
        return self._places.get(place, 0)

    def receive(self, place: str, answer: DeviceReadAnswer) -> Sequence[Event]:
        """Keep events of a site and the place read up to, and return those that were new."""
        new = [wire for wire in answer.events if from_wire(wire).id not in self._received]
        if new or answer.scanned_to != self.read_to(place):
            self._keep(Received(place, answer.scanned_to, tuple(new)))
        return [self._received[from_wire(wire).id] for wire in new]

    def acknowledge(self, log_id: str, taken_to: int) -> None:
        """Note how far a site has the device's events."""
        if taken_to > self._acknowledged.get(log_id, 0):
            self._keep(Acknowledged(log_id, taken_to))

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self, record: Record) -> None:
        self._file.append(encode(record))
        self._take(record)

    def _take(self, record: Record) -> None:
        match record:
            case Begun(device_id):
                if device_id != self.device_id:
                    raise InvalidDeviceEvent(f"the log of device {self.device_id!r}", device_id)
            case Wrote(event):
                self._own.append(event)
                self._digests.append(next_digest(self._digests[-1], event))
                self._seen = self._seen.merge(event.seen)
            case Subscribed(only):
                self.subscription = only
                self._places.clear()
            case Received(place, scanned_to, events):
                self._places[place] = scanned_to
                for received in map(from_wire, events):
                    self._received[received.id] = received
            case Acknowledged(log_id, taken_to):
                self._acknowledged[log_id] = taken_to


def _record(content: bytes, path: Path) -> Record:
    try:
        return _DECODER.decode(content)
    except msgspec.MsgspecError as reason:
        raise DamagedDeviceLog(str(path), 0, f"a record cannot be read: {reason}") from reason
