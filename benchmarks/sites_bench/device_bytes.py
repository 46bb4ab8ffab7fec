"""How many bytes a device sends for each event that it syncs, with and without zstd."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from museion.base.codec import encode
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.bodies import pack
from museion.log.replication.devices.device_log import DeviceLog
from museion.log.replication.devices.device_messages import (
    DeviceRead,
    DeviceReadAnswer,
    Submission,
    SubmissionAnswer,
)
from museion.log.replication.devices.device_sync import SyncLimits, sync
from museion.log.replication.devices.intake import DeviceIntake
from museion.log.replication.filters import EVERYTHING
from museion.log.replication.gate import open_gate
from museion.log.vector_time import VectorTime


class _Weighing:
    """A line that counts the bytes of what passes; it stands in for a transport."""

    def __init__(self, intake: DeviceIntake) -> None:
        self._intake = intake
        self.plain = {"sent": 0, "received": 0}
        self.zstd = {"sent": 0, "received": 0}

    async def submit(self, submission: Submission) -> SubmissionAnswer:
        answer = await self._intake.submit(submission)
        self._weigh(submission, answer)
        return answer

    async def read(self, request: DeviceRead) -> DeviceReadAnswer:
        answer = await self._intake.read(request)
        self._weigh(request, answer)
        return answer

    def _weigh(self, request: object, answer: object) -> None:
        for way, message in (("sent", request), ("received", answer)):
            self.plain[way] += len(encode(message))
            self.zstd[way] += len(pack(message, accepts_zstd=True).content)


def device_bytes(*, events: int = 1000, batch: int = 256, sites: int = 3) -> Mapping[str, float]:
    """Sync a device that wrote and fetches so many events, and return bytes per event.

    The events are captions and ratings of a shooting: about 60 bytes of payload each, every fourth
    an answer to an event of a site. Headers of the transport are not counted.

    Args:
        sites: how many sites have an entry in the vector times.
    """
    return asyncio.run(_device_bytes(events, batch, sites))


async def _device_bytes(events: int, batch: int, sites: int) -> Mapping[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        async with EventLog(MemoryEventStore(log_id="headquarters-0000")) as log:
            await _fill(log, events, sites)
            line = _Weighing(DeviceIntake(log, gate_for=open_gate))
            limits = SyncLimits(max_events=batch)
            with DeviceLog(Path(folder) / "log", "field-client-0001") as device:
                device.subscribe(EVERYTHING)
                await sync(device, line, limits)
                _write(device, events)
                await sync(device, line, limits)
    return {
        f"{way}_{form}": size / events
        for form, sizes in (("plain", line.plain), ("zstd", line.zstd))
        for way, size in sizes.items()
    }


def vector_entries(*, devices: int = 1000, sites: int = 3) -> Mapping[str, int]:
    """Let so many devices write one event each, and return how large vector times have become.

    Returns:
        Entries of the version vector of the log, and of the largest stamp of an event in it,
        before any device came (`..._before`) and after all did.
    """
    return asyncio.run(_vector_entries(devices, sites))


async def _vector_entries(devices: int, sites: int) -> Mapping[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        async with EventLog(MemoryEventStore(log_id="headquarters-0000")) as log:
            await _fill(log, 1, sites)
            before = await _entries(log)
            line = _Weighing(DeviceIntake(log, gate_for=open_gate))
            for number in range(devices):
                name = f"field-client-{number:04}"
                with DeviceLog(Path(folder) / name, name) as device:
                    device.subscribe(EVERYTHING)
                    device.write("archive.caption-set", b"seen", aggregate_id="asset/1")
                    await sync(device, line, SyncLimits())
            assert log.sequence_nr >= devices
            after = await _entries(log)
    return {
        "version_before": before[0],
        "version": after[0],
        "stamp_before": before[1],
        "stamp": after[1],
    }


async def _entries(log: EventLog) -> tuple[int, int]:
    stamps = [each.vector_timestamp.times async for each in _all_events(log)]
    return len(log.version.times), max(map(len, stamps))


async def _all_events(log: EventLog) -> AsyncIterator[Event]:
    position = 0
    while page := await log.read(after=position, limit=512):
        for event in page:
            yield event
        position = page[-1].sequence_nr


async def _fill(log: EventLog, events: int, sites: int) -> None:
    for number in range(1, sites):
        async with EventLog(MemoryEventStore(log_id=f"branch-office-{number:04}")) as other:
            await log.append_replicated(await other.append([_caption(number)]))
    stamp = log.version
    await log.append([_caption(number, stamp) for number in range(events)])


def _caption(number: int, stamp: VectorTime | None = None) -> NewEvent:
    text = f"Arrival of the guests, east entrance, frame {number}".encode()
    return NewEvent(
        type_name="archive.caption-set",
        payload=text,
        emitter_id=f"asset/{number:08}",
        aggregate_id=f"asset/{number:08}",
        vector_timestamp=stamp or VectorTime(),
    )


def _write(device: DeviceLog, events: int) -> None:
    seen = list(device.received.values())
    for number in range(events):
        device.write(
            "archive.caption-set",
            f"The minister greets the winners, second row, frame {number}".encode(),
            aggregate_id=f"asset/{number:08}",
            after_events=[seen[number]] if number % 4 == 0 else (),
            device_time_ms=1_700_000_000_000 + 900 * number,
        )
