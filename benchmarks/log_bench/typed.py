"""The payload under measurement, as Museion's typed layer and its aggregates see it."""

from __future__ import annotations

from log_bench.events import TYPE_NAME, Drawn, LineChanged

from museion.log.event import NewEvent
from museion.log.event_types import EventTypes
from museion.log.payloads.event_mark import event_type
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.vector_time import VectorTime

TYPES = EventTypes(event_type(TYPE_NAME)(LineChanged))


class Order(Aggregate, name="order"):
    """An order that remembers its lines; one command runs at a time."""

    total_minor: int = 0
    lines: dict[int, str]

    def __init__(self) -> None:
        self.lines = {}

    @command
    async def change_line(self, change: LineChanged) -> None:
        """Change one line."""
        await self.persist(change)

    @command
    async def change_lines(self, changes: list[LineChanged]) -> None:
        """Change lines, all or none."""
        await self.persist(*changes)

    @command
    async def total(self) -> int:
        """Return the total."""
        return self.total_minor

    @command
    async def keep(self) -> None:
        """Save a snapshot."""
        await self.save_snapshot()

    @handles
    def _changed(self, change: LineChanged) -> None:
        self.lines[change.line] = change.article
        self.total_minor += change.quantity * change.price_minor


class LooseOrder(Order, name="loose-order", state_sync=False):
    """An order whose commands do not wait for each other's writes."""


def typed_event(each: Drawn, known: VectorTime) -> NewEvent:
    """Encode a drawn event as a program does that emits typed payloads."""
    return TYPES.encode(
        each.payload,
        emitter_id=each.emitter_id,
        aggregate_id=each.aggregate_id,
        vector_timestamp=known,
    )
