"""The replicator: read, store with the progress, read again; in order and within bounds."""

from __future__ import annotations

import asyncio
from random import Random

import msgspec
import pytest
from joined_endpoints import QUICK, Line, World, everything, shared, world
from opened_log import new

from museion.log.event_log import EventLog, WritePolicy
from museion.log.event_store import WriteFailed
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.connection import Connection
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.link import PROGRESS
from museion.log.replication.link_record import Backoff
from museion.log.replication.pacing import Pace
from museion.log.replication.protocol import ReadAnswer, ReadRequest, WireEvent
from museion.log.replication.remote_logs import OutdatedAnswer, RemoteLogs
from museion.log.replication.status import ConnectionStatus
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until
from museion.testing.steered_store import SteeredStore

DELAY_S = 0.04
"""A round trip as between countries."""


def settings(**more: float) -> EndpointSettings:
    fields = {
        "retry_delay_s": 0.05,
        "first_retry_delay_s": 0.005,
        "remote_read_timeout_s": 1.0,
        "failure_detection_limit_s": 2.0,
        **more,
    }
    return EndpointSettings(**fields)  # type: ignore[arg-type]  # numbers of both types


def link(sites: World) -> ConnectionStatus:
    return sites["b"].status().connections[0]


class TestProgress:
    @in_event_loop
    async def test_it_is_kept_with_the_events_and_goes_on_from_there_after_a_reconnect(
        self,
    ) -> None:
        async with world("a", "b") as sites:
            await sites.write("a", *[b"%d" % number for number in range(10)])
            await sites.read("b", "a")
            await sites.settle(10)
            assert sites.log("b").progress(PROGRESS + "a") == 10
            await sites["b"].disconnect("a")
            await sites.write("a", b"meanwhile")
            line = await sites.read("b", "a")
            await until(lambda: sites.log("b").sequence_nr == 11)
            assert min(asks.after for asks in line.reads) == 10

    @in_event_loop
    async def test_it_never_falls_whatever_comes_late(self) -> None:
        async with world("b") as sites:
            log, remote_logs = sites.log("b"), RemoteLogs()
            await remote_logs.take(log, "a", [], scanned_to=7, generation=0)
            await remote_logs.take(log, "a", [], scanned_to=5, generation=0)
            assert remote_logs.progress(log, "a") == 7

    @in_event_loop
    async def test_an_answer_from_before_a_loss_is_not_used(self) -> None:
        async with world("b") as sites:
            log, remote_logs = sites.log("b"), RemoteLogs()
            await remote_logs.take(log, "a", [], scanned_to=7, generation=0)
            assert await remote_logs.set_back(log, "a", 3) == 7
            with pytest.raises(OutdatedAnswer):
                await remote_logs.take(log, "a", [], scanned_to=9, generation=0)
            assert remote_logs.progress(log, "a") == 3
            assert await remote_logs.set_back(log, "a", 5) == 3
            assert remote_logs.progress(log, "a") == 3

    @in_event_loop
    async def test_what_a_log_knew_before_its_loss_is_not_believed_afterwards(self) -> None:
        async with world("b") as sites:
            remote_logs = RemoteLogs()
            with remote_logs.hold("a", VectorTime(), recovering=False) as held:
                remote_logs.heard("a", VectorTime({"x": 1}), 0)
                assert held.known == VectorTime({"x": 1})
            await remote_logs.set_back(sites.log("b"), "a", 0)
            with remote_logs.hold("a", VectorTime(), recovering=False) as held:
                remote_logs.heard("a", VectorTime({"x": 1}), 0)
                assert held.known == VectorTime()
            with remote_logs.hold("a", VectorTime(), recovering=True) as held:
                remote_logs.heard("a", VectorTime({"x": 1}), 1)
                assert held.known == VectorTime()


