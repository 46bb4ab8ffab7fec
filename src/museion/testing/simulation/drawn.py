"""A whole course of things drawn from one seed: sites, shape, settings, work, trouble, and the end.

Every run ends alike: everything is repaired, all work stops, and then all sites must hold the same.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from museion.log.circuit_breaker import WritePolicy
from museion.log.event import Event
from museion.log.group_commit import BatchLimits
from museion.log.replication.connection import Connection, Direction, NotActive, log_id_of
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.filters import EVERYTHING, Filter, OfAggregate, predicate_of
from museion.log.replication.gate import Gate, OpenGate
from museion.log.replication.source_filters import SourceFilters
from museion.testing.failing_store import HEALTHY
from museion.testing.simulation.comparing import require_equal_values
from museion.testing.simulation.faults import FAULTS, Trouble
from museion.testing.simulation.network import LineRates
from museion.testing.simulation.site import SimulatedSite
from museion.testing.simulation.site_plan import SitePlan
from museion.testing.simulation.topologies import SHAPES
from museion.testing.simulation.workload import Work, WorkPlan
from museion.testing.simulation.world import SimulatedWorld

LEAF = "leaf"
HUB = "s0"

PUBLIC: Filter = OfAggregate(
    (
        "public*",
        "field-map:public*",
        "multi-value:public*",
        "last-writer-wins:public*",
        "add-wins-set:public*",
    )
)
"""What may get to a filtered leaf."""


@dataclass(frozen=True, slots=True)
class Course:
    """What a seed stands for; give one to `play` to try a course of your own.

    Attributes:
        shape: how the sites are connected, by the name of `topologies.SHAPES`.
        sites: how many there are, beside the leaf.
        leaf: how what gets to a filtered leaf is chosen: `only` (by the leaf), `filter` or `gate`
            (by its hub); empty for no leaf.
        offers: the leaf has no door, and brings its events.
        log_names: of each site.
        faults: kinds of trouble, by the name of `faults.FAULTS`, each with its time, seconds.
        restart: all sites are started again before the values are compared.
        settle_s: how long it may take, after all is repaired, until all sites are up to date.
    """

    shape: str
    sites: int
    leaf: str
    offers: bool
    log_names: tuple[str, ...]
    work: WorkPlan
    faults: tuple[tuple[float, str], ...]
    restart: bool
    settle_s: float = 600.0

    def __str__(self) -> str:
        leaf = f", leaf by {self.leaf}" if self.leaf else ""
        faults = ", ".join(f"{name} at {at_s:.1f}" for at_s, name in self.faults)
        return f"{self.shape} of {self.sites}{leaf}, {self.work}; {faults}"


def draw(seed: int) -> Course:
    """Return the course that a seed stands for."""
    chance = Random(f"course {seed}")  # noqa: S311 (repeatable)
    shape = chance.choice(sorted(SHAPES))
    sites = chance.choice((2, 3, 3, 4, 5)) if shape != "star" else chance.choice((3, 4, 6))
    if chance.random() < 0.02:
        shape, sites = "star", 12
    leaf = chance.choice(("", "", "only", "filter", "gate")) if shape != "one-way ring" else ""
    deletes = chance.random() < 0.25
    until_s = chance.uniform(5.0, 11.0)
    kinds = [name for name in FAULTS if name != "loss" or shape != "one-way ring"]
    if deletes:
        kinds.remove("shortcut")  # see `faults`: who was not named may come too late
    number = chance.choice((0, 2, 4, 6, 8))
    faults = sorted((chance.uniform(1.0, until_s), chance.choice(kinds)) for _ in range(number))
    offers = leaf != "" and chance.random() < 0.3
    if offers:
        faults = [each for each in faults if each[1] != "loss"]
    work = WorkPlan(
        emitters=chance.choice((1, 1, 2)),
        editors=0 if deletes else 1,
        pause_s=chance.choice((0.6, 1.2)) * max(1.0, sites / 2.5),
        deletes=deletes,
        until_s=until_s,
    )
    names = chance.choice((("",), ("",), ("", "notes")))
    return Course(shape, sites, leaf, offers, names, work, tuple(faults), chance.random() < 0.3)


async def drawn(world: SimulatedWorld) -> None:
    """Play the course of the world's seed."""
    await play(world, draw(world.seed))


