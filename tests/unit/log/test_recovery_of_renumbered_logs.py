"""A site that was away while another one recovered reads the renumbered log from its beginning."""

from __future__ import annotations

from lost_sites import FailingLine, Sites, sites

from museion.log.replication.connection import Connection, Direction
from museion.testing.event_loop import in_event_loop, until


async def part(world: Sites, first: str, second: str) -> None:
    """End both connections, and wait until all but the second know that it is no neighbour."""
    ends = {first, second}
    staying = [name for name in world.endpoints if name != second]

    def knows(name: str, declared_by: str) -> bool:
        """Tell whether an endpoint still believes what another one said of the two."""
        said = [s for s in world[name].status().topology if s.endpoint_id == declared_by]
        return any({link.target, link.source} == ends for each in said for link in each.links)

    await world[second].disconnect(first)
    await until(lambda: not knows(first, second))
    await world[first].disconnect(second)
    await until(lambda: not any(knows(name, each) for name in staying for each in ends))
    world.links = [each for each in world.links if {each[0], each[1]} != ends]


async def with_one_away(world: Sites) -> None:
    """Let c read all of a, and go away; b has the same and more in another order."""
    await world.join("a", "b")
    await world.join("a", "c")
    await world.write("b", b"b1", b"b2")
    await world.settle(2)
    world.lines["a", "b"].cut()
    await world.write("b", *(b"b%d" % number for number in range(3, 9)))
    await world.write("a", b"a1", b"a2", b"a3")
    await world.settle({"a": 5, "b": 11, "c": 5})
    await part(world, "a", "c")


async def recovered(world: Sites) -> None:
    """Let a lose its log and get it back from b."""
    a = await world.lose("a", lost_events=True)
    await a.recover()
    assert (await world.payloads("a"))[:5] == [b"b1", b"b2", b"b3", b"b4", b"b5"]


@in_event_loop
async def test_who_was_away_while_another_recovered_misses_nothing_of_it() -> None:
    async with sites("a", "b", "c") as world:
        await with_one_away(world)
        await recovered(world)
        await world.join("a", "c")
        await world.settle(11)
        assert await world.same("a", "b", "c")


@in_event_loop
async def test_who_was_away_and_connects_first_misses_nothing_either() -> None:
    async with sites("a", "b", "c") as world:
        await with_one_away(world)
        await recovered(world)
        await world.join("c", "a")
        await world.settle(11)
        assert await world.same("a", "b", "c")


@in_event_loop
async def test_who_connects_again_before_the_recovery_misses_nothing() -> None:
    async with sites("a", "b", "c") as world:
        await with_one_away(world)
        a = await world.lose("a", lost_events=True)
        await world.join("c", "a")
        await a.recover()
        await world.settle(11)
        assert await world.same("a", "b", "c")


@in_event_loop
async def test_a_reader_that_a_recovering_site_does_not_know_of_misses_nothing() -> None:
    async with sites("a", "b", "c") as world:
        await with_one_away(world)
        a = await world.lose("a", lost_events=True)
        # It only reads, and cannot tell: nobody is served during a recovery.
        line = FailingLine(a, "c")
        await world["c"].connect(Connection("a"), line)
        await a.recover()
        await world.settle(11)
        assert await world.same("a", "b", "c")


@in_event_loop
async def test_who_is_brought_events_that_were_numbered_anew_misses_none() -> None:
    async with sites("a", "b", "c") as world:
        await with_one_away(world)
        a = await world.lose("a", lost_events=True)
        await a.recover()
        await a.connect(Connection("c", direction=Direction.OFFER), FailingLine(world["c"], "a"))
        await world.settle(11)
        assert await world.same("a", "b", "c")


@in_event_loop
async def test_who_knew_no_event_of_a_log_that_was_numbered_anew_misses_nothing() -> None:
    async with sites("a", "b", "c") as world:
        await world.join("a", "b")
        await world.join("a", "c")
        await world.write("b", b"b1", b"b2")
        await world.settle(2)
        await part(world, "a", "c")
        await world.write("b", b"b3")
        await world.settle({"a": 3, "b": 3})
        a = await world.lose("a", lost_events=True)
        await a.recover()
        await world.join("a", "c")
        await world.settle(3)


@in_event_loop
async def test_a_log_is_read_from_the_beginning_once_after_each_recovery() -> None:
    async with sites("a", "b", "c") as world:
        await with_one_away(world)
        await recovered(world)
        await world.join("a", "c")
        await world.settle(11)
        await world.close("c")
        await world.open("c")
        await world.write("a", b"a4")
        await world.settle(12)
        assert all(read.after >= 11 for read in world.lines["c", "a"].reads)