class TestPipeline:
    @in_event_loop
    async def test_several_reads_are_under_way_while_it_catches_up(self) -> None:
        async with world("a", "b", settings=settings(reads_ahead=4)) as sites:
            await sites.write("a", *[b"%d" % number for number in range(6000)])
            line = await sites.read("b", "a", delay_s=0.01)
            await sites.settle(6000)
            assert line.most_at_once == 4
            assert [event.payload for event in await everything(sites.log("b"))] == [
                b"%d" % number for number in range(6000)
            ]

    @in_event_loop
    async def test_with_one_read_ahead_each_answer_is_stored_before_the_next_read(self) -> None:
        async with world("a", "b", settings=settings(reads_ahead=1)) as sites:
            await sites.write("a", *[b"%d" % number for number in range(3000)])
            line = await sites.read("b", "a")
            await sites.settle(3000)
            assert line.most_at_once == 1
            assert all(asks.stored_to == asks.after for asks in line.reads)

    @in_event_loop
    async def test_over_a_long_way_it_is_several_times_faster(self) -> None:
        took_s = {}
        bounds = {"max_batch_events": 50, "max_scanned": 50}
        for ahead in (1, 4):
            async with world("a", "b", settings=settings(reads_ahead=ahead, **bounds)) as sites:
                await sites.write("a", *[b"%d" % number for number in range(800)])
                began_s = asyncio.get_running_loop().time()
                await sites.read("b", "a", delay_s=DELAY_S)
                await sites.settle(800)
                took_s[ahead] = asyncio.get_running_loop().time() - began_s
        assert took_s[1] > 16 * DELAY_S
        assert took_s[4] < took_s[1] * 0.6

    @in_event_loop
    async def test_an_answer_cut_by_its_bytes_is_continued_before_the_next_range(self) -> None:
        chance = Random(7)  # noqa: S311 (repeatable)
        payloads = [b"x" * chance.choice((1, 100, 5000)) for _ in range(1500)]
        bounds = settings(max_batch_bytes=20_000, max_ahead_bytes=80_000)
        async with world("a", "b", settings=bounds) as sites:
            await sites.write("a", *payloads)
            line = await sites.read("b", "a")
            await sites.settle(1500)
            assert [event.payload for event in await everything(sites.log("b"))] == payloads
            assert line.most_at_once == 4
            sizes = [sum(len(each.envelope) for each in answer.events) for answer in line.answers]
            assert max(sizes) < 40_000  # envelopes are larger than payloads

    @in_event_loop
    async def test_a_payload_larger_than_all_bounds_does_not_stall_it(self) -> None:
        bounds = settings(max_batch_bytes=1000, max_ahead_bytes=1000)
        async with world("a", "b", settings=bounds) as sites:
            await sites.write("a", b"small", b"x" * 1_000_000, b"small")
            await sites.read("b", "a")
            await sites.settle(3)

    def test_what_may_be_under_way_is_bounded_by_bytes_too(self) -> None:
        bounds = EndpointSettings(reads_ahead=8, max_batch_bytes=1 << 20, max_ahead_bytes=3 << 20)
        assert bounds.ahead == 3
        assert EndpointSettings(max_batch_bytes=64 << 20, max_ahead_bytes=1 << 20).ahead == 1


