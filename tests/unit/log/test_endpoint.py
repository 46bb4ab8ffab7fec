"""Endpoints: which connections may be, how they come and go, and who takes part."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest
from joined_endpoints import (
    Line,
    condition,
    endpoint_of,
    everything,
    link,
    shared,
    until_heard,
    world,
)
from msgspec.structs import replace
from opened_log import new

from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.connection import (
    AlreadyConnected,
    BadEndpointId,
    Connection,
    ForeignLog,
    NotActive,
    NotConnected,
    UnsuitableConnection,
    log_id_of,
)
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.filters import AllOf, Named, OfType
from museion.log.replication.local_neighbour import LocalNeighbour
from museion.log.replication.protocol import (
    EndpointInfo,
    Greeting,
    InfoRequest,
    Link,
    LinkState,
    ReadAnswer,
    ReadRequest,
)
from museion.log.replication.refusals import FilteredCycle, NowRecovering
from museion.log.replication.source_filters import SourceFilters
from museion.log.replication.topology import FileTopologyStore, MemoryTopologyStore
from museion.testing.event_loop import in_event_loop, until

SOME = OfType(("test.some",))


class TestIdentity:
    def test_the_id_of_a_log_is_that_of_its_endpoint_and_its_name(self) -> None:
        assert log_id_of("site", "assets") == "site:assets"
        assert log_id_of("site", "") == "site"

    @in_event_loop
    async def test_a_log_made_for_another_endpoint_is_refused(self) -> None:
        async with EventLog(MemoryEventStore(log_id="b")) as log:
            with pytest.raises(ForeignLog, match="to have the id 'a', got 'b'"):
                endpoint_of(log)

    @pytest.mark.parametrize("endpoint_id", ["", "a:b"])
    @in_event_loop
    async def test_an_id_that_would_make_ids_of_logs_ambiguous_is_refused(
        self, endpoint_id: str
    ) -> None:
        with pytest.raises(BadEndpointId):
            Endpoint(endpoint_id, {}, seed=Random(1), now_ms=lambda: 1)  # noqa: S311

    @in_event_loop
    async def test_a_door_that_leads_elsewhere_is_not_read_from(self) -> None:
        async with world("a", "b", "c") as sites:
            await sites.write("c", b"1")
            await sites["a"].connect(Connection("b"), Line(sites["c"], "a"))
            await until(lambda: "it calls itself 'c'" in link(sites, "a", "b").reason)
            assert sites.log("a").sequence_nr == 0


class TestActivation:
    @in_event_loop
    async def test_an_endpoint_is_activated_once(self) -> None:
        async with EventLog(MemoryEventStore(log_id="a")) as log:
            endpoint = endpoint_of(log)
            async with endpoint:
                with pytest.raises(NotActive, match="was activated before"):
                    endpoint.activate()
            with pytest.raises(NotActive):
                endpoint.activate()

    @in_event_loop
    async def test_activation_during_or_after_recovery_is_an_error(self) -> None:
        async with world("a") as sites:
            await sites["a"].begin_recovery()
            with pytest.raises(NotActive, match="it is recovering"):
                sites["a"].activate()
            sites["a"].end_recovery()
            with pytest.raises(NotActive, match="was activated before"):
                sites["a"].activate()

    @in_event_loop
    async def test_nothing_is_served_or_connected_before_and_after(self) -> None:
        async with (
            EventLog(MemoryEventStore(log_id="a")) as log,
            world("b") as sites,
        ):
            endpoint = endpoint_of(log)
            await sites["b"].connect(Connection("a"), LocalNeighbour(endpoint.service, "b"))
            await until(lambda: "not active" in link(sites, "b", "a").reason)
            with pytest.raises(NotActive):
                await endpoint.connect(Connection("b"), LocalNeighbour(sites["b"].service, "a"))
            async with endpoint:
                await log.append([new(b"1")])
                await sites.settle(1)
            await until(lambda: "not active" in link(sites, "b", "a").reason)

    @in_event_loop
    async def test_while_it_recovers_it_serves_nobody_and_reads_nothing(self) -> None:
        async with world("a", "b") as sites:
            await sites.join("a", "b")
            await sites["a"].begin_recovery()
            await sites.write("b", b"1")
            await sites.write("a", b"2")
            await until(lambda: condition(sites, "b", "a")("recovering"))
            assert (sites.log("a").sequence_nr, sites.log("b").sequence_nr) == (1, 1)
            sites["a"].end_recovery()
            await sites.settle(2)

    @in_event_loop
    async def test_one_that_begins_in_recovery_connects_but_waits(self) -> None:
        async with world("a", "b", each={"a": {"lost_events": True}}) as sites:
            await sites.write("b", b"1")
            await sites.join("a", "b")
            with pytest.raises(NowRecovering):
                await sites["a"].service.info("b", InfoRequest())
            assert sites.lines["a", "b"].reads == []
            sites["a"].end_recovery()
            await sites.settle(1)


class TestConnections:
    @in_event_loop
    async def test_two_endpoints_that_read_from_each_other_converge(self) -> None:
        async with world("a", "b") as sites:
            await sites.write("a", *[b"%d" % number for number in range(3000)])
            await sites.write("b", b"x", b"y")
            await sites.join("a", "b")
            await sites.settle(3002)
            await sites.write("a", b"later")
            await sites.settle(3003)
            at_a = sorted(map(shared, await everything(sites.log("a"))))
            assert at_a == sorted(map(shared, await everything(sites.log("b"))))
            assert len(set(at_a)) == 3003

    @in_event_loop
    async def test_they_come_and_go_while_everything_runs(self) -> None:
        async with world("a", "b", "c") as sites:
            await sites.join("a", "b")
            line = await sites.read("c", "b")
            await sites.write("a", b"1")
            await sites.settle(1)
            await sites["c"].disconnect("b")
            assert line.is_closed
            await sites.write("a", b"2")
            await until(lambda: sites.log("b").sequence_nr == 2)
            assert sites.log("c").sequence_nr == 1
            await sites.read("c", "a")
            await sites.settle(2)
            assert sites["c"].connections == (Connection("a"),)

    @in_event_loop
    async def test_only_one_direction_is_read(self) -> None:
        async with world("a", "b") as sites:
            await sites.read("b", "a")
            await sites.write("b", b"stays")
            await sites.write("a", b"goes")
            await until(lambda: sites.log("b").sequence_nr == 2)
            assert sites.log("a").sequence_nr == 1

    @in_event_loop
    async def test_an_endpoint_that_does_not_answer_is_asked_until_it_does(self) -> None:
        async with world("a", "b") as sites:
            line = Line(sites["b"], "a")
            line.cut()
            await sites["a"].connect(Connection("b"), line)
            await sites.write("b", b"1")
            await until(lambda: link(sites, "a", "b").logs[0].failures > 3)
            assert condition(sites, "a", "b")("waiting to retry")
            line.mend()
            await sites.settle(1)
            await until(lambda: condition(sites, "a", "b")("up to date"))

    @in_event_loop
    async def test_the_door_can_be_replaced_and_progress_is_kept(self) -> None:
        async with world("a", "b") as sites:
            old = await sites.read("a", "b")
            await sites.write("b", b"1")
            await sites.settle(1)
            old.cut()
            await sites.write("b", b"2")
            fresh = Line(sites["b"], "a")
            await sites["a"].replace_neighbour("b", fresh)
            await sites.settle(2)
            assert old.is_closed
            assert fresh.reads[0].after == 1

    @in_event_loop
    async def test_after_a_broken_line_both_meet_again_before_anything_is_read(self) -> None:
        async with world("a", "b", "c") as sites:
            await sites.join("a", "b")
            for line in sites.lines.values():
                line.cut()
            await until(lambda: link(sites, "a", "b").logs[0].failures > 0)
            await sites.read("b", "c")
            sites.lines["a", "b"].mend()
            await until_heard(sites, "a", Link("b", "c"))
            await until(lambda: condition(sites, "a", "b")("up to date"))

    @in_event_loop
    async def test_one_that_is_ended_while_it_is_made_does_not_begin(self) -> None:
        for end in ("disconnect", "close"):
            async with world("a", "b") as sites:
                line = Line(sites["b"], "a", delay_s=0.02)
                making = asyncio.create_task(sites["a"].connect(Connection("b"), line))
                await until(lambda each=sites["a"]: bool(each.connections))  # type: ignore[misc]
                await (sites["a"].disconnect("b") if end == "disconnect" else sites["a"].close())
                with pytest.raises(NotActive, match="ended while it was made"):
                    await making
                assert (line.is_closed, line.reads) == (True, [])

    @in_event_loop
    async def test_connections_that_cannot_be_are_refused(self) -> None:
        async with world("a", "b") as sites:
            await sites.read("a", "b")
            door = LocalNeighbour(sites["b"].service, "a")
            for error, connection in (
                (AlreadyConnected, Connection("b")),
                (UnsuitableConnection, Connection("a")),
                (UnsuitableConnection, Connection("c", log_names=("unknown",))),
                (BadEndpointId, Connection("b:x")),
            ):
                with pytest.raises(error):
                    await sites["a"].connect(connection, door)
            with pytest.raises(NotConnected):
                await sites["a"].disconnect("c")
            with pytest.raises(NotConnected):
                await sites["a"].replace_neighbour("c", door)

    @in_event_loop
    async def test_logs_are_matched_by_name_and_may_be_chosen(self) -> None:
        async with world("a", "b", log_names=("x", "y")) as sites:
            await sites.read("b", "a", log_names=("y",))
            await sites.log("a", "x").append([new(b"x")])
            await sites.log("a", "y").append([new(b"y")])
            await until(lambda: sites.log("b", "y").sequence_nr == 1)
            assert sites.log("b", "x").sequence_nr == 0
            assert [each.log_name for each in link(sites, "b", "a").logs] == ["y"]

    @in_event_loop
    async def test_without_a_common_log_it_is_said_so(self) -> None:
        async with world("a", log_names=("x",)) as first, world("b", log_names=("y",)) as second:
            await first["a"].connect(Connection("b"), LocalNeighbour(second["b"].service, "a"))
            await until(lambda: "no log of the same name" in link(first, "a", "b").reason)

    @in_event_loop
    async def test_a_filter_that_the_source_does_not_know_is_reported(self) -> None:
        async with world("a", "b") as sites:
            await sites.read("b", "a", only=AllOf((Named("of-tomorrow"),)))
            await until(lambda: "'of-tomorrow'" in link(sites, "b", "a").logs[0].last_error)

    @in_event_loop
    async def test_the_end_of_an_endpoint_ends_all_that_is_under_way(self) -> None:
        async with world("a", "b") as sites:
            await sites.join("a", "b")
            await until(lambda: len(sites.lines["a", "b"].reads) == 2)
            await sites["a"].close()
            assert sites.lines["a", "b"].is_closed
            await until(lambda: "not active" in link(sites, "b", "a").logs[0].last_error)
            await sites["b"].close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            assert not [task for task in others if "replication" in repr(task)]

    @in_event_loop
    async def test_a_defect_is_not_swallowed(self) -> None:
        async with world("a", "b") as sites:
            await sites["a"].connect(Connection("b"), _Broken(sites["b"], "a"))
            await until(lambda: condition(sites, "a", "b")("unavailable"))
            assert "division" in link(sites, "a", "b").reason
            with pytest.raises(ZeroDivisionError):
                await sites["a"].close()


class TestFilteredLinks:
    @in_event_loop
    async def test_a_filtered_link_to_a_leaf_is_fine(self) -> None:
        async with world("a", "b", "leaf") as sites:
            await sites.join("a", "b")
            await sites.join("a", "leaf", only=SOME)
            await sites.log("b").append([new(b"1"), new(b"2", type_name="test.some")])
            await until(lambda: sites.log("leaf").sequence_nr == 1)
            assert link(sites, "leaf", "a").filtered
            assert not link(sites, "a", "b").filtered

    @in_event_loop
    async def test_one_that_would_close_a_cycle_is_refused_before_anything_is_read(self) -> None:
        async with world("a", "b", "c") as sites:
            await sites.read("b", "a")
            await sites.read("c", "b")
            await sites.write("a", b"1")
            line = Line(sites["a"], "c")
            with pytest.raises(FilteredCycle, match="a - b - c - a"):
                await sites["c"].connect(Connection("a", only=SOME), line)
            assert (line.reads, line.is_closed) == ([], True)
            assert [each.remote_id for each in sites["c"].connections] == ["b"]
            assert Link("c", "a", filtered=True) not in sites["c"].status().topology[0].links

    @in_event_loop
    async def test_an_unfiltered_one_that_closes_a_cycle_over_a_filtered_one_is_refused_too(
        self,
    ) -> None:
        async with world("a", "b", "c") as sites:
            await sites.read("b", "a", only=SOME)
            await sites.read("c", "b")
            with pytest.raises(FilteredCycle, match="a - c - b - a"):
                await sites.read("c", "a")

    @in_event_loop
    async def test_what_the_source_leaves_out_makes_a_link_filtered(self) -> None:
        filters = SourceFilters(by_log={"": SOME})
        async with world("a", "b", "c", each={"a": {"filters": filters}}) as sites:
            await sites.read("b", "a")
            await sites.read("c", "b")
            await until_heard(sites, "c", Link("b", "a", filtered=True))
            with pytest.raises(FilteredCycle):
                await sites.read("c", "a")

    @in_event_loop
    async def test_networks_without_filters_may_have_any_cycles(self) -> None:
        async with world("a", "b", "c") as sites:
            for pair in (("a", "b"), ("b", "c"), ("c", "a")):
                await sites.join(*pair)
            await sites.write("a", b"1")
            await sites.settle(1)

    @in_event_loop
    async def test_the_source_refuses_reads_over_a_filtered_link_that_it_knows_on_a_cycle(
        self,
    ) -> None:
        store = MemoryTopologyStore()
        store.save((LinkState("c", 1, (Link("c", "a"), Link("b", "c"))),))
        async with world("a", "b", each={"a": {"topology_store": store}}) as sites:
            await sites["b"].connect(Connection("a", only=SOME), _Deaf(sites["a"], "b"))
            await until(lambda: condition(sites, "b", "a")("filtered cycle"))
            assert sites.log("b").progress("museion.replicated-from:a") == 0

    @in_event_loop
    async def test_links_made_at_once_at_cut_off_sites_stop_when_they_hear_of_each_other(
        self,
    ) -> None:
        async with world("a", "b", "c") as sites:
            between = await sites.read("c", "b")
            await until_heard(sites, "b", Link("c", "b"))
            to_b, to_c = Line(sites["a"], "b"), Line(sites["a"], "c")
            for line in (between, to_b, to_c):
                line.cut()
            await sites["b"].connect(Connection("a"), to_b)
            await sites["c"].connect(Connection("a", only=SOME), to_c)
            for line in (between, to_b, to_c):
                line.mend()
            await until(lambda: condition(sites, "c", "a")("filtered cycle"))
            assert "a - b - c - a" in link(sites, "c", "a").reason
            await sites.write("a", b"1")
            await sites.settle(1)  # the other links go on
            await sites["b"].disconnect("a")
            await until(lambda: condition(sites, "c", "a")("up to date"))


class TestWhatIsHeard:
    @in_event_loop
    async def test_connections_are_heard_of_beyond_the_neighbours(self) -> None:
        async with world("a", "b", "c", "d") as sites:
            for pair in (("a", "b"), ("b", "c"), ("c", "d")):
                await sites.join(*pair)
            await until_heard(sites, "a", Link("d", "c"), Link("c", "d"))
            await sites["d"].disconnect("c")
            await until(
                lambda: LinkState("d", 2) in sites["a"].status().topology,
            )

    @in_event_loop
    async def test_nothing_is_told_twice_where_nothing_has_changed(self) -> None:
        async with world("a", "b") as sites:
            await sites.join("a", "b")
            line = sites.lines["a", "b"]
            for number in range(5):
                await sites.write("b", b"%d" % number)
                await sites.settle(number + 1)
            told = [asks.greeting.topology for asks in line.reads]
            assert told[-3:] == [(), (), ()]
            assert [answer.greeting.topology for answer in line.answers[-2:]] == [(), ()]

    @in_event_loop
    async def test_what_an_endpoint_tells_grows_over_a_restart(self, tmp_path: Path) -> None:
        numbers = []
        for name in ("b", "c"):
            store = FileTopologyStore(tmp_path / "topology")
            async with world("a", name, each={"a": {"topology_store": store}}) as sites:
                await sites.read("a", name)
                own = sites["a"].status().topology[0]
                numbers.append(own.number)
        assert numbers[0] < numbers[1]
        assert own.links == (Link("a", "b"), Link("a", "c"))

    @in_event_loop
    async def test_a_connection_that_was_not_made_again_can_be_forgotten(self) -> None:
        store = MemoryTopologyStore()
        store.save((LinkState("a", 4, (Link("a", "gone"),)),))
        async with world("a", each={"a": {"topology_store": store}}) as sites:
            await sites["a"].disconnect("gone")
            assert sites["a"].status().topology == (LinkState("a", 5),)

    @in_event_loop
    async def test_an_endpoint_that_lost_its_memory_tells_larger_numbers_than_before(self) -> None:
        store = MemoryTopologyStore()
        store.save((LinkState("a", 7, (Link("a", "gone"),)),))
        async with world("a", "b", each={"b": {"topology_store": store}}) as sites:
            await sites.read("a", "b")
            await sites.read("b", "a")
            expected = Link("a", "b")

            def is_known() -> bool:
                states = {each.endpoint_id: each for each in sites["b"].status().topology}
                return states["a"].links == (expected,) and states["a"].number > 7

            await until(is_known)


class _Broken(Line):
    """A door with a defect of this program."""

    async def read(self, request: ReadRequest) -> ReadAnswer:
        raise ZeroDivisionError("division by zero")


class _Deaf(Line):
    """A door over which nothing of the topology comes back, as from a program that says nothing."""

    async def info(self, request: InfoRequest) -> EndpointInfo:
        return replace(await super().info(request), greeting=Greeting())
