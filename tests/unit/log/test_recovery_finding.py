"""Any event of a log is found by its identity, wherever it stands."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from opened_log import new

from museion.log.event import EventId
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.finding import find_event
from museion.log.replication.link import pull
from museion.log.replication.reading import ReadLimits
from museion.testing.event_loop import in_event_loop


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_each_event_is_found_and_nothing_else(seed: int) -> None:
    run(Random(seed))  # noqa: S311 (a repeatable test)


@in_event_loop
async def run(random: Random) -> None:
    logs = [EventLog(MemoryEventStore(log_id=name)) for name in "abc"]
    try:
        for _ in range(20):
            log, other = random.sample(logs, 2)
            await log.append([new(b"")] * random.randrange(4))
            await pull(log, other, limits=ReadLimits(max_events=random.randrange(1, 5)))
        events = list(await logs[0].read(limit=10_000))
        for event in events:
            assert await find_event(logs[0], event.id) == event
        known = {event.id for event in events}
        for name in "abcd":
            for time in range(1, 40):
                if EventId(name, time) not in known:
                    assert await find_event(logs[0], EventId(name, time)) is None
    finally:
        for log in logs:
            await log.close()
