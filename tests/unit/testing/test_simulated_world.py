"""The parts of a simulated world do what they say, and real logs run on them."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from museion.log.event import NewEvent
from museion.log.event_log import EventLog
from museion.log.replication.filters import OfAggregate, predicate_of
from museion.log.replication.protocol import InfoRequest
from museion.log.replication.refusals import Unreachable
from museion.testing.simulation import (
    Course,
    LineRates,
    SimulatedSite,
    SimulatedWorld,
    SitePlan,
    simulate,
)
from museion.testing.simulation.drawn import play
from museion.testing.simulation.topologies import SHAPES
from museion.testing.simulation.workload import WorkPlan


def noted(text: str, aggregate_id: str = "a") -> NewEvent:
    return NewEvent(
        type_name="noted", payload=text.encode(), emitter_id="writer", aggregate_id=aggregate_id
    )


async def write(site: SimulatedSite, *texts: str, aggregate_id: str = "a") -> None:
    async def append(log: EventLog) -> None:
        await log.append([noted(text, aggregate_id) for text in texts])

    assert site.life is not None
    await site.life.spawn(append(site.log))


async def texts_at(site: SimulatedSite) -> list[str]:
    assert site.life is not None

    async def read(log: EventLog) -> list[str]:
        return [event.payload.decode() for event in await log.read()]

    return await site.life.spawn(read(site.log))


async def pair(world: SimulatedWorld) -> tuple[SimulatedSite, SimulatedSite]:
    office, studio = await world.site("office"), await world.site("studio")
    await world.connect("office", "studio")
    return office, studio


def test_what_is_written_at_one_site_gets_to_the_other() -> None:
    async def scenario(world: SimulatedWorld) -> None:
        office, studio = await pair(world)
        await write(office, "dawn")
        await world.settled()
        assert await texts_at(studio) == ["dawn"]

    assert simulate(scenario, 1).failure is None


def test_sites_write_while_they_are_cut_off_and_converge_when_healed() -> None:
    async def scenario(world: SimulatedWorld) -> None:
        office, studio = await pair(world)
        await world.partition(("office",), ("studio",))
        await write(office, "dawn")
        await write(studio, "dusk")
        await asyncio.sleep(60.0)
        assert (await texts_at(office), await texts_at(studio)) == (["dawn"], ["dusk"])
        world.network.heal()
        await world.settled()
        assert sorted(await texts_at(office)) == sorted(await texts_at(studio)) == ["dawn", "dusk"]

    assert simulate(scenario, 2).failure is None


def test_what_was_acknowledged_survives_a_crash() -> None:
    async def scenario(world: SimulatedWorld) -> None:
        office, _ = await pair(world)
        await write(office, "dawn")
        await world.restart(office)
        assert await texts_at(office) == ["dawn"]

    assert simulate(scenario, 3).failure is None


@pytest.mark.parametrize("steps", range(1, 8))
def test_power_that_fails_at_a_step_of_a_write_leaves_the_whole_batch_or_nothing(
    steps: int,
) -> None:
    async def scenario(world: SimulatedWorld) -> None:
        office, _ = await pair(world)
        office.disk.steps_left = steps
        for text in ("one", "two", "three"):
            with suppress(asyncio.CancelledError):  # it is killed, and with it who waits in it
                await write(office, text, f"{text} again")
            if not office.is_running:
                break
        await world.quiet()
        found = await texts_at(office)
        assert len(found) % 2 == 0
        await world.settled()

    assert simulate(scenario, 4).failure is None


def test_a_lost_answer_is_no_lost_request() -> None:
    async def scenario(world: SimulatedWorld) -> None:
        office, studio = await pair(world)
        await world.settled()
        world.network.cut("office", "studio")  # answers of the office do not arrive any more
        assert studio.life is not None
        door = world.network.neighbour(studio.life, "office")
        with pytest.raises(Unreachable):
            await studio.life.spawn(door.info(InfoRequest()))
        await write(studio, "dusk")
        await asyncio.sleep(40.0)
        assert await texts_at(office) == []  # it cannot ask, either
        world.network.heal()
        await world.settled()

    assert simulate(scenario, 5).failure is None


def test_lines_that_lose_double_and_hold_up_messages_only_take_longer() -> None:
    async def scenario(world: SimulatedWorld) -> None:
        world.network.rates = LineRates(0.1, lost=0.2, doubled=0.3, stuck=0.2)
        office, studio = await pair(world)
        for number in range(10):
            await write(office, f"{number}")
        await world.settled(limit_s=3_000.0)
        assert await texts_at(studio) == [f"{number}" for number in range(10)]

    for seed in range(3):
        assert simulate(scenario, seed).failure is None


def test_a_site_that_lost_its_disk_gets_back_what_others_have() -> None:
    async def scenario(world: SimulatedWorld) -> None:
        office, studio = await pair(world)
        await write(office, "dawn")
        await world.settled()
        await world.lose(office)
        await world.recovered(office)
        await write(office, "dusk")
        await world.settled()
        assert await texts_at(studio) == ["dawn", "dusk"]

    assert simulate(scenario, 6).failure is None


def test_what_a_site_may_not_have_is_told_when_it_leaves() -> None:
    async def scenario(world: SimulatedWorld) -> None:
        await world.site("office")
        may_have = predicate_of(OfAggregate(("public*",)), {})
        await world.site("branch", may_have=may_have)
        await world.connect("office", "branch")  # somebody forgot the filter
        await write(world.sites["office"], "not for everybody", aggregate_id="secret")
        await world.settled()

    assert "may not have it" in str(simulate(scenario, 7).failure)


def test_the_program_of_a_site_is_started_again_after_a_crash() -> None:
    starts: list[float] = []

    async def program(site: SimulatedSite) -> None:
        starts.append(asyncio.get_running_loop().time())
        await asyncio.Event().wait()

    async def scenario(world: SimulatedWorld) -> None:
        site = await world.site("office", SitePlan(program=program))
        await asyncio.sleep(1.0)
        await world.restart(site, after_s=5.0)
        await asyncio.sleep(1.0)

    assert simulate(scenario, 8).failure is None
    assert starts == pytest.approx([0.0, 6.0])


def test_an_error_of_a_program_is_the_failure_of_the_run() -> None:
    async def program(site: SimulatedSite) -> None:
        raise ValueError("a bug of the application")

    async def scenario(world: SimulatedWorld) -> None:
        await world.site("office", SitePlan(program=program))
        await asyncio.sleep(1.0)

    assert "a bug of the application" in str(simulate(scenario, 9).failure)


@pytest.mark.parametrize(
    ("shape", "sites"), [*((shape, 4) for shape in sorted(SHAPES)), ("star", 12)]
)
def test_each_event_arrives_once_everywhere_in_causal_order_in_every_shape(
    shape: str, sites: int
) -> None:
    course = Course(
        shape=shape,
        sites=sites,
        leaf="",
        offers=False,
        log_names=("",),
        work=WorkPlan(emitters=1, editors=1, pause_s=0.2 * sites, until_s=4.0),
        faults=((2.0, "partition"),),
        restart=False,
    )
    assert simulate(lambda world: play(world, course), 1).failure is None
