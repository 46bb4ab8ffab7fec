"""A small aggregate for tests, and ways to run it."""

from __future__ import annotations

import msgspec

from museion.base.errors import InvalidInput
from museion.log.event_types import event_type
from museion.log.sourced.aggregate import Aggregate, command, handles


@event_type("test.incremented")
class Incremented(msgspec.Struct, frozen=True):
    by: int


class Counter(Aggregate, name="counter"):
    value = 0

    @command
    async def increment(self, by: int) -> int:
        if by < 1:
            raise InvalidInput(f"Expected at least 1, got {by}.")
        await self.persist(Incremented(by))
        return self.value

    @command
    async def read(self) -> int:
        return self.value

    @handles
    def _incremented(self, event: Incremented) -> None:
        self.value += event.by
