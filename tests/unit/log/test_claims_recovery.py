"""What recovery and leaving promise, where another order of things would hide that they do not."""

from __future__ import annotations

import pytest
from joined_endpoints import everything, world
from lost_sites import sites

from museion.log.replication.protocol import ReadRequest, RecoveryRequest
from museion.log.replication.refusals import Retired
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until


@in_event_loop
async def test_a_neighbour_reads_anew_what_took_the_numbers_of_lost_events() -> None:
    async with sites("a", "b", "c") as world:
        await world.join("a", "c")
        world.lines["c", "a"].cut()
        world.lines["a", "c"].cut()
        await world.join("a", "b")
        await world.write("a", b"a1", b"a2", b"a3")
        await world.settle({"a": 3, "b": 3})
        await world.write("c", b"c1", b"c2")
        await world.lose("a", lost_events=True)
        # From `c` come events that get the numbers up to which `b` had read.
        await world["a"].recover()
        assert (await world.payloads("a"))[:2] == [b"c1", b"c2"]
        await world.settle(5)
        assert await world.same("a", "b", "c")


@in_event_loop
async def test_deletion_waits_for_no_named_site_that_was_retired_before() -> None:
    async with world("a") as sites_here:
        await sites_here.write("a", b"1", b"2", b"3")
        await sites_here["a"].retire("gone")
        assert await sites_here["a"].delete("", 2, ["gone"]) == 2
        await until(lambda: sites_here.log("a").deletion.removed_to == 2)


@in_event_loop
async def test_a_retired_site_that_comes_back_is_refused_by_every_call() -> None:
    async with world("a", "gone") as sites_here:
        await sites_here["a"].retire("gone")
        service = sites_here["a"].service
        asks = ReadRequest("", "gone", 0, VectorTime())
        with pytest.raises(Retired):
            await service.read("gone", asks)
        with pytest.raises(Retired):
            await service.recover("gone", RecoveryRequest({"": 0}))
        with pytest.raises(Retired):
            await sites_here.read("gone", "a")
        await sites_here.write("gone", b"later")
        assert await everything(sites_here.log("a")) == []
