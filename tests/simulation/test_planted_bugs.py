"""Bugs of each kind, planted one at a time: the simulation finds every one within a few seeds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest

from museion.log.crdt import last_writer_wins, multi_value
from museion.log.crdt.versions import RegisterState, Version
from museion.log.deletion import Deletion
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.event_store import WriteBatch, WriteFailed
from museion.log.replication import reading, source
from museion.log.replication.connection import Connection
from museion.log.replication.gossip import Gossip
from museion.log.replication.link import PROGRESS
from museion.log.replication.recoverer import Recoverer
from museion.log.replication.remote_logs import Held, RemoteLogs
from museion.log.replication.replicator import Replicator
from museion.log.stamping import Stamper
from museion.log.vector_time import VectorTime
from museion.testing.simulation.disk import SimulatedStore
from museion.testing.simulation.drawn import PUBLIC, Course, play
from museion.testing.simulation.running import Scenario, simulate
from museion.testing.simulation.workload import WorkPlan
from museion.testing.simulation.world import SimulatedWorld

WITHIN_SEEDS = 10

MESH = Course(
    shape="mesh",
    sites=3,
    leaf="",
    offers=False,
    log_names=("",),
    work=WorkPlan(emitters=2, editors=1, pause_s=0.3, until_s=6.0),
    faults=((1.0, "lines"), (2.0, "partition"), (3.0, "crash")),
    restart=False,
    settle_s=60.0,
)
LEAF = Course(
    shape="chain",
    sites=2,
    leaf="filter",
    offers=False,
    log_names=("",),
    work=WorkPlan(emitters=1, editors=0, pause_s=0.5, until_s=4.0),
    faults=(),
    restart=False,
    settle_s=60.0,
)
POWER = Course(
    shape="chain",
    sites=2,
    leaf="",
    offers=False,
    log_names=("",),
    work=WorkPlan(emitters=2, editors=0, pause_s=0.2, until_s=6.0),
    faults=((2.0, "power"), (3.5, "power"), (5.0, "crash")),
    restart=True,
    settle_s=60.0,
)
LOSS = Course(
    shape="mesh",
    sites=2,
    leaf="",
    offers=False,
    log_names=("",),
    work=WorkPlan(emitters=1, editors=2, pause_s=0.15, until_s=7.0),
    faults=((2.0, "backup"), (2.1, "backup"), (5.0, "loss")),
    restart=False,
    settle_s=60.0,
)
DELETION = Course(
    shape="chain",
    sites=3,
    leaf="",
    offers=False,
    log_names=("",),
    work=WorkPlan(emitters=1, editors=0, pause_s=0.3, deletes=True, until_s=6.0),
    faults=((0.5, "partition"), (1.5, "cut"), (2.0, "partition")),
    restart=False,
    settle_s=300.0,
)


async def after_a_loss(world: SimulatedWorld) -> None:
    """A site loses its disk when its neighbours have removed old events; then it writes on.

    So it gets back fewer events than it once had, and new ones from a neighbour meanwhile.
    """
    first, second, third = [await world.site(each) for each in "abc"]
    await world.connect("a", "b")
    await world.connect("a", "c")
    await write(first, count=8)
    await world.settled(limit_s=60.0)
    for site in (second, third):
        assert site.endpoint is not None
        await site.endpoint.delete("", 6)
    await asyncio.sleep(5.0)
    losing = asyncio.create_task(world.lose(first))
    await asyncio.sleep(1.0)
    await write(third, count=2)
    await losing
    await world.recovered(first)
    await write(first, count=3)
    await world.settled(limit_s=60.0)


async def with_a_second_way(world: SimulatedWorld) -> None:
    """A leaf behind a filter gets a second connection, past the filter."""
    for site_id in ("hub", "other"):
        await world.site(site_id)
    leaf = await world.site("leaf", may_have=None)
    await world.connect("hub", "other")
    await world.connect("hub", "leaf", only=PUBLIC)
    await write(world.sites["hub"], count=2, aggregate_id="secret-1")
    await write(world.sites["hub"], count=2, aggregate_id="public-1")
    await asyncio.sleep(5.0)
    await leaf.connect(Connection("other"))
    await world.settled(limit_s=60.0)


async def write(site: Any, *, count: int, aggregate_id: str = "public-1") -> None:
    async def append(log: EventLog) -> None:
        for number in range(count):
            new = NewEvent(
                type_name="noted",
                payload=f"{site.site_id} {number} {site.now_ms()}".encode(),
                emitter_id="writer",
                aggregate_id=aggregate_id,
                vector_timestamp=log.version,
            )
            await log.append([new])

    await site.life.spawn(append(site.log))


def playing(course: Course) -> Scenario:
    return lambda world: play(world, course)


def found(scenario: Scenario) -> str:
    """Return what the simulation says of the first seed that fails."""
    for seed in range(WITHIN_SEEDS):
        outcome = simulate(scenario, seed, limit_s=3_000.0)
        if outcome.failure is not None:
            return str(outcome.failure)
    pytest.fail(f"not found within {WITHIN_SEEDS} seeds")


@pytest.mark.parametrize(
    "scenario",
    [*map(playing, (MESH, LEAF, POWER, LOSS, DELETION)), after_a_loss],
    ids=["mesh", "leaf", "power", "loss", "deletion", "after a loss"],
)
def test_nothing_is_found_where_no_bug_is_planted(scenario: Scenario) -> None:
    for seed in range(3):
        assert simulate(scenario, seed).failure is None


def test_found_that_the_causality_filter_at_the_target_is_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = Stamper.replicated

    def take_all(self: Stamper, events: Iterable[Event]) -> list[Event]:
        taken = []
        for event in events:
            known, self._times = self._times, {}
            taken += original(self, [event])
            self._times = dict(VectorTime(known).merge(VectorTime(self._times)).times)
        return taken

    monkeypatch.setattr(Stamper, "replicated", take_all)
    assert "is there twice" in found(playing(MESH))


def test_found_that_duplicates_are_known_by_the_last_few_events_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, last = Stamper.replicated, dict[str, list[object]]()

    def remember_few(self: Stamper, events: Iterable[Event]) -> list[Event]:
        taken = []
        recent = last.setdefault(self._log_id, [])
        for event in events:
            if event.id not in recent[-2:]:
                known, self._times = self._times, {}
                taken += original(self, [event])
                self._times = dict(VectorTime(known).merge(VectorTime(self._times)).times)
            recent.append(event.id)
        return taken

    monkeypatch.setattr(Stamper, "replicated", remember_few)
    assert "is there twice" in found(playing(MESH))


def test_found_that_progress_is_written_before_the_events(monkeypatch: pytest.MonkeyPatch) -> None:
    async def take(
        self: RemoteLogs,
        log: EventLog,
        log_id: str,
        events: Sequence[Event],
        *,
        scanned_to: int,
        generation: int,
    ) -> list[Event]:
        await log.append([], progress={PROGRESS + log_id: scanned_to})
        return await log.append_replicated(events)

    monkeypatch.setattr(RemoteLogs, "take", take)
    assert "progress in" in found(playing(MESH))


def test_found_that_progress_does_not_move_over_filtered_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = RemoteLogs.take

    async def take(
        self: RemoteLogs,
        log: EventLog,
        log_id: str,
        events: Sequence[Event],
        *,
        scanned_to: int,
        generation: int,
    ) -> list[Event]:
        if not events:
            await asyncio.sleep(1.0)  # else it would ask for them without end, as fast as it can
            return []
        return await original(
            self, log, log_id, events, scanned_to=scanned_to, generation=generation
        )

    monkeypatch.setattr(RemoteLogs, "take", take)
    assert "not all has been read" in found(playing(LEAF))


def test_found_that_the_own_time_is_not_lifted_after_recovery(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = Stamper.emitted

    def emit(self: Stamper, new_events: Sequence[NewEvent]) -> list[Event]:
        own = self._times.pop(self._log_id, 0)
        events = original(self, new_events)
        self._times[self._log_id] = max(own, self._times.get(self._log_id, 0))
        return events

    monkeypatch.setattr(Stamper, "emitted", emit)
    assert "process_id='a', time=" in found(after_a_loss)


def test_found_that_snapshots_stay_at_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recoverer, "_drop_snapshots", lambda self: None)
    assert "expected" in found(playing(LOSS))


def test_found_that_neighbours_keep_their_progress_at_recovery(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def set_back(self: RemoteLogs, log: EventLog, log_id: str, position: int) -> int:
        return self.progress(log, log_id)

    monkeypatch.setattr(RemoteLogs, "set_back", set_back)
    assert found(after_a_loss)


def test_found_that_a_source_keeps_the_version_of_a_target_that_lost_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = RemoteLogs.hold
    cache: dict[tuple[int, str], VectorTime] = {}

    def hold(
        self: RemoteLogs, log_id: str, known: VectorTime, *, recovering: bool
    ) -> AbstractContextManager[Held]:
        before = cache.get((id(self), log_id), VectorTime())
        cache[id(self), log_id] = known = known.merge(before)
        return original(self, log_id, known, recovering=recovering)

    monkeypatch.setattr(RemoteLogs, "hold", hold)
    assert "is there before its cause" in found(playing(LOSS))


def test_found_that_a_batch_is_kept_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    original = SimulatedStore.write

    def write_a_part(self: SimulatedStore, batch: WriteBatch) -> None:
        if len(batch.events) < 4:
            original(self, batch)
            return
        original(self, WriteBatch(batch.events[:2], {}, batch.frames[:2]))
        raise WriteFailed("the disk is full")

    monkeypatch.setattr(SimulatedStore, "write", write_a_part)
    assert "events of one request" in found(playing(POWER))


def test_found_that_a_filter_is_evaluated_at_the_target_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = reading.read_for_replication

    async def read(*log: EventLog, **more: Any) -> Any:
        return await original(*log, **{**more, "may_leave": None})

    monkeypatch.setattr(source, "read_for_replication", read)
    assert "leaves for leaf, which may not have it" in found(playing(LEAF))


def test_found_that_versions_stand_in_the_order_in_which_they_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(multi_value, "write", in_order_of_arrival)
    assert "expected" in found(playing(MESH))


def test_found_that_the_last_to_come_wins_of_concurrent_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(last_writer_wins, "write", in_order_of_arrival)
    assert "expected" in found(playing(MESH))


def in_order_of_arrival(
    state: RegisterState[str], version: Version[str], replaces: object
) -> RegisterState[str]:
    past = version.stamp.vector_timestamp
    kept = [each for each in state.versions if not each.stamp.vector_timestamp < past]
    return RegisterState((version, *kept))


def test_found_that_deletion_does_not_wait_for_those_it_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def removable_to(self: Deletion) -> int:
        return min(self.deleted_to, self._log.sequence_nr - 1)

    monkeypatch.setattr(Deletion, "_removable_to", removable_to)
    assert found(playing(DELETION))


def test_found_that_events_are_acknowledged_before_they_are_durable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SimulatedStore, "flush", lambda self: None)
    assert "was acknowledged, and is gone after a restart" in found(playing(POWER))


def test_found_that_ranges_read_ahead_are_stored_out_of_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = Replicator._ask_for_ranges

    def ask(self: Replicator) -> None:
        original(self)
        self._reads.rotate(1)

    monkeypatch.setattr(Replicator, "_ask_for_ranges", ask)
    assert found(playing(MESH))


def test_found_that_a_filtered_connection_may_be_on_a_cycle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Gossip, "require_no_cycle", lambda self, remote_id, **_: None)
    monkeypatch.setattr(Gossip, "require_allowed", lambda self, links: None)
    assert "is there before its cause" in found(with_a_second_way)
