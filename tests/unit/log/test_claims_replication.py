"""What endpoints promise where a neighbour is broken, lies, or is not who it seems to be."""

from __future__ import annotations

import pytest
from joined_endpoints import Line, World, everything, world
from msgspec.structs import replace
from opened_log import new

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.frame import encode_envelope
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.connection import Connection
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.filters import OfType
from museion.log.replication.link import PROGRESS
from museion.log.replication.protocol import (
    EndpointInfo,
    InfoRequest,
    Offer,
    OriginHead,
    ReadAnswer,
    ReadRequest,
    WireEvent,
)
from museion.log.replication.refusals import (
    FilteredCycle,
    NeedsRecovery,
    Refused,
    UnknownLog,
)
from museion.log.replication.source_filters import SourceFilters
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until


def forged(process_id: str, times: dict[str, int], *, system_time_ms: int = 1) -> WireEvent:
    """Return an event as a site sends it that writes what it likes."""
    stamp = VectorTime(times)
    event = Event(
        "test.happened", 1, b"x", "emitter", None, (), system_time_ms, stamp, process_id, "", 0
    )
    return WireEvent(encode_envelope(event))


class _Forger(Line):
    """A door that gives its events to the first read, and nothing afterwards."""

    def __init__(self, endpoint: Endpoint, events: tuple[WireEvent, ...]) -> None:
        super().__init__(endpoint, "b")
        self._events = events

    async def read(self, request: ReadRequest) -> ReadAnswer:
        end = len(self._events)
        events = self._events[request.after : request.up_to]
        return ReadAnswer("a", events, request.after + len(events), end, VectorTime())


async def fed(sites: World, *events: WireEvent) -> str:
    """Let `b` read events from a source that forges; return the error that its status shows."""
    await sites["b"].connect(Connection("a"), _Forger(sites["a"], events))

    def log_status() -> tuple[int, str]:
        log = sites["b"].status().connections[0].logs[0]
        return log.position, log.last_error

    await until(lambda: log_status()[0] == len(events) or bool(log_status()[1]))
    return log_status()[1]


class TestForgedEvents:
    @pytest.mark.parametrize("name", ["a", "b", "c"])
    @in_event_loop
    async def test_a_clock_near_the_largest_number_is_refused_and_stops_no_log(
        self, name: str
    ) -> None:
        async with world("a", "b") as sites:
            error = await fed(sites, forged("a", {"a": 1, name: (1 << 64) - 1}))
            assert "vector time" in error
            (own,) = await sites.write("b", b"goes on")
            assert own.vector_timestamp == VectorTime({"b": 1})

    @in_event_loop
    async def test_after_the_largest_clock_that_is_taken_a_log_can_still_write(self) -> None:
        async with world("a", "b") as sites:
            assert not await fed(sites, forged("a", {"a": 1, "b": 1 << 62}))
            (own,) = await sites.write("b", b"goes on")
            assert own.sequence_nr == (1 << 62) + 1

    @pytest.mark.parametrize("times", [(2, 1), (1, 1), (3, 4, 2)])
    @in_event_loop
    async def test_an_answer_whose_events_stand_behind_later_ones_is_not_stored(
        self, times: tuple[int, ...]
    ) -> None:
        async with world("a", "b") as sites:
            error = await fed(sites, *(forged("a", {"a": time}) for time in times))
            assert "stands behind later ones" in error
            assert sites.log("b").sequence_nr == 0
            assert sites.log("b").progress(PROGRESS + "a") == 0

    @in_event_loop
    async def test_an_earlier_event_that_no_later_one_covers_is_taken(self) -> None:
        async with world("a", "b") as sites:
            events = (forged("c", {"c": 5}), forged("c", {"c": 3, "d": 1}))
            assert not await fed(sites, *events)
            assert sites.log("b").sequence_nr == 2

    @pytest.mark.parametrize("times", [("", {"": 1}), ("a", {"c": 1})])
    @in_event_loop
    async def test_an_event_without_a_true_origin_is_refused(
        self, times: tuple[str, dict[str, int]]
    ) -> None:
        async with world("a", "b") as sites:
            assert await fed(sites, forged(*times))
            assert sites.log("b").sequence_nr == 0
            await sites.write("b", b"goes on")

    @in_event_loop
    async def test_an_event_with_ten_thousand_entries_in_its_stamp_is_kept_as_it_is(self) -> None:
        times = {"a": 1, **{f"site-{number}": 1 for number in range(10_000)}}
        async with world("a", "b", "c") as sites:
            assert not await fed(sites, forged("a", times))
            await sites.read("c", "b")
            await until(lambda: sites.log("c").sequence_nr == 1)
            (event,) = await everything(sites.log("c"))
            assert event.vector_timestamp == VectorTime(times)

    @in_event_loop
    async def test_a_wall_clock_a_year_ahead_changes_no_order(self) -> None:
        year_ms = 365 * 86_400_000
        async with world("a", "b", "c") as sites:
            assert not await fed(sites, forged("a", {"a": 1}, system_time_ms=year_ms))
            (answer,) = await sites.write("b", b"later")
            assert answer.vector_timestamp == VectorTime({"a": 1, "b": 2})
            await sites.read("c", "b")
            await until(lambda: sites.log("c").sequence_nr == 2)
            events = await everything(sites.log("c"))
            assert [event.payload for event in events] == [b"x", b"later"]
            assert events[0].system_time_ms == year_ms


