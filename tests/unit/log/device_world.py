"""Sites in memory that devices come to, and lines to them that break."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from museion.base.codec import decode, encode
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.devices.device_messages import (
    DeviceRead,
    DeviceReadAnswer,
    Submission,
    SubmissionAnswer,
)
from museion.log.replication.devices.intake import DeviceIntake, IntakeLimits
from museion.log.replication.gate import GateFor, open_gate
from museion.log.replication.refusals import Unreachable


@dataclass(frozen=True)
class Site:
    """A site, and the line to it as bytes."""

    log: EventLog
    intake: DeviceIntake

    async def submit(self, submission: Submission) -> SubmissionAnswer:
        answer = await self.intake.submit(decode(encode(submission), Submission))
        return decode(encode(answer), SubmissionAnswer)

    async def read(self, request: DeviceRead) -> DeviceReadAnswer:
        answer = await self.intake.read(decode(encode(request), DeviceRead))
        return decode(encode(answer), DeviceReadAnswer)


class BreakingLine:
    """Breaks one call, by its number: it loses the "request" or the "answer"."""

    def __init__(self, site: Site, broken: int, lost: str) -> None:
        self._site = site
        self._broken = broken
        self._lost = lost
        self.calls = 0

    async def submit(self, submission: Submission) -> SubmissionAnswer:
        lost = self._next()
        answer = await self._site.submit(submission)
        if lost:
            raise Unreachable("the site", "the line broke")
        return answer

    async def read(self, request: DeviceRead) -> DeviceReadAnswer:
        lost = self._next()
        answer = await self._site.read(request)
        if lost:
            raise Unreachable("the site", "the line broke")
        return answer

    def _next(self) -> bool:
        self.calls += 1
        lost = self._lost if self.calls == self._broken else ""
        if lost == "request":
            raise Unreachable("the site", "the line broke")
        return lost == "answer"


@asynccontextmanager
async def sites(
    *names: str, limits: IntakeLimits | None = None, gate_for: GateFor = open_gate
) -> AsyncIterator[list[Site]]:
    logs = [EventLog(MemoryEventStore(log_id=name)) for name in names]
    try:
        yield [Site(log, DeviceIntake(log, gate_for=gate_for, limits=limits)) for log in logs]
    finally:
        for log in logs:
            await log.close()


async def everything(log: EventLog) -> list[Event]:
    return list(await log.read(limit=100_000))


async def payloads(log: EventLog) -> list[bytes]:
    return [event.payload for event in await everything(log)]