class TestTrouble:
    @in_event_loop
    async def test_after_a_failed_write_it_goes_on_from_what_is_stored(self) -> None:
        store = SteeredStore(MemoryEventStore(log_id="b"))
        policy = WritePolicy(retries=0, open_after_retries=1000)
        async with world("a") as sites, EventLog(store, policy=policy) as log:
            await sites.write("a", *[b"%d" % number for number in range(3000)])
            store.failures = [WriteFailed("the disk is full")] * 3
            async with endpoint_of(log) as b:
                await b.connect(Connection("a"), Line(sites["a"], "b"))
                await until(lambda: log.sequence_nr == 3000)
                assert b.status().connections[0].logs[0].failures >= 3
                assert len({event.id for event in await everything(log)}) == 3000

    @in_event_loop
    async def test_an_answer_against_the_protocol_is_not_stored(self) -> None:
        async with world("a", "b") as sites:
            await sites.write("a", b"1", b"2")
            good = await sites["a"].service.read("b", request())
            for answer in (
                msgspec.structs.replace(good, source_log_id="c"),
                msgspec.structs.replace(good, scanned_to=9),
                msgspec.structs.replace(good, scanned_to=1),
                msgspec.structs.replace(good, events=(WireEvent(b"\xc1"),)),
            ):
                door = _Forger(sites["a"], answer)
                await sites["b"].connect(Connection("a"), door)
                await until(lambda: "cannot be used" in link(sites).logs[0].last_error)
                await sites["b"].disconnect("a")
            assert sites.log("b").sequence_nr == 0
            assert sites.log("b").progress(PROGRESS + "a") == 0

    @in_event_loop
    async def test_a_source_that_does_not_answer_in_time_counts_as_unreachable(self) -> None:
        bounds = settings(remote_read_timeout_s=0.02, wait_s=0.0)
        async with world("a", "b", settings=bounds) as sites:
            line = await sites.read("b", "a")
            await until(lambda: link(sites).condition == "up to date")
            line.delay_s = 0.2
            await until(lambda: "no answer within 0.02 s" in link(sites).logs[0].last_error)
            line.delay_s = 0.0
            await sites.write("a", b"1")
            await sites.settle(1)

    @in_event_loop
    async def test_the_end_of_the_log_here_ends_it(self) -> None:
        async with world("a", "b") as sites:
            await sites.read("b", "a")
            await until(lambda: link(sites).condition == "up to date")
            await sites.log("b").close()
            await sites.write("a", b"1")
            await until(lambda: link(sites).condition == "disconnected")

    @in_event_loop
    async def test_the_end_of_the_log_there_does_not(self) -> None:
        async with world("a", "b") as sites:
            await sites.read("b", "a")
            await until(lambda: link(sites).condition == "up to date")
            await sites.log("a").close()
            await until(lambda: "closed" in link(sites).logs[0].last_error)
            assert link(sites).condition in ("waiting to retry", "unavailable")

    @in_event_loop
    async def test_the_status_shows_lag_counts_and_success(self) -> None:
        async with world("a", "b", settings=settings(max_batch_events=1, reads_ahead=1)) as sites:
            line = await sites.read("b", "a")
            await until(lambda: link(sites).condition == "up to date")
            await sites.write("a", b"1")
            await sites.settle(1)
            line.delay_s = 0.05
            await sites.write("a", *[b"%d" % number for number in range(9)])
            await until(lambda: link(sites).condition == "catching up")
            log = link(sites).logs[0]
            assert 0 < log.lag_events < 10
            assert log.lag_events + log.position == log.source_sequence_nr == 10
            line.delay_s = 0.0
            await sites.settle(10)
            await until(lambda: link(sites).condition == "up to date")
            log = link(sites).logs[0]
            assert (log.lag_events, log.lag_s, log.events, log.position) == (0, 0.0, 10, 10)
            assert log.size_bytes > 0
            assert log.last_success_ms == 1_000_000


