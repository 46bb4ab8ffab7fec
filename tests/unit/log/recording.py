"""An aggregate that records what happens to it, with state sync on and off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import field
from typing import ClassVar

import msgspec
import pytest

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.event_types import EventTypes, event_type
from museion.log.memory_store import MemoryEventStore
from museion.log.sourced.aggregate import Aggregate, command, handles


@event_type("test.noted")
class Noted(msgspec.Struct, frozen=True):
    text: str


@event_type("test.passed-over")
class PassedOver(msgspec.Struct, frozen=True):
    text: str = ""


TYPES = EventTypes(Noted, PassedOver)


class Recorder(Aggregate, name="recorder", transient=("trace", "gate", "emitters")):
    """`texts` is its state; `trace` tells in which order commands and handlers ran."""

    texts: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    emitters: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None

    @command
    async def note(self, *texts: str) -> list[str]:
        self.trace.append(f"begin {' '.join(texts)}")
        await self.persist(*map(Noted, texts))
        self.trace.append(f"end {' '.join(texts)}")
        return list(self.texts)

    @command
    async def write(self, *payloads: object, destinations: tuple[str, ...] = ()) -> list[Event]:
        return await self.persist(*payloads, destinations=destinations)

    @command
    async def note_if_empty(self, text: str) -> bool:
        if self.texts:
            return False
        await self.persist(Noted(text))
        return True

    @command
    async def look(self) -> list[str]:
        return list(self.texts)

    @command
    async def look_at(self, name: str) -> object:
        """For what a test wants to know of the instance, such as `trace`."""
        return getattr(self, name)

    @command
    async def do(self, action: Callable[[Recorder], object]) -> object:
        """Run whatever a test wants to try within a command."""
        done = action(self)
        return await done if asyncio.iscoroutine(done) else done

    @handles
    def _noted(self, event: Noted) -> None:
        self.trace.append(f"handle {event.text}")
        self.emitters.append(self.current.emitter_id)
        self.texts.append(event.text)


class SideBySide(
    Recorder,
    name="recorder",
    state_sync=False,
    transient=("trace", "gate", "emitters"),
):
    """The same with state sync off."""


in_both_modes = pytest.mark.parametrize(
    "kind", [Recorder, SideBySide], ids=["state sync on", "state sync off"]
)


async def emit(
    log: EventLog,
    *payloads: object,
    aggregate_id: str | None = "a",
    emitter_id: str = "other",
    destinations: tuple[str, ...] = (),
) -> Sequence[Event]:
    """Write events as another emitter of the same log does."""
    return await log.append(
        [
            TYPES.encode(
                payload,
                emitter_id=emitter_id,
                aggregate_id=aggregate_id,
                destinations=destinations,
            )
            for payload in payloads
        ]
    )


async def replicate(source: EventLog, target: EventLog) -> None:
    """Bring everything that one log has to another."""
    await target.append_replicated(await source.read(limit=10_000))


@asynccontextmanager
async def two_logs() -> AsyncIterator[tuple[EventLog, EventLog]]:
    """Two locations, not linked."""
    here = EventLog(MemoryEventStore(log_id="here"))
    there = EventLog(MemoryEventStore(log_id="there"))
    try:
        yield here, there
    finally:
        await here.close()
        await there.close()


class Unmarked(msgspec.Struct, frozen=True):
    """A payload that nothing can write."""

    kind: ClassVar[str] = "unmarked"
