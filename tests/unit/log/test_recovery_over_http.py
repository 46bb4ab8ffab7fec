"""Lost events come back over HTTP, also to a site that has no door of its own."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from http_sites import HttpSite, served, two_sites
from opened_log import new

from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.connection import Connection, Direction
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.http_service import HttpService
from museion.testing.event_loop import in_event_loop, until

BOTH = Connection("there", direction=Direction.BOTH)


async def opened(stack: AsyncExitStack, site: HttpSite, *, lost: bool = False) -> Endpoint:
    endpoint = Endpoint(
        site.site_id,
        {"": site.log},
        seed=random.Random(4),  # noqa: S311 (jitter)
        now_ms=site.now_ms,
        settings=EndpointSettings(max_batch_events=16),
        lost_events=lost,
    )
    return await stack.enter_async_context(endpoint)


@in_event_loop
async def test_a_site_without_a_door_recovers_over_http(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there), AsyncExitStack() as stack:
        remote = await opened(stack, there)
        door = HttpService(
            remote.service, keys=there.keys, directory=there.directory, now_ms=there.now_ms
        )
        url = await stack.enter_async_context(served(door))
        async with AsyncExitStack() as first:
            leaf = await opened(first, here)
            await leaf.connect(BOTH, here.neighbour(url, "there"))
            await here.log.append([new(b"here %d" % number) for number in range(50)])
            await there.log.append([new(b"there %d" % number) for number in range(50)])
            await until(lambda: here.log.version == there.log.version)
        empty = replace(here, log=EventLog(MemoryEventStore(log_id="here")))
        stack.push_async_callback(empty.log.close)
        leaf = await opened(stack, empty, lost=True)
        await leaf.connect(BOTH, here.neighbour(url, "there"))
        await leaf.recover()
        ids = [{event.id for event in await log.read()} for log in (empty.log, there.log)]
        assert ids[0] == ids[1]
        [after] = await empty.log.append([new(b"after")])
        assert after.id.time == 101
        await until(lambda: there.log.version.local_time("here") == 101)