async def play(world: SimulatedWorld, course: Course) -> None:
    """Play a course to its end, and check everything."""
    chance = Random(f"play {world.seed}")  # noqa: S311 (repeatable)
    world.trace("world", str(course))
    world.network.rates = LineRates(mean_delay_s=chance.choice((0.02, 0.08, 0.2)))
    wiring = await _found(world, course, chance)
    trouble = Trouble(world, chance)
    for at_s, name in course.faults:
        await asyncio.sleep(max(0.0, at_s - world.now_s))
        world.require_well()
        world.trace("world", f"trouble: {name}")
        world.in_background(_bring(trouble, name))
    await asyncio.sleep(max(0.0, course.work.until_s - world.now_s) + 1.0)
    await _repair(world, wiring)
    for site in world.sites.values():
        await site.finished()
    await world.settled(limit_s=course.settle_s)
    if course.restart:
        for site in world.sites.values():
            await world.restart(site, 0.0)
        await world.settled(limit_s=course.settle_s)
    await require_equal_values(world, chance)
    for site in list(world.sites.values()):
        await site.stop()
    world.require_well()


async def _bring(trouble: Trouble, name: str) -> None:
    # The site was killed meanwhile, or another trouble took the connection away again.
    with suppress(asyncio.CancelledError, NotActive):
        await FAULTS[name](trouble)


async def _found(
    world: SimulatedWorld, course: Course, chance: Random
) -> list[tuple[str, Connection]]:
    """Found and connect all sites; return the connections that there should be."""
    ids = [f"s{number}" for number in range(course.sites)]
    for site_id in ids:
        plan = _plan(course, chance, hub=site_id == HUB)
        await world.site(site_id, plan)
    wiring = [(target, Connection(source)) for target, source in SHAPES[course.shape](ids)]
    if course.leaf:
        may_have = predicate_of(PUBLIC, {})
        await world.site(LEAF, _plan(course, chance, hub=False), may_have=may_have)
        only = PUBLIC if course.leaf == "only" else EVERYTHING
        direction = Direction.BOTH if course.offers else Direction.READ
        wiring.append((LEAF, Connection(HUB, only, direction=direction)))
        if not course.offers:
            wiring.append((HUB, Connection(LEAF)))
    for target, connection in wiring:
        world.in_background(world.sites[target].connect(connection))
    return wiring


async def _repair(world: SimulatedWorld, wiring: list[tuple[str, Connection]]) -> None:
    """Let everything be as it should be, and nothing fail any more."""
    world.network.heal()
    world.network.rates = LineRates()
    for site in world.sites.values():
        site.disk.steps_left = None
        site.disturb(HEALTHY)
    await world.quiet()
    world.network.heal()
    world.network.rates = LineRates()
    for site in world.sites.values():
        site.disk.steps_left = None
        site.disturb(HEALTHY)
        if not site.is_running:
            await world.restart(site, 0.0)
        if site.lost_events:
            await world.recovered(site)
    for target, connection in wiring:
        if connection.remote_id not in world.sites[target].links:
            await world.sites[target].connect(connection)


def _plan(course: Course, chance: Random, *, hub: bool) -> SitePlan:
    seed = chance.random()
    chooses = course.leaf if hub else ""
    filters = {log_id_of(LEAF, name): PUBLIC for name in course.log_names}
    return SitePlan(
        log_names=course.log_names,
        settings=_settings(chance),
        limits=BatchLimits(
            max_batch_events=chance.choice((2, 512)), replay_batch_events=chance.choice((3, 2048))
        ),
        policy=WritePolicy(retries=chance.choice((0, 2)), resolve_for_s=chance.choice((1.0, 60.0))),
        gate=_gate_for if chooses == "gate" else _open,
        filters=SourceFilters(by_target=filters) if chooses == "filter" else SourceFilters(),
        disk_delay_s=chance.choice((0.0005, 0.005, 0.05)),
        program=lambda site: _work(site, course.work, seed),
    )


async def _work(site: SimulatedSite, plan: WorkPlan, seed: float) -> None:
    chance = Random(f"{seed} {site.now_ms()}")  # noqa: S311 (repeatable)
    await Work(site, plan, chance).run()


def _settings(chance: Random) -> EndpointSettings:
    return EndpointSettings(
        retry_delay_s=chance.choice((1.0, 3.0)),
        first_retry_delay_s=0.1,
        remote_read_timeout_s=chance.choice((2.0, 6.0)),
        wait_s=chance.choice((0.0, 2.0, 25.0, 25.0, 25.0)),
        max_scanned=chance.choice((3, 20, 65_536)),
        max_batch_events=chance.choice((1, 4, 2_048)),
        max_batch_bytes=chance.choice((200, 4 << 20)),
        reads_ahead=chance.choice((1, 4)),
        failure_detection_limit_s=30.0,
    )


class _LeafGate:
    """Lets to the leaf what is public; the same as a filter, but a matter of rights."""

    restricts = True
    parts = True

    async def ready(self, sequence_nr: int) -> None:
        """Be ready at once."""

    def may_leave(self, event: Event) -> bool:
        """Tell whether it is public."""
        return predicate_of(PUBLIC, {})(event)


def _gate_for(remote_id: str) -> Gate:
    return _LeafGate() if remote_id == LEAF else OpenGate()


def _open(remote_id: str) -> Gate:
    return OpenGate()
