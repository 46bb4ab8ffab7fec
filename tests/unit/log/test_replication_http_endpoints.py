"""Whole endpoints replicate over HTTP: with a door each, and where only one of them has a door."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from http_sites import HttpSite, served, two_sites
from opened_log import new

from museion.log.replication.connection import Connection, Direction
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.http_service import HttpService
from museion.testing.event_loop import in_event_loop, until


@asynccontextmanager
async def endpoint_of(site: HttpSite) -> AsyncIterator[tuple[Endpoint, HttpService]]:
    endpoint = Endpoint(
        site.site_id,
        {"": site.log},
        seed=random.Random(4),  # noqa: S311 (jitter)
        now_ms=site.now_ms,
        settings=EndpointSettings(max_batch_events=64),
    )
    async with endpoint:
        yield (
            endpoint,
            HttpService(
                endpoint.service, keys=site.keys, directory=site.directory, now_ms=site.now_ms
            ),
        )


async def write_at_both(here: HttpSite, there: HttpSite) -> None:
    for number in range(5):
        await here.log.append([new(b"here %d %d" % (number, n)) for n in range(50)])
        await there.log.append([new(b"there %d %d" % (number, n)) for n in range(50)])


async def require_convergence(here: HttpSite, there: HttpSite) -> None:
    await until(lambda: here.log.version == there.log.version)
    ids = [{event.id for event in await site.log.read(limit=1000)} for site in (here, there)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 500


@in_event_loop
async def test_two_endpoints_converge_over_http(tmp_path: Path) -> None:
    async with (
        two_sites(tmp_path) as (here, there),
        endpoint_of(here) as (endpoint_here, door_here),
        endpoint_of(there) as (endpoint_there, door_there),
        served(door_here) as url_here,
        served(door_there) as url_there,
    ):
        to_there, to_here = here.neighbour(url_there, "there"), there.neighbour(url_here, "here")
        await endpoint_here.connect(Connection("there"), to_there)
        await endpoint_there.connect(Connection("here"), to_here)
        await asyncio.wait_for(write_at_both(here, there), 10)
        await require_convergence(here, there)
        await endpoint_here.disconnect("there")
        await endpoint_there.disconnect("here")
        await to_there.close()
        await to_here.close()


@in_event_loop
async def test_a_site_without_a_door_takes_part_over_http(tmp_path: Path) -> None:
    async with (
        two_sites(tmp_path) as (here, there),
        endpoint_of(here) as (leaf, _),
        endpoint_of(there) as (_, door),
        served(door) as url,
    ):
        neighbour = here.neighbour(url, "there")
        await leaf.connect(Connection("there", direction=Direction.BOTH), neighbour)
        await write_at_both(here, there)
        await require_convergence(here, there)
        await leaf.disconnect("there")
        await neighbour.close()
