"""What goes wrong in a drawn world, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import TypeAlias

from museion.log.replication.connection import Connection
from museion.testing.failing_store import HEALTHY, FailureRates
from museion.testing.simulation.disk import DiskCopy
from museion.testing.simulation.network import LineRates
from museion.testing.simulation.site import SimulatedSite
from museion.testing.simulation.world import SimulatedWorld

_HOUR_MS = 3_600_000
_FAILING = FailureRates(refused=0.15, lost=0.08, kept=0.08, not_recovered=0.3, read_failed=0.05)
_BAD_LINES = LineRates(mean_delay_s=0.1, lost=0.15, doubled=0.1, stuck=0.1)


class Trouble:
    """Brings trouble over the sites of a world; everything heals by itself after some seconds."""

    def __init__(self, world: SimulatedWorld, chance: Random) -> None:
        self._world = world
        self._chance = chance
        self._backups: dict[str, DiskCopy] = {}

    async def crash(self) -> None:
        """Kill a program, and start it again."""
        await self._world.restart(self._site(), self._chance.uniform(0.0, 4.0))

    async def power(self) -> None:
        """Let the power fail at one of the next steps of a disk."""
        self._site().disk.steps_left = self._chance.randint(1, 12)

    async def disk(self) -> None:
        """Let the disk of a site fail often."""
        site = self._site()
        site.disturb(_FAILING)
        await asyncio.sleep(self._chance.uniform(1.0, 6.0))
        site.disturb(HEALTHY)

    async def clock(self) -> None:
        """Set the wall clock of a site forward or back."""
        site = self._site()
        site.clock_offset_ms += self._chance.randint(-_HOUR_MS, _HOUR_MS)
        self._world.trace(site.site_id, f"its clock is {site.clock_offset_ms} ms off")

    async def lines(self) -> None:
        """Let all lines lose, double and hold up messages."""
        network = self._world.network
        before, network.rates = network.rates, _BAD_LINES
        await asyncio.sleep(self._chance.uniform(2.0, 8.0))
        network.rates = LineRates() if before is _BAD_LINES else before

    async def cut(self) -> None:
        """Cut the line between two sites in one direction only."""
        sender, receiver = self._two()
        self._world.network.cut(sender, receiver)
        await asyncio.sleep(self._chance.uniform(1.0, 12.0))
        self._world.network.heal(sender, receiver)

    async def partition(self) -> None:
        """Part the sites into two groups that cannot reach each other."""
        sites = list(self._world.sites)
        self._chance.shuffle(sites)
        border = self._chance.randint(1, len(sites) - 1)
        pairs = [(a, b) for a in sites[:border] for b in sites[border:]]
        for first, second in pairs:
            self._world.network.cut(first, second)
            self._world.network.cut(second, first)
        await asyncio.sleep(self._chance.uniform(2.0, 12.0))
        for first, second in pairs:
            self._world.network.heal(first, second)
            self._world.network.heal(second, first)

    async def backup(self) -> None:
        """Copy the disk of a site."""
        site = self._site()
        self._backups[site.site_id] = site.disk.copy()
        self._world.trace(site.site_id, "is backed up")

    async def loss(self) -> None:
        """Let a site lose its disk, or all since its last backup, and recover."""
        site = self._site()
        if not is_safe_to_lose(self._world, site):
            return
        copy = self._backups.get(site.site_id)
        keep_snapshots = copy is not None and self._chance.random() < 0.5
        await self._world.lose(site, copy, keep_snapshots=keep_snapshots)
        await self._world.recovered(site)

    async def rewire(self) -> None:
        """Take a connection away for some time."""
        site = self._site()
        if not site.links:
            return
        remote_id = self._chance.choice(sorted(site.links))
        if site.lost_events or self._world.sites[remote_id].lost_events:
            return  # it may be the only one who knows the newest that was lost
        connection = site.links[remote_id]
        await site.disconnect(remote_id)
        await asyncio.sleep(self._chance.uniform(0.5, 6.0))
        if remote_id not in site.links:
            await site.connect(connection)

    async def shortcut(self) -> None:
        """Connect two sites that share everything, for some time."""
        first, second = (self._world.sites[each] for each in self._two())
        if any(self._world.ledger.log(each.site_id).may_have for each in (first, second)):
            return
        if second.site_id in first.links or not first.is_running:
            return
        await first.connect(Connection(second.site_id))
        await asyncio.sleep(self._chance.uniform(2.0, 6.0))
        await first.disconnect(second.site_id)

    def _site(self) -> SimulatedSite:
        return self._world.sites[self._chance.choice(list(self._world.sites))]

    def _two(self) -> tuple[str, str]:
        first, second = self._chance.sample(list(self._world.sites), 2)
        return first, second


Fault: TypeAlias = Callable[[Trouble], Awaitable[None]]

FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "crash": Trouble.crash,
        "power": Trouble.power,
        "disk": Trouble.disk,
        "clock": Trouble.clock,
        "lines": Trouble.lines,
        "cut": Trouble.cut,
        "partition": Trouble.partition,
        "backup": Trouble.backup,
        "loss": Trouble.loss,
        "rewire": Trouble.rewire,
        "shortcut": Trouble.shortcut,
    }
)
"""All kinds of trouble, by name."""


def is_safe_to_lose(world: SimulatedWorld, site: SimulatedSite) -> bool:
    """Tell whether recovery can bring back everything that others know.

    It asks the direct neighbours only. So each has to be connected both ways, no other site may
    know newer events of this one than they do, and one site is lost at a time.
    """
    if any(each.lost_events for each in world.sites.values()):
        return False
    neighbours = {each for each in world.sites if _linked(world, site.site_id, each)}
    others = set(world.sites) - {site.site_id}
    touching = {
        each
        for each in others
        if each in site.links
        or site.site_id in world.sites[each].links
        or any(
            world.ledger.log(log_id).progress.get(own, 0)
            for log_id in world.sites[each].log_ids
            for own in site.log_ids
        )
    }
    if not neighbours or touching - neighbours:
        return False
    for name, log_id in zip(site.plan.log_names, site.log_ids, strict=True):
        known = {each: _newest(world, world.sites[each], name, log_id) for each in sorted(others)}
        if max(known.values()) > max(known[each] for each in neighbours):
            return False
    return True


def _linked(world: SimulatedWorld, first: str, second: str) -> bool:
    to = world.sites[first].links.get(second)
    back = world.sites[second].links.get(first)
    return to is not None and back is not None and to.reads and back.reads


def _newest(world: SimulatedWorld, site: SimulatedSite, name: str, log_id: str) -> int:
    own = list(site.log_ids)[site.plan.log_names.index(name)]
    return world.ledger.log(own).have.get(log_id, 0)
