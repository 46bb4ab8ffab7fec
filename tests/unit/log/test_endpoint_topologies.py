"""Whatever way sites are connected: each event arrives once everywhere, in causal order."""

from __future__ import annotations

from itertools import combinations, pairwise
from random import Random

import pytest
from joined_endpoints import World, everything, require_causal_order, shared, world
from opened_log import new

from museion.log.replication.connection import Direction
from museion.testing.event_loop import in_event_loop, until

Pairs = list[tuple[str, str]]
"""Target and source of each connection."""


def both_ways(pairs: Pairs) -> Pairs:
    return [way for first, second in pairs for way in ((first, second), (second, first))]


def chain_of(names: str) -> Pairs:
    return both_ways(list(pairwise(names)))


def ring_of(names: str) -> Pairs:
    return [(name, names[index - 1]) for index, name in enumerate(names)]


TOPOLOGIES = {
    "chain": ("abcde", chain_of("abcde")),
    "star": ("abcde", both_ways([("a", each) for each in "bcde"])),
    "full mesh": ("abcd", both_ways(list(combinations("abcd", 2)))),
    "bi-directional ring": ("abcd", both_ways(ring_of("abcd"))),
    "uni-directional ring": ("abcd", ring_of("abcd")),
    "hub and spoke of 12": ("abcdefghijkl", both_ways([("a", each) for each in "bcdefghijkl"])),
}


async def connected(sites: World, pairs: Pairs) -> None:
    for target, source in pairs:
        await sites.read(target, source)


async def write_at_random(sites: World, count: int, chance: Random) -> None:
    """Write at all places; each event knows what its place has got so far."""
    names = list(sites.endpoints)
    for number in range(count):
        await sites.write(chance.choice(names), b"%d" % number)


async def require_converged(sites: World, count: int) -> None:
    """Fail unless each place has each event once, in causal order."""
    first: list[bytes] | None = None
    for name in sites.endpoints:
        events = await everything(sites.log(name))
        assert len(events) == len({event.id for event in events}) == count
        require_causal_order(events)
        first = first or sorted(map(shared, events))
        assert sorted(map(shared, events)) == first


@pytest.mark.parametrize("kind", TOPOLOGIES)
@in_event_loop
async def test_each_event_arrives_once_everywhere_and_causal_order_holds(kind: str) -> None:
    names, pairs = TOPOLOGIES[kind]
    chance = Random(kind)  # noqa: S311 (repeatable)
    async with world(*names) as sites:
        await write_at_random(sites, 20, chance)
        await connected(sites, pairs)
        await write_at_random(sites, 40, chance)
        await sites.settle(60)
        await require_converged(sites, 60)


@pytest.mark.parametrize("kind", TOPOLOGIES)
@in_event_loop
async def test_writes_go_on_at_both_sides_of_a_cut_and_converge_when_it_heals(kind: str) -> None:
    names, pairs = TOPOLOGIES[kind]
    chance = Random(kind)  # noqa: S311 (repeatable)
    async with world(*names) as sites:
        await connected(sites, pairs)
        await write_at_random(sites, 10, chance)
        await sites.settle(10)
        left = names[: len(names) // 2]
        across = [line for way, line in sites.lines.items() if len({*way} & {*left}) == 1]
        for line in across:
            line.cut()
        await write_at_random(sites, 40, chance)
        assert any(sites.log(name).sequence_nr < 50 for name in names)
        for line in across:
            line.mend()
        await sites.settle(50)
        await require_converged(sites, 50)


@in_event_loop
async def test_a_site_behind_one_open_door_takes_part_both_ways() -> None:
    async with world("a", "b", "leaf") as sites:
        await sites.join("a", "b")
        await sites.read("leaf", "a", direction=Direction.BOTH)
        await sites.write("leaf", b"from the leaf")
        await sites.write("b", b"for the leaf")
        await sites.settle(2)
        await require_converged(sites, 2)


@in_event_loop
async def test_events_of_several_logs_stay_with_the_log_of_their_name() -> None:
    async with world("a", "b", log_names=("left", "right")) as sites:
        await sites.join("a", "b")
        for name in ("left", "right"):
            log = sites.log("a", name)
            await log.append([new(name.encode())])
        await sites.settle(1)
        left = await everything(sites.log("b", "left"))
        right = await everything(sites.log("b", "right"))
        assert [event.payload for event in (*left, *right)] == [b"left", b"right"]
        await until(lambda: sites["a"].status().connections[0].condition.value == "up to date")
