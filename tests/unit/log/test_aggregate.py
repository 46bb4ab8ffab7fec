"""What an aggregate promises to its callers and its author."""

from __future__ import annotations

import pytest
from counting import Counter
from opened_log import opened

from museion.base.errors import InvalidInput
from museion.log.sourced.aggregates import Aggregates
from museion.testing.event_loop import in_event_loop


@in_event_loop
async def test_a_command_returns_a_result_after_its_event_was_written_and_handled() -> None:
    async with opened() as log, Aggregates(log, Counter) as counters:
        counter = await counters.get("clicks")
        assert await counter.increment(3) == 3
        assert log.sequence_nr == 1


@in_event_loop
async def test_a_command_may_refuse_and_then_nothing_is_written() -> None:
    async with opened() as log, Aggregates(log, Counter) as counters:
        counter = await counters.get("clicks")
        with pytest.raises(InvalidInput):
            await counter.increment(0)
        assert (await counter.read(), log.sequence_nr) == (0, 0)
