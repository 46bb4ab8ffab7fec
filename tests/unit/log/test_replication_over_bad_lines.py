"""Sites with bad lines between them: narrow, lossy, or cut in one direction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
from http_sites import HttpSite, served, two_sites
from joined_endpoints import QUICK
from lost_sites import sites
from opened_log import new

from museion.log.replication.connection import Connection, Direction
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.http_service import HttpService
from museion.testing.bad_line import GOOD, BadLine, LineQuality
from museion.testing.event_loop import in_event_loop, until

EVENTS = 160
EVENT_BYTES = 100_000
NARROW_BYTES_PER_S = 8_000_000.0
SETTINGS = replace(QUICK, wait_s=0.5, max_batch_bytes=16 << 20)
"""A batch of the largest size takes longer over the narrow line than one request may."""


@dataclass
class Joined:
    """A site that asks another one over a bad line; only the other one has a door."""

    here: HttpSite
    there: HttpSite
    endpoint: Endpoint
    line: BadLine


@asynccontextmanager
async def joined(folder: Path, direction: Direction, quality: LineQuality) -> AsyncIterator[Joined]:
    async with AsyncExitStack() as stack:
        here, there = await stack.enter_async_context(two_sites(folder))
        endpoints = [
            await stack.enter_async_context(
                Endpoint(
                    site.site_id,
                    {"": site.log},
                    settings=SETTINGS,
                    seed=Random(number),  # noqa: S311 (repeatable)
                    now_ms=site.now_ms,
                )
            )
            for number, site in enumerate((here, there))
        ]
        door = HttpService(
            endpoints[1].service, keys=there.keys, directory=there.directory, now_ms=there.now_ms
        )
        url = await stack.enter_async_context(served(door))
        stack.callback(door.close)
        port = urlsplit(url).port
        assert port is not None
        chance = Random(5)  # noqa: S311 (repeatable)
        line = await stack.enter_async_context(BadLine(port, chance=chance, quality=quality))
        connection = Connection(there.site_id, direction=direction)
        await endpoints[0].connect(connection, here.neighbour(line.url, there.site_id))
        yield Joined(here, there, endpoints[0], line)


async def write(site: HttpSite, count: int, *, size_bytes: int = 10) -> None:
    """Write events that no compression makes smaller."""
    drawn = Random(1)  # noqa: S311 (any bytes)
    await site.log.append([new(drawn.randbytes(size_bytes)) for _ in range(count)])


NARROW = LineQuality(bytes_per_s=NARROW_BYTES_PER_S)


@in_event_loop
async def test_more_than_a_narrow_line_brings_in_time_is_read_in_smaller_batches(
    tmp_path: Path,
) -> None:
    async with joined(tmp_path, Direction.READ, NARROW) as sites:
        await write(sites.there, EVENTS, size_bytes=EVENT_BYTES)
        await until(lambda: sites.here.log.sequence_nr == EVENTS)


@in_event_loop
async def test_more_than_a_narrow_line_brings_in_time_is_offered_in_smaller_batches(
    tmp_path: Path,
) -> None:
    async with joined(tmp_path, Direction.OFFER, NARROW) as sites:
        await write(sites.here, EVENTS, size_bytes=EVENT_BYTES)
        await until(lambda: sites.there.log.sequence_nr == EVENTS)


@in_event_loop
async def test_a_lost_log_comes_back_over_a_narrow_line_in_smaller_batches() -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", *[b"%50000d" % number for number in range(20)])
        await world.settle(20)
        await world.lose("a", lost_events=True)
        world.lines["a", "b"].bytes_per_s = 700_000.0
        await world["a"].recover()
        assert await world.same("a", "b")


@pytest.mark.parametrize("direction", [Direction.READ, Direction.OFFER])
@in_event_loop
async def test_a_line_that_breaks_in_each_large_batch_is_used_in_smaller_batches(
    direction: Direction, tmp_path: Path
) -> None:
    async with joined(tmp_path, direction, LineQuality(breaks=0.02)) as sites:
        source, target = sites.there, sites.here
        if direction is Direction.OFFER:
            source, target = target, source
        await write(source, 400, size_bytes=10_000)
        await until(lambda: target.log.sequence_nr == 400)


@pytest.mark.parametrize("direction", [Direction.READ, Direction.OFFER])
@pytest.mark.parametrize(
    "cut", [LineQuality(is_cut_to=True), LineQuality(is_cut_back=True)], ids=["to", "back"]
)
@in_event_loop
async def test_a_line_that_is_cut_in_one_direction_goes_on_when_it_is_mended(
    direction: Direction, cut: LineQuality, tmp_path: Path
) -> None:
    async with joined(tmp_path, direction, GOOD) as sites:
        source, target = sites.there, sites.here
        if direction is Direction.OFFER:
            source, target = target, source
        await write(source, 3)
        await until(lambda: target.log.sequence_nr == 3)
        sites.line.change(cut)
        await write(source, 3)
        await until(lambda: _is_failing(sites.endpoint))
        sites.line.change(GOOD)
        await until(lambda: target.log.sequence_nr == 6)


@in_event_loop
async def test_a_line_that_loses_and_breaks_brings_everything_once(tmp_path: Path) -> None:
    bad = LineQuality(loss=0.2, resent_after_s=0.05, breaks=0.1, jitter_s=0.01)
    async with joined(tmp_path, Direction.BOTH, bad) as sites:
        for _ in range(10):
            await write(sites.here, 5)
            await write(sites.there, 5)
        sites.line.change(replace(bad, breaks=0.02))
        await until(lambda: sites.here.log.sequence_nr >= 100)
        await until(lambda: sites.there.log.sequence_nr >= 100)
        assert sites.here.log.version == sites.there.log.version
        assert sites.here.log.sequence_nr == sites.there.log.sequence_nr == 100


def _is_failing(endpoint: Endpoint) -> bool:
    return any(log.last_error for each in endpoint.status().connections for log in each.logs)