class TestWhoIsWho:
    @in_event_loop
    async def test_of_two_sites_with_one_id_that_both_wrote_one_is_told_so(self) -> None:
        async with world("a", "b") as sites, world("a") as copies:
            await sites.write("a", b"at the original")
            await sites.read("b", "a")
            await until(lambda: sites.log("b").sequence_nr == 1)
            await copies.write("a", b"at the copy")
            heads = {"": OriginHead(1, sites.log("b").chain_digest("a") or b"")}
            with pytest.raises(NeedsRecovery, match="another event 1"):
                await copies["a"].service.info("b", InfoRequest(heads=heads))
            await sites["b"].replace_neighbour("a", Line(copies["a"], "b"))
            await until(lambda: "another event 1" in sites["b"].status().connections[0].reason)
            payloads = [event.payload for event in await everything(sites.log("b"))]
            assert payloads == [b"at the original"]

    @in_event_loop
    async def test_a_log_that_is_not_common_can_be_neither_read_nor_offered(self) -> None:
        async with world("a") as sites:
            with pytest.raises(UnknownLog):
                await sites["a"].service.read("b", ReadRequest("x", "b.x", 0, VectorTime()))
            answer = ReadAnswer("b.x", (forged("b", {"b": 1}),), 1, 1, VectorTime())
            with pytest.raises(UnknownLog):
                await sites["a"].service.offer("b", Offer("x", "b.x", 0, answer))
            assert sites.log("a").sequence_nr == 0

    @in_event_loop
    async def test_a_filtered_leaf_that_asks_for_everything_gets_its_part_only(self) -> None:
        filters = SourceFilters({"leaf": OfType(("test.open",))})
        async with world("hub", filters=filters) as sites:
            await sites.write("hub", b"hidden", type_name="test.hidden")
            await sites.write("hub", b"open", type_name="test.open")
            for recovering in (False, True):
                request = ReadRequest("", "leaf", 0, VectorTime(), recovering=recovering)
                answer = await sites["hub"].service.read("leaf", request)
                assert [b"hidden" in each.envelope for each in answer.events] == [False]
            with pytest.raises(Refused):
                await sites["hub"].service.read("leaf", ReadRequest("", "another", 0, VectorTime()))


class TestOffers:
    @in_event_loop
    async def test_offers_and_reads_of_a_part_on_a_cycle_are_refused_though_nobody_told_of_a_filter(
        self,
    ) -> None:
        async with world("a", "b", "c") as sites:
            for first, second in ("ab", "bc", "ca"):
                await sites.join(first, second)
            await until(
                lambda: all(len(sites[name].status().topology) == 3 for name in sites.endpoints)
            )
            answer = ReadAnswer("b", (), 0, 0, VectorTime(), filtered=True)
            with pytest.raises(FilteredCycle):
                await sites["a"].service.offer("b", Offer("", "b", 0, answer))
            # Nobody told of a filter: a source looks at what is asked for.
            asks = ReadRequest("", "b", 0, VectorTime(), only=OfType(("test.some",)))
            with pytest.raises(FilteredCycle):
                await sites["a"].service.read("b", asks)


@in_event_loop
async def test_a_log_keeps_writing_while_its_neighbour_is_refused() -> None:
    log = EventLog(MemoryEventStore(log_id="b"))
    try:
        with pytest.raises(Exception, match="vector time"):
            await log.append([new(vector_timestamp=VectorTime({"x": (1 << 62) + 1}))])
        assert (await log.append([new()]))[0].sequence_nr == 1
    finally:
        await log.close()


@in_event_loop
async def test_an_endpoint_that_shows_the_log_of_another_one_is_not_read() -> None:
    async with world("a", "b") as sites:

        class Mixed(Line):
            async def info(self, request: InfoRequest) -> EndpointInfo:
                found = await super().info(request)
                (log,) = found.logs
                return replace(found, logs=(replace(log, log_id="other"),))

        line = Mixed(sites["a"], "b")
        await sites["b"].connect(Connection("a"), line)
        await until(lambda: "'other'" in sites["b"].status().connections[0].reason)
        assert line.reads == []
