"""A site behind a filter that loses its log gets back what it may have, and repeats no identity."""

from __future__ import annotations

from lost_sites import Sites, backup_of, sites

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.proof.findings import AnyFinding, Gap
from museion.log.proof.verification import verify
from museion.log.replication.filters import OfAggregate
from museion.log.replication.gate import Gate, OpenGate
from museion.log.stamping import GIVEN_TO
from museion.testing.event_loop import in_event_loop

PUBLIC = OfAggregate(("public",))


class PublicGate:
    """Lets out what is public: as the filter, but a matter of rights."""

    restricts = True
    parts = True

    async def ready(self, sequence_nr: int) -> None:
        """Be ready at once."""

    def may_leave(self, event: Event) -> bool:
        """Tell whether it is public."""
        return event.aggregate_id == "public"


def to_leaf(remote_id: str) -> Gate:
    return PublicGate() if remote_id == "leaf" else OpenGate()


async def with_leaf(world: Sites) -> None:
    """Let a leaf behind a filter write for all and for itself, the latter last."""
    await world.join("hub", "leaf", PUBLIC)
    await world.write("leaf", b"l1", b"l2", aggregate_id="public")
    await world.write("leaf", b"l3", b"l4", aggregate_id="secret")
    await world.settle({"hub": 4})


async def next_time(world: Sites) -> int:
    [event] = await world.write("leaf", b"l5", aggregate_id="public")
    return event.id.time


@in_event_loop
async def test_a_leaf_behind_a_filter_gives_no_identity_again_after_it_lost_its_log() -> None:
    async with sites("hub", "leaf") as world:
        await with_leaf(world)
        leaf = await world.lose("leaf", lost_events=True)
        await leaf.recover()
        assert await world.payloads("leaf") == [b"l1", b"l2"]
        assert await next_time(world) == 6
        await world.settle({"hub": 5})
        assert await world.payloads("hub") == [b"l1", b"l2", b"l3", b"l4", b"l5"]


@in_event_loop
async def test_a_leaf_behind_a_gate_gives_no_identity_again_after_it_lost_its_log() -> None:
    async with sites("hub", "leaf", gate=to_leaf) as world:
        await world.join("hub", "leaf")
        await world.write("leaf", b"l1", aggregate_id="public")
        await world.write("leaf", b"l2", aggregate_id="secret")
        await world.settle({"hub": 2})
        leaf = await world.lose("leaf", lost_events=True)
        await leaf.recover()
        assert await next_time(world) == 4
        await world.settle({"hub": 3})


@in_event_loop
async def test_a_leaf_that_recovered_is_not_found_to_have_lost_events_when_it_meets_again() -> None:
    async with sites("hub", "leaf") as world:
        await with_leaf(world)
        leaf = await world.lose("leaf", lost_events=True)
        await leaf.recover()
        await world.close("leaf")
        await world.open("leaf")
        await world.write("hub", b"h1", aggregate_id="public")
        await world.settle({"leaf": 3})
        assert world["leaf"].status().needs_recovery == ""


@in_event_loop
async def test_the_own_times_of_a_leaf_stay_given_after_a_restart_before_it_wrote() -> None:
    async with sites("hub", "leaf") as world:
        await with_leaf(world)
        leaf = await world.lose("leaf", lost_events=True)
        await leaf.recover()
        await world.close("leaf")
        async with EventLog(backup_of(world.stores["leaf"])) as again:
            assert again.own_time == 5
            assert again.version.local_time("leaf") == 2
        await world.open("leaf")
        assert await next_time(world) == 6


@in_event_loop
async def test_a_leaf_that_lost_its_log_twice_is_not_taken_for_one_that_wrote_on() -> None:
    async with sites("hub", "leaf") as world:
        await with_leaf(world)
        await world.write("hub", b"h1", aggregate_id="public")  # its stamp tells of l4
        await world.settle({"leaf": 5})
        for _ in range(2):
            leaf = await world.lose("leaf", lost_events=True)
            await leaf.recover()
            await leaf.recover()
        assert await world.payloads("leaf") == [b"l1", b"l2", b"h1"]
        assert await next_time(world) == 6


@in_event_loop
async def test_the_hub_keeps_apart_what_a_leaf_with_an_old_backup_writes() -> None:
    async with sites("hub", "leaf") as world:
        await with_leaf(world)
        backup = backup_of(world.stores["leaf"])
        await world.write("leaf", b"l5", aggregate_id="secret")
        await world.settle({"hub": 5})
        leaf = await world.lose("leaf", backup=backup, lost_events=True)
        await leaf.recover()
        [event] = await world.write("leaf", b"l6", aggregate_id="secret")
        assert event.id.time == 7
        await world.settle({"hub": 6})


@in_event_loop
async def test_what_a_leaf_writes_after_a_recovery_does_not_seem_forged_anywhere() -> None:
    async with sites("hub", "leaf") as world:
        await with_leaf(world)
        leaf = await world.lose("leaf", lost_events=True)
        await leaf.recover()
        await next_time(world)
        await world.settle({"hub": 5})
        found: dict[str, list[AnyFinding]] = {"hub": [], "leaf": []}
        for name, findings in found.items():
            verify(world.stores[name], on_finding=findings.append)
        assert [type(each) for each in found["hub"]] == [Gap]
        assert found["leaf"] == []


@in_event_loop
async def test_progress_alone_lifts_the_own_time_of_the_next_event() -> None:
    store = MemoryEventStore(log_id="a")
    async with EventLog(store) as log:
        await log.append([], progress={GIVEN_TO: 7})
        assert (log.own_time, log.version.local_time("a")) == (7, 0)
        await log.append([], progress={GIVEN_TO: 3})  # it never falls
        assert log.own_time == 7
