"""Endpoints that leave for good, and events that are deleted while others still want them."""

from __future__ import annotations

import pytest
from joined_endpoints import condition, endpoint_of, world
from opened_log import new

from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.connection import (
    Connection,
    Direction,
)
from museion.log.replication.local_neighbour import LocalNeighbour
from museion.log.replication.refusals import Retired
from museion.testing.event_loop import in_event_loop, until


class TestRetirement:
    @in_event_loop
    async def test_a_retired_endpoint_is_served_nowhere_and_its_links_end(self) -> None:
        async with world("a", "b", "c") as sites:
            await sites.join("a", "b")
            await sites.join("b", "c")
            await sites["a"].retire("c")
            await until(lambda: condition(sites, "b", "c")("retired"))
            await until(lambda: condition(sites, "c", "b")("retired"))
            with pytest.raises(Retired, match="c takes part no more"):
                await sites["a"].connect(Connection("c"), LocalNeighbour(sites["c"].service, "a"))
            with pytest.raises(Retired):
                await sites["c"].connect(Connection("a"), LocalNeighbour(sites["a"].service, "c"))
            assert sites["a"].status().retired == ("c",)

    @in_event_loop
    async def test_deletion_does_not_wait_for_it(self) -> None:
        async with world("a", "b") as sites:
            await sites.write("a", *[b"%d" % number for number in range(10)])
            await sites["a"].delete("", 5, ["b", "c"])
            await sites.read("b", "a")
            await until(lambda: sites.log("b").sequence_nr == 10)
            assert sites.log("a").deletion.removed_to == 0
            await sites["a"].retire("c")
            await sites.write("a", b"11")
            await until(lambda: sites.log("a").deletion.removed_to == 5)
            assert await sites["a"].delete("", 6, ["c"]) == 6
            await until(lambda: sites.log("a").deletion.removed_to == 6)

    @in_event_loop
    async def test_deletion_does_not_wait_for_one_that_was_retired_elsewhere(self) -> None:
        async with world("a", "b") as sites:
            await sites.write("a", *[b"%d" % number for number in range(10)])
            await sites["a"].delete("", 5, ["c"])
            await sites.join("a", "b")
            await sites["b"].retire("c")
            await until(lambda: sites.log("a").deletion.removed_to == 5)

    @in_event_loop
    async def test_one_that_retires_itself_is_heard(self) -> None:
        async with world("a", "b") as sites:
            await sites.join("a", "b")
            await sites["a"].retire("a")
            await until(lambda: sites["b"].status().retired == ("a",))
            await until(lambda: condition(sites, "b", "a")("retired"))

    @in_event_loop
    async def test_retiring_twice_changes_nothing(self) -> None:
        async with world("a") as sites:
            await sites["a"].retire("b")
            told = sites["a"].status().topology
            await sites["a"].retire("b")
            assert sites["a"].status().topology == told


class TestDeletion:
    @in_event_loop
    async def test_named_endpoints_still_get_what_is_deleted_and_then_it_is_removed(self) -> None:
        async with world("a", "b", "c") as sites:
            await sites.write("a", *[b"%d" % number for number in range(10)])
            assert await sites["a"].delete("", 8, ["b", "c"]) == 8
            assert [e.sequence_nr for e in await sites.log("a").read()] == [9, 10]
            await sites.read("b", "a")
            await until(lambda: sites.log("b").sequence_nr == 10)
            await sites.write("a", b"so that b says how far it is")
            await until(lambda: sites["a"].status().readers[0].stored_to >= 10)
            assert sites.log("a").deletion.removed_to == 0
            await sites.read("c", "a")
            await until(lambda: sites.log("a").deletion.removed_to == 8)
            assert sites.log("c").sequence_nr == 11

    @in_event_loop
    async def test_it_returns_what_is_really_deleted_and_never_undoes(self) -> None:
        async with world("a") as sites:
            await sites.write("a", *[b"%d" % number for number in range(5)])
            assert await sites["a"].delete("", 99) == 5
            assert await sites["a"].delete("", 2) == 5
            await sites.write("a", b"future")
            assert [event.payload for event in await sites.log("a").read()] == [b"future"]

    @in_event_loop
    async def test_it_goes_on_after_a_restart(self) -> None:
        store = MemoryEventStore(log_id="a")
        async with EventLog(store) as log, endpoint_of(log) as endpoint:
            await log.append([new(b"%d" % number) for number in range(5)])
            await endpoint.delete("", 4, ["b"])
        async with EventLog(store) as log, endpoint_of(log) as endpoint, world("b") as sites:
            await sites["b"].connect(Connection("a"), LocalNeighbour(endpoint.service, "b"))
            await sites.settle(5)
            await until(lambda: log.deletion.removed_to == 4)

    @in_event_loop
    async def test_what_was_brought_counts_as_what_was_read(self) -> None:
        async with world("a", "b") as sites:
            await sites.write("a", *[b"%d" % number for number in range(5)])
            await sites["a"].delete("", 4, ["b"])
            await sites.read("a", "b", direction=Direction.OFFER)
            await until(lambda: sites.log("b").sequence_nr == 5)
            await until(lambda: sites.log("a").deletion.removed_to == 4)
