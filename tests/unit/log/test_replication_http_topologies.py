"""Sites that are connected over HTTP in every shape: each event arrives once everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import combinations, pairwise
from pathlib import Path
from random import Random

import pytest
from http_sites import HttpSite, http_site, served, wall_clock_ms
from joined_endpoints import QUICK, everything, require_causal_order, shared
from opened_log import new

from museion.log.replication.asgi_exchange import Receive, Scope, Send
from museion.log.replication.connection import Connection, Direction
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.http_service import HttpService
from museion.testing.event_loop import in_event_loop, until

Ways = list[tuple[str, str]]
"""Target and source of each connection."""


def both_ways(pairs: Ways) -> Ways:
    return [way for first, second in pairs for way in ((first, second), (second, first))]


def ring_of(names: str) -> Ways:
    return list(pairwise((*names, names[0])))


TOPOLOGIES = {
    "chain": ("abcd", both_ways(list(pairwise("abcd")))),
    "star": ("abcd", both_ways([("a", each) for each in "bcd"])),
    "full mesh": ("abcd", both_ways(list(combinations("abcd", 2)))),
    "bi-directional ring": ("abcd", both_ways(ring_of("abcd"))),
    "uni-directional ring": ("abcd", ring_of("abcd")),
    "hub and spoke of 12": ("abcdefghijkl", both_ways([("a", each) for each in "bcdefghijkl"])),
}


class Served:
    """Sites with their endpoints behind one server, each under a path of its own."""

    def __init__(self) -> None:
        self.sites: dict[str, HttpSite] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.doors: dict[str, HttpService] = {}
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on to the door of the site in its path."""
        path = scope.get("path", "/").split("/")[1]
        await self.doors.get(path, next(iter(self.doors.values())))(scope, receive, send)

    async def read(
        self, target: str, source: str, *, direction: Direction = Direction.READ
    ) -> None:
        neighbour = self.sites[target].neighbour(f"{self.url}/{source}", source)
        await self.endpoints[target].connect(Connection(source, direction=direction), neighbour)

    async def write(self, count: int, chance: Random) -> None:
        """Write at all places; each event knows what its place has got so far."""
        for number in range(count):
            log = self.sites[chance.choice(list(self.sites))].log
            await log.append([new(b"%d" % number, vector_timestamp=log.version)])
            await asyncio.sleep(0)

    async def require_converged(self, count: int) -> None:
        """Fail unless each place has each event once, in causal order."""
        logs = [site.log for site in self.sites.values()]
        await until(lambda: all(log.sequence_nr >= count for log in logs))
        first: list[bytes] | None = None
        for log in logs:
            events = await everything(log)
            assert len(events) == len({event.id for event in events}) == count
            require_causal_order(events)
            first = first or sorted(map(shared, events))
            assert sorted(map(shared, events)) == first


@asynccontextmanager
async def all_served(folder: Path, names: str, *, without_door: str = "") -> AsyncIterator[Served]:
    """Sites that know each other, each with a door unless it is named."""
    world = Served()
    async with AsyncExitStack() as stack:
        for name in names:
            world.sites[name] = await stack.enter_async_context(http_site(folder, name))
        _introduce(world.sites)
        for number, (name, site) in enumerate(world.sites.items()):
            endpoint = Endpoint(
                name,
                {"": site.log},
                settings=QUICK,
                seed=Random(number),  # noqa: S311 (repeatable)
                now_ms=wall_clock_ms,
            )
            world.endpoints[name] = await stack.enter_async_context(endpoint)
            if name not in without_door:
                world.doors[name] = HttpService(
                    endpoint.service, keys=site.keys, directory=site.directory, now_ms=site.now_ms
                )
        world.url = await stack.enter_async_context(served(world))
        for door in world.doors.values():
            stack.callback(door.close)
        yield world


def _introduce(sites: Mapping[str, HttpSite]) -> None:
    for name, site in sites.items():
        for other, known in sites.items():
            if other != name:
                site.directory.put(known.known())


@pytest.mark.parametrize("kind", TOPOLOGIES)
@in_event_loop
async def test_each_event_arrives_once_everywhere_over_http(kind: str, tmp_path: Path) -> None:
    names, ways = TOPOLOGIES[kind]
    chance = Random(kind)  # noqa: S311 (repeatable)
    async with all_served(tmp_path, names) as world:
        await world.write(20, chance)
        for target, source in ways:
            await world.read(target, source)
        await world.write(40, chance)
        await world.require_converged(60)


@in_event_loop
async def test_a_leaf_without_a_door_takes_part_behind_a_chain(tmp_path: Path) -> None:
    chance = Random(7)  # noqa: S311 (repeatable)
    async with all_served(tmp_path, "abz", without_door="z") as world:
        for target, source in both_ways([("a", "b")]):
            await world.read(target, source)
        await world.read("z", "b", direction=Direction.BOTH)
        await world.write(40, chance)
        await world.require_converged(40)
