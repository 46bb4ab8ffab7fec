"""What a site had worked on before it lost its log is not worked on again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from museion.archive.enrichment.done_before import NotAgain
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.log_errors import LogHeld
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.recovery_states import RECOVERED
from museion.testing.event_loop import in_event_loop


class Looking:
    """Finds the same in each asset, under a name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.handles = frozenset({"asset"})

    async def process(self, event: Event) -> Sequence[NewEvent]:
        return [_found(self.name, event)]


def _found(name: str, event: Event) -> NewEvent:
    cause, asset = event.id, event.aggregate_id
    return NewEvent(type_name="f", payload=b"", emitter_id=name, aggregate_id=asset, cause=cause)


@asynccontextmanager
async def log_with_asset(*, recovered: bool = True) -> AsyncIterator[tuple[EventLog, Event]]:
    async with EventLog(MemoryEventStore(log_id="here")) as log:
        asset = NewEvent(type_name="asset", payload=b"", emitter_id="x", aggregate_id="asset-1")
        (born,) = await log.append([asset], progress={RECOVERED: 7} if recovered else None)
        yield log, born


@in_event_loop
async def test_what_was_found_before_a_loss_is_not_looked_for_again() -> None:
    async with log_with_asset() as (log, born):
        await log.append([_found("metadata", born)])
        assert await NotAgain(Looking("metadata"), log).process(born) == ()


@in_event_loop
async def test_what_nobody_had_found_before_a_loss_is_looked_for() -> None:
    async with log_with_asset() as (log, born):
        await log.append([_found("renditions", born)])
        assert await NotAgain(Looking("metadata"), log).process(born) == [_found("metadata", born)]


@in_event_loop
async def test_a_log_that_was_never_recovered_is_not_searched() -> None:
    async with log_with_asset(recovered=False) as (log, born):
        await log.append([_found("metadata", born)])
        assert await NotAgain(Looking("metadata"), log).process(born) == [_found("metadata", born)]


@in_event_loop
async def test_nothing_is_looked_for_while_a_log_is_brought_back() -> None:
    async with log_with_asset() as (log, born):
        await log.write_hold.hold()
        with pytest.raises(LogHeld):
            await NotAgain(Looking("metadata"), log).process(born)