class TestPace:
    def learned(self, **more: object) -> Pace:
        pace = Pace(EndpointSettings())
        answer = {"scanned": 128, "events": 128, "size_bytes": 128, "took_s": 0.1, "was_cut": False}
        pace.answered(**{**answer, **more})  # type: ignore[arg-type]  # several types
        return pace

    def test_batches_grow_while_answers_come_fast(self) -> None:
        assert self.learned().span == 256

    def test_they_shrink_when_answers_take_long_or_do_not_come(self) -> None:
        pace = self.learned(took_s=5.0)
        assert (pace.span, pace.max_bytes) == (64, 2 << 20)
        pace.timed_out()
        assert (pace.span, pace.max_bytes) == (16, 512 << 10)
        for _ in range(20):
            pace.timed_out()
        assert (pace.span, pace.max_bytes) == (1, 64 << 10)

    def test_they_shrink_when_writing_is_slow(self) -> None:
        pace = Pace(EndpointSettings())
        pace.wrote(0.1)
        assert pace.span == 128
        pace.wrote(1.5)
        assert pace.span == 64

    def test_where_little_may_leave_a_read_covers_much(self) -> None:
        pace = Pace(EndpointSettings())
        for _ in range(12):
            pace.answered(scanned=pace.span, events=0, size_bytes=0, took_s=0.1, was_cut=False)
        assert pace.span == 65_536

    def test_no_more_is_asked_for_than_fits_in_one_answer(self) -> None:
        assert self.learned(size_bytes=4 << 20).span == 128
        assert self.learned(scanned=100, was_cut=True).span == 100


class TestBackoff:
    def test_waits_double_up_to_a_limit_and_begin_anew_after_a_success(self) -> None:
        bounds = EndpointSettings(first_retry_delay_s=0.1, retry_delay_s=5.0)
        backoff = Backoff(bounds, Random(1))  # noqa: S311 (repeatable)
        waits = [backoff.next_s() for _ in range(12)]
        limits = [0.1 * 2**number for number in range(6)] + [5.0] * 6
        assert all(0.5 * most <= wait <= most for wait, most in zip(waits, limits, strict=True))
        backoff.reset()
        assert backoff.next_s() <= 0.1

    def test_chance_spreads_those_who_failed_together(self) -> None:
        first = [Backoff(QUICK, Random(seed)).next_s() for seed in range(20)]  # noqa: S311
        assert len(set(first)) == 20


def request(**more: object) -> ReadRequest:
    fields = {"log_name": "", "target_log_id": "b", "after": 0, "known": VectorTime(), **more}
    return ReadRequest(**fields)  # type: ignore[arg-type]  # fields of several types


def endpoint_of(log: EventLog) -> Endpoint:
    chance = Random(1)  # noqa: S311 (repeatable)
    return Endpoint(log.log_id, {"": log}, settings=QUICK, seed=chance, now_ms=lambda: 1)


class _Forgetful(Line):
    """A door whose source does not know what the target has, and answers everything twice."""

    async def read(self, request: ReadRequest) -> ReadAnswer:
        answer = await super().read(msgspec.structs.replace(request, known=VectorTime()))
        await self._door.read(msgspec.structs.replace(request, known=VectorTime(), wait_s=0))
        return answer


@in_event_loop
async def test_the_filter_at_the_target_alone_makes_each_event_get_in_once() -> None:
    async with world("a", "b", "c") as sites:
        for target, source in ("ab", "ba", "bc", "cb", "ca", "ac"):
            await sites[target].connect(Connection(source), _Forgetful(sites[source], target))
        for number in range(30):
            await sites.write("abc"[number % 3], b"%d" % number)
        await sites.settle(30)
        for name in "abc":
            events = await everything(sites.log(name))
            assert len(events) == len({event.id for event in events}) == 30


class _Forger(Line):
    """A door that gives one answer to all reads."""

    def __init__(self, endpoint: Endpoint, answer: ReadAnswer) -> None:
        super().__init__(endpoint, "b")
        self._answer = answer

    async def read(self, request: ReadRequest) -> ReadAnswer:
        return self._answer


@in_event_loop
async def test_events_stay_byte_for_byte_on_their_way_over_three_sites() -> None:
    async with world("a", "b", "c") as sites:
        await sites.log("a").append([new(b"\x00\xff", aggregate_id="x", subject_key_id="k")])
        await sites.read("b", "a")
        await sites.read("c", "b")
        await sites.settle(1)
        (at_a,), (at_c,) = await everything(sites.log("a")), await everything(sites.log("c"))
        assert shared(at_a) == shared(at_c)
