"""A site without an open door brings its events: as safe as a read, whatever is repeated."""

from __future__ import annotations

import pytest
from joined_endpoints import World, everything, world
from msgspec.structs import replace

from museion.log.replication.connection import Direction
from museion.log.replication.link import PROGRESS
from museion.log.replication.protocol import Application, Greeting, Offer, OfferTaken, ReadRequest
from museion.log.replication.refusals import ApplicationTooOld, BadAnswer, BadRequest
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until


async def offered(sites: World, after: int, *, up_to: int | None = None) -> OfferTaken:
    """Let `leaf` bring what it has behind an event to `hub`."""
    request = ReadRequest("", "hub", after, VectorTime(), up_to=up_to)
    answer = await sites["leaf"].service.read("hub", request)
    return await sites["hub"].service.offer("leaf", Offer("", "leaf", after, answer))


@in_event_loop
async def test_what_is_brought_is_stored_with_the_progress() -> None:
    async with world("hub", "leaf") as sites:
        await sites.write("leaf", b"1", b"2", b"3")
        taken = await offered(sites, 0, up_to=2)
        assert (taken.stored_to, taken.known) == (2, VectorTime({"leaf": 2}))
        assert sites.log("hub").progress(PROGRESS + "leaf") == 2


@in_event_loop
async def test_a_repeated_offer_changes_nothing_and_tells_where_to_go_on() -> None:
    async with world("hub", "leaf") as sites:
        await sites.write("leaf", b"1", b"2")
        for _ in range(3):
            assert (await offered(sites, 0)).stored_to == 2
        assert len(await everything(sites.log("hub"))) == 2


@in_event_loop
async def test_an_offer_that_would_leave_a_gap_is_not_taken() -> None:
    async with world("hub", "leaf") as sites:
        await sites.write("leaf", b"1", b"2")
        assert (await offered(sites, 1)).stored_to == 0
        assert sites.log("hub").sequence_nr == 0


@in_event_loop
async def test_offers_and_reads_of_the_same_log_do_not_harm_each_other() -> None:
    async with world("hub", "leaf") as sites:
        await sites.read("leaf", "hub", direction=Direction.BOTH)
        await sites.read("hub", "leaf")
        for number in range(50):
            await sites.write("leaf", b"%d" % number)
            await sites.write("hub", b"%d" % number)
        await sites.settle(100)
        for name in ("hub", "leaf"):
            assert len({event.id for event in await everything(sites.log(name))}) == 100


@in_event_loop
async def test_only_the_own_log_may_be_brought_and_only_by_a_program_that_is_not_newer() -> None:
    async with world("hub", application=Application("m", 1, 0)) as sites:
        service = sites["hub"].service
        with pytest.raises(BadRequest):
            await service.offer("leaf", Offer("", "other"))
        newer = Greeting(Application("m", 1, 1))
        with pytest.raises(ApplicationTooOld):
            await service.offer("leaf", Offer("", "leaf", greeting=newer))


@in_event_loop
async def test_an_offer_against_the_protocol_is_not_stored() -> None:
    async with world("hub", "leaf") as sites:
        await sites.write("leaf", b"1")
        request = ReadRequest("", "hub", 0, VectorTime())
        answer = await sites["leaf"].service.read("hub", request)
        wrong = replace(answer, scanned_to=0)
        with pytest.raises(BadAnswer):
            await sites["hub"].service.offer("leaf", Offer("", "leaf", 0, wrong))
        assert sites.log("hub").sequence_nr == 0


@in_event_loop
async def test_what_is_brought_arrives_at_once_and_the_line_may_break() -> None:
    async with world("hub", "leaf", "far") as sites:
        await sites.join("hub", "far")
        line = await sites.read("leaf", "hub", direction=Direction.BOTH)
        await sites.write("leaf", b"1")
        await sites.settle(1)
        line.cut()
        await sites.write("leaf", b"2")
        await sites.write("far", b"3")
        line.mend()
        await sites.settle(3)
        await until(lambda: sites["leaf"].status().connections[0].condition == "up to date")
        logs = sites["leaf"].status().connections[0].logs
        assert [each.lag_events for each in logs] == [0, 0]
        assert sites["leaf"].status().connections[0].direction == "both"
