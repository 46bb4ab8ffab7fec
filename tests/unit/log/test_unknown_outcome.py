"""A write whose outcome the store does not know: the log finds out before it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random

import pytest
from known_fates import Fates, random_size
from opened_log import new

from museion.log.event_log import EventLog, WritePolicy
from museion.log.event_store import EventStore, StoreState, WriteFailed
from museion.log.group_commit import AcknowledgedEventsLost
from museion.log.log_errors import LogClosed, LogDefect
from museion.log.memory_store import MemoryEventStore
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import in_event_loop, until
from museion.testing.failing_store import FailingStore, FailureRates, Fault

QUICK = WritePolicy(first_delay_s=0.001, longest_delay_s=0.002, probe_after_s=0.0)
ONCE = WritePolicy(retries=0, first_delay_s=0.001, probe_after_s=0.0)
IMPATIENT = WritePolicy(first_delay_s=0.001, longest_delay_s=0.002, resolve_for_s=0.02)


def failing(*faults: Fault) -> FailingStore:
    store = FailingStore(MemoryEventStore(log_id="here"))
    store.next_faults.extend(faults)
    return store


@in_event_loop
async def test_what_was_written_after_all_is_acknowledged_and_not_written_twice() -> None:
    store = failing(Fault.KEPT)
    log = EventLog(store, policy=QUICK)
    assert numbers(await log.append([new(b"a"), new(b"b")], progress={"reader": 2})) == [1, 2]
    assert [event.payload for event in await log.read()] == [b"a", b"b"]
    assert (log.progress("reader"), log.statistics.retries) == (2, 0)
    await log.close()


@in_event_loop
async def test_what_was_not_written_is_tried_again() -> None:
    log = EventLog(failing(Fault.LOST, Fault.LOST), policy=QUICK)
    assert numbers(await log.append([new(b"a")])) == [1]
    assert [event.payload for event in await log.read()] == [b"a"]
    assert log.statistics.retries == 2
    await log.close()


@in_event_loop
async def test_what_was_not_written_is_refused_once_no_retry_is_left() -> None:
    log = EventLog(failing(Fault.LOST), policy=ONCE)
    with pytest.raises(WriteFailed):
        await log.append([new(b"a")])
    assert list(await log.read()) == []
    assert numbers(await log.append([new(b"b")])) == [1]
    await log.close()


@in_event_loop
@pytest.mark.parametrize(("fault", "retries"), [(Fault.KEPT, 0), (Fault.LOST, 1)])
async def test_progress_without_events_is_found_out_about_too(fault: Fault, retries: int) -> None:
    log = EventLog(failing(fault), policy=QUICK)
    await log.append([], progress={"reader": 7, "other": 8})
    assert (log.progress("reader"), log.progress("other")) == (7, 8)
    assert log.statistics.retries == retries
    await log.close()


@in_event_loop
async def test_a_store_that_recovers_late_is_asked_until_it_does() -> None:
    store = failing(Fault.KEPT)
    store.next_recoveries.extend([False] * 5)
    log = EventLog(store, policy=QUICK)
    assert numbers(await log.append([new()])) == [1]
    assert store.failures == 6
    await log.close()


@in_event_loop
@pytest.mark.parametrize("fault", [Fault.KEPT, Fault.LOST])
async def test_an_outcome_that_stays_unknown_stops_the_log_which_says_so(fault: Fault) -> None:
    store = failing(fault)
    store.next_recoveries.extend([False] * 10_000)
    log = EventLog(store, policy=IMPATIENT)
    with pytest.raises(LogDefect, match="is not known"):
        await log.append([new(b"a")])
    with pytest.raises(LogClosed):
        await log.append([new(b"b")])
    await log.close()


@in_event_loop
async def test_requests_behind_an_unknown_one_learn_that_nothing_was_done() -> None:
    store = failing(Fault.LOST)
    store.next_recoveries.extend([False] * 10_000)
    log = EventLog(store, policy=IMPATIENT)
    first = asyncio.create_task(log.append([new(b"a")]))
    await until(lambda: store.failures > 0)
    with pytest.raises(LogClosed):
        await log.append([new(b"b")])
    with pytest.raises(LogDefect):
        await first
    await log.close()


@in_event_loop
async def test_closing_ends_the_search_and_says_that_the_outcome_is_unknown() -> None:
    store = failing(Fault.KEPT)
    store.next_recoveries.extend([False] * 10_000)
    log = EventLog(store, policy=WritePolicy(first_delay_s=0.001, longest_delay_s=3600.0))
    first = asyncio.create_task(log.append([new()]))
    await until(lambda: store.failures > 3)
    await log.close()
    with pytest.raises(LogDefect):
        await first


@in_event_loop
@pytest.mark.parametrize("fault", [Fault.KEPT, Fault.LOST])
async def test_deleting_finds_out_too_and_the_log_goes_on(fault: Fault) -> None:
    store = failing()
    log = EventLog(store, policy=QUICK)
    await log.append([new()] * 5)
    store.next_faults.append(fault)
    assert await log.delete(3) == 3
    assert store.recover().deleted_to == 3
    assert numbers(await log.append([new()])) == [6]
    await log.close()


@in_event_loop
@pytest.mark.parametrize("fault", [Fault.KEPT, Fault.LOST, Fault.REFUSED])
async def test_removal_goes_on_after_a_failure(fault: Fault) -> None:
    store = failing()
    log = EventLog(store, policy=QUICK)
    await log.append([new()] * 5)
    store.next_faults.extend([None, fault])  # the mark passes
    await log.delete(3)
    await until(lambda: log.deletion.removed_to == 3)
    assert numbers(store.read(limit=9)) == [4, 5]
    await log.close()


class ForgetfulStore(FailingStore):
    """Comes back without its last event, as a server that does not flush may."""

    def __init__(self) -> None:
        super().__init__(MemoryEventStore(log_id="here"))

    def recover(self) -> StoreState:
        state = super().recover()
        return StoreState(state.log_id, max(0, state.sequence_nr - 1), state.version)


@in_event_loop
async def test_a_store_that_comes_back_without_acknowledged_events_stops_the_log() -> None:
    store = ForgetfulStore()
    log = EventLog(store, policy=QUICK)
    await log.append([new()] * 3)
    store.next_faults.append(Fault.LOST)
    with pytest.raises(LogDefect) as stopped:
        await log.append([new()])
    assert isinstance(stopped.value.__cause__, AcknowledgedEventsLost)
    assert "ends at event 2, but had acknowledged event 3" in str(stopped.value)
    await log.close()


RATES: Mapping[str, FailureRates] = {
    "seldom": FailureRates(refused=0.05, lost=0.02, kept=0.02, not_recovered=0.3),
    "often": FailureRates(refused=0.3, lost=0.2, kept=0.2, not_recovered=0.5, read_failed=0.2),
    "unknown": FailureRates(lost=0.45, kept=0.45, not_recovered=0.2),
}


@in_event_loop
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rates", list(RATES))
async def test_whatever_fails_what_is_told_is_what_is_there(rates: str, seed: int) -> None:
    random = Random(seed)  # noqa: S311 (repeatable)
    held: EventStore = MemoryEventStore(log_id="here")
    fates = Fates()
    for _ in range(3):  # the log may stop; then it is opened again
        store = FailingStore(held, random=random)
        log = EventLog(store, policy=IMPATIENT)
        store.rates = RATES[rates]
        await asyncio.gather(*(fates.append(log, random_size(random)) for _ in range(40)))
        store.rates = FailureRates()
        await log.close()
    fates.require_kept_by(held)
    assert fates.written
