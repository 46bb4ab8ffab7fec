"""Devices write for days without a line, and each of their events has one effect."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from random import Random

import pytest
from device_world import BreakingLine, Site, everything, payloads, sites
from hypothesis import given, settings
from hypothesis import strategies as st
from opened_log import new

from museion.log.crdt.add_wins_set import Add, AddWinsSet
from museion.log.crdt.crdt import Stamp
from museion.log.crdt.last_writer_wins import LastWriterWins
from museion.log.crdt.versions import Assign
from museion.log.event import Event, InvalidEvent
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.devices.device_errors import (
    DeviceForked,
    DeviceIsRetired,
    InvalidDeviceEvent,
    NotYetEverywhere,
    TooManyWaiting,
)
from museion.log.replication.devices.device_event import DeviceEvent, device_mark
from museion.log.replication.devices.device_log import DeviceLog
from museion.log.replication.devices.device_messages import Submission
from museion.log.replication.devices.device_sync import SyncLimits, SyncReport, sync
from museion.log.replication.devices.intake import DeviceIntake, IntakeLimits
from museion.log.replication.devices.once import Once
from museion.log.replication.filters import EVERYTHING, OfAggregate
from museion.log.replication.gate import Gate, OpenGate, open_gate
from museion.log.replication.link import pull_all
from museion.log.replication.refusals import Unreachable
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until

SMALL = SyncLimits(max_events=2)


def written(log: DeviceLog, count: int) -> DeviceLog:
    for number in range(count):
        log.write("shot.rated", b"%d" % number, aggregate_id="asset/1")
    return log


@in_event_loop
async def test_a_device_that_wrote_without_a_line_brings_everything_later(tmp_path: Path) -> None:
    async with sites("a") as (a,):
        with DeviceLog(tmp_path / "log", "phone") as log:
            report = await sync(written(log, 5), a, SMALL)
            assert report == SyncReport(submitted=5, missing=0, received=0)
            assert await payloads(a.log) == [b"0", b"1", b"2", b"3", b"4"]
            assert dict(log.acknowledged) == {"a": 5}
            assert (await sync(log, a)).submitted == 0


@in_event_loop
async def test_an_event_of_a_device_belongs_to_its_aggregate_and_names_the_device(
    tmp_path: Path,
) -> None:
    async with sites("a") as (a,):
        with DeviceLog(tmp_path / "log", "phone") as log:
            first = log.write("shot.taken", b"1", aggregate_id="asset/1")
            log.write("shot.rated", b"2", aggregate_id="asset/1", after=[1], device_time_ms=77)
            await sync(log, a)
        [_, rated] = await a.log.read(aggregate_id="asset/1")
        mark = device_mark(rated)
        assert mark is not None
        assert (mark.device_id, mark.count, mark.after) == ("phone", 2, (first.count,))
        assert mark.device_time_ms == 77
        assert rated.emitter_id == "device:phone"
        assert [e.payload for e in await a.log.read(aggregate_id="device:phone")] == [b"1", b"2"]


@in_event_loop
async def test_vectors_have_an_entry_for_each_site_with_a_thousand_devices() -> None:
    async with sites("a", "b") as (a, b):
        for number in range(1000):
            site = (a, b)[number % 2]
            await site.submit(Submission(f"device-{number}", (DeviceEvent(1, "t", b""),)))
        await pull_all(a.log, b.log)
        await pull_all(b.log, a.log)
        for site in (a, b):
            events = await everything(site.log)
            assert len(events) == 1000
            assert len(site.log.version.times) == 2
            assert max(len(event.vector_timestamp.times) for event in events) == 1


@in_event_loop
async def test_an_event_happened_after_what_the_device_saw_and_after_its_own(
    tmp_path: Path,
) -> None:
    async with sites("a", "b") as (a, b):
        await a.log.append([new(b"unrelated"), new(b"seen", aggregate_id="asset/1")])
        await pull_all(a.log, b.log)
        with DeviceLog(tmp_path / "log", "phone") as log:
            log.subscribe(OfAggregate(("asset/1",)))
            await sync(log, b)
            [seen] = log.received.values()
            log.write("t", b"reply", after_events=[seen])
            log.write("t", b"more", after=[1])
            await sync(log, b)
        reply, more = (await everything(b.log))[2:]
        assert seen.vector_timestamp < reply.vector_timestamp < more.vector_timestamp
        assert reply.cause == seen.id


@in_event_loop
async def test_an_event_waits_until_its_predecessors_are_at_the_site(tmp_path: Path) -> None:
    async with sites("a", "b") as (a, b):
        await a.log.append([new(b"question", aggregate_id="asset/1")])
        with DeviceLog(tmp_path / "log", "phone") as log:
            log.subscribe(EVERYTHING)
            await sync(log, a)
            log.write("t", b"answer", after_events=list(log.received.values()))
            assert await sync(log, b) == SyncReport(submitted=0, missing=1, received=0)
            assert (b.log.sequence_nr, b.intake.waiting) == (0, 1)
            await pull_all(a.log, b.log)
            assert await b.intake.release() == 1
            assert await payloads(b.log) == [b"question", b"answer"]


@in_event_loop
async def test_what_waits_is_taken_in_when_the_log_grows(tmp_path: Path) -> None:
    async with sites("a", "b") as (a, b):
        await a.log.append([new(b"question")])
        with DeviceLog(tmp_path / "log", "phone") as log:
            log.subscribe(EVERYTHING)
            await sync(log, a)
            log.write("t", b"answer", after_events=list(log.received.values()))
            await sync(log, b)
        attending = asyncio.create_task(b.intake.attend())
        await asyncio.sleep(0)
        await pull_all(a.log, b.log)
        await until(lambda: b.log.sequence_nr == 2)
        attending.cancel()
        await asyncio.wait([attending])


@in_event_loop
async def test_counts_that_come_out_of_order_wait_for_the_ones_before() -> None:
    with_one = Submission("phone", (DeviceEvent(1, "t", b"1"),))
    async with sites("a") as (a,):
        log_digest = (await a.submit(Submission("x", (DeviceEvent(1, "t", b"1"),)))).digest
        second = Submission("phone", (DeviceEvent(2, "t", b"2"),), log_digest)
        assert (await a.submit(second)).waiting == 1
        answer = await a.submit(with_one)
        assert (answer.taken_to, answer.waiting) == (2, 0)


@in_event_loop
async def test_what_waits_is_bounded_and_refused_beyond() -> None:
    gap = tuple(DeviceEvent(count, "t", b"x") for count in range(2, 5))
    async with sites("a", limits=IntakeLimits(max_waiting_events=4)) as (a,):
        await a.submit(Submission("one", gap))
        with pytest.raises(TooManyWaiting):
            await a.submit(Submission("two", gap))
        assert a.intake.waiting == 3


@in_event_loop
async def test_a_repeat_changes_nothing_also_after_a_restart_of_the_site(tmp_path: Path) -> None:
    store = MemoryEventStore(log_id="a")
    with DeviceLog(tmp_path / "log", "phone") as log:
        written(log, 3)
        for _ in range(3):
            async with EventLog(store) as opened:
                intake = DeviceIntake(opened, gate_for=open_gate)
                await intake.submit(Submission("phone", tuple(log.events())))
                assert (await intake.submit(Submission("phone"))).taken_to == 3
                assert opened.sequence_nr == 3


@pytest.mark.parametrize("lost", ["request", "answer"])
@in_event_loop
async def test_a_sync_that_breaks_at_any_call_goes_on_where_it_was(
    tmp_path: Path, lost: str
) -> None:
    for broken in range(1, 9):
        async with sites("a") as (a,):
            await a.log.append([new(b"s%d" % n, aggregate_id="asset/1") for n in range(4)])
            with DeviceLog(tmp_path / f"{lost}-{broken}", "phone") as log:
                log.subscribe(EVERYTHING)
                line = BreakingLine(a, broken, lost)
                try:
                    await sync(written(log, 5), line, SMALL)
                except Unreachable:
                    await sync(log, line, SMALL)
                assert await payloads(a.log) == [b"s0", b"s1", b"s2", b"s3", *b"01234".split()] or [
                    e.payload for e in await a.log.read(aggregate_id="device:phone")
                ] == [b"0", b"1", b"2", b"3", b"4"]
                assert [e.payload for e in log.received.values()] == [b"s0", b"s1", b"s2", b"s3"]


async def lost_acknowledgement(log: DeviceLog, first: Site, second: Site) -> None:
    """Let both sites take in the same events of a device."""
    with pytest.raises(Unreachable):
        await sync(log, BreakingLine(first, 2, "answer"))
    await sync(log, second)
    await pull_all(first.log, second.log)
    await pull_all(second.log, first.log)


@in_event_loop
async def test_events_that_two_sites_took_in_have_one_effect_everywhere(tmp_path: Path) -> None:
    async with sites("a", "b") as (a, b):
        with DeviceLog(tmp_path / "log", "phone") as log:
            await lost_acknowledgement(written(log, 3), a, b)
            log.write("t", b"later")
            await sync(log, a)
            await pull_all(a.log, b.log)
        for site in (a, b):
            events = await everything(site.log)
            assert len(events) == 7
            first = [event.payload for event in Once().only_first(events)]
            assert first == [b"0", b"1", b"2", b"later"]


@in_event_loop
async def test_a_device_goes_on_at_another_site_without_a_double_when_that_knows_its_events(
    tmp_path: Path,
) -> None:
    async with sites("a", "b") as (a, b):
        with DeviceLog(tmp_path / "log", "phone") as log:
            await sync(written(log, 3), a)
            await pull_all(a.log, b.log)
            log.write("t", b"later")
            assert (await sync(log, b)).submitted == 1
        events = await everything(b.log)
        assert [event.payload for event in events] == [b"0", b"1", b"2", b"later"]
        assert events[-1].vector_timestamp == VectorTime({"a": 3, "b": 4})


@in_event_loop
async def test_replicated_types_take_both_copies_and_end_alike_in_any_order(
    tmp_path: Path,
) -> None:
    async with sites("a", "b") as (a, b):
        with DeviceLog(tmp_path / "log", "phone") as log:
            await lost_acknowledgement(written(log, 1), a, b)
        tags, rating = AddWinsSet(str), LastWriterWins(str)
        tagged, rated = [tags.zero(), tags.zero()], [rating.zero(), rating.zero()]
        for number, site in enumerate((a, b)):
            for event in await everything(site.log):
                stamp = Stamp.of(event)
                tagged[number] = tags.effect(tagged[number], Add("night"), stamp)
                rated[number] = rating.effect(rated[number], Assign("5"), stamp)
        assert tagged[0] == tagged[1]
        assert tags.value(tagged[0]) == {"night"}
        assert rated[0] == rated[1]
        assert rating.value(rated[0]) == "5"


def test_once_goes_on_from_a_snapshot() -> None:
    event = _copy("a", 1)
    once = Once()
    assert once.is_first(event)
    assert not Once(once.seen).is_first(_copy("b", 1))


def _copy(site: str, count: int) -> Event:
    stamp = VectorTime({site: count})
    mark = f"{count} 00 0  "
    return Event(
        "t", 1, b"", "device:phone", None, (), 0, stamp, site, site, count, delivery_id=mark
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_sum_over_devices_is_the_same_everywhere_and_counts_each_event_once(seed: int) -> None:
    run_random_trips(Random(seed))  # noqa: S311 (a repeatable test)


@in_event_loop
async def run_random_trips(random: Random) -> None:
    """Let devices go from site to site over lines that break, and sites replicate at random."""
    async with sites("a", "b", "c") as world:
        with tempfile.TemporaryDirectory() as folder:
            logs = [DeviceLog(Path(folder) / name, name) for name in ("x", "y")]
            for _ in range(12):
                log, site, other = random.choice(logs), random.choice(world), random.choice(world)
                written(log, random.randrange(3))
                broken = random.randrange(1, 6)
                lost = random.choice(["request", "answer", ""])
                line = BreakingLine(site, broken, lost)
                with contextlib.suppress(Unreachable):
                    await sync(log, line, SMALL)
                if site is not other:
                    await pull_all(site.log, other.log)
            for log in logs:
                await sync(log, random.choice(world))
                log.close()
            for _ in range(2):
                for source in world:
                    for target in world:
                        if source is not target:
                            await pull_all(source.log, target.log)
            expected = sum(log.count for log in logs)
            for site in world:
                once = Once()
                assert sum(once.is_first(e) for e in await everything(site.log)) == expected


@in_event_loop
async def test_a_wrong_wall_clock_of_a_device_changes_no_order(tmp_path: Path) -> None:
    async with sites("a") as (a,):
        with DeviceLog(tmp_path / "log", "phone") as log:
            log.write("t", b"1", device_time_ms=10**15)
            log.write("t", b"2", device_time_ms=0)
            await sync(log, a)
        await a.log.append([new(b"3")])
        first, second, third = await everything(a.log)
        assert first.vector_timestamp < second.vector_timestamp < third.vector_timestamp
        assert first.system_time_ms <= second.system_time_ms <= third.system_time_ms


@in_event_loop
async def test_a_device_receives_only_what_it_has_subscribed_to(tmp_path: Path) -> None:
    async with sites("a") as (a,):
        await a.log.append([new(b"1", aggregate_id="c/1"), new(b"2", aggregate_id="c/2")])
        with DeviceLog(tmp_path / "log", "phone") as log:
            log.subscribe(OfAggregate(("c/1",)))
            written(log, 1)
            assert (await sync(log, a)).received == 1
            log.subscribe(OfAggregate(("c/1", "c/2")))
            assert (await sync(log, a)).received == 1
            assert [each.payload for each in log.received.values()] == [b"1", b"2"]


class _Closed(OpenGate):
    def may_leave(self, event: Event) -> bool:
        return event.payload != b"secret"


@in_event_loop
async def test_a_device_receives_nothing_that_it_may_not_see(tmp_path: Path) -> None:
    def gate_for(device_id: str) -> Gate:
        assert device_id == "phone"
        return _Closed()

    async with sites("a", gate_for=gate_for) as (a,):
        await a.log.append([new(b"open"), new(b"secret")])
        with DeviceLog(tmp_path / "log", "phone") as log:
            log.subscribe(EVERYTHING)
            await sync(log, a)
            assert [each.payload for each in log.received.values()] == [b"open"]


@in_event_loop
async def test_a_device_receives_an_event_once_also_from_two_sites(tmp_path: Path) -> None:
    async with sites("a", "b") as (a, b):
        await a.log.append([new(b"1")])
        await pull_all(a.log, b.log)
        with DeviceLog(tmp_path / "log", "phone") as log:
            log.subscribe(EVERYTHING)
            assert (await sync(log, a)).received == 1
            assert (await sync(log, b)).received == 0


@in_event_loop
async def test_a_device_that_was_set_back_and_wrote_on_is_told_and_loses_nothing(
    tmp_path: Path,
) -> None:
    async with sites("a") as (a,):
        with DeviceLog(tmp_path / "log", "phone") as log:
            await sync(written(log, 3), a)
        with DeviceLog(tmp_path / "older", "phone") as log:
            written(log, 2)
            with pytest.raises(DeviceForked):
                await sync(log, a)
            log.write("t", b"other")
            log.write("t", b"more")
            with pytest.raises(DeviceForked):
                await sync(log, a)
            with pytest.raises(DeviceForked):
                await a.submit(Submission("phone", tuple(log.events())))
        assert a.log.sequence_nr == 3


@in_event_loop
async def test_two_phones_under_one_id_at_two_sites_are_found_out(tmp_path: Path) -> None:
    async with sites("a", "b") as (a, b):
        for site, text in ((a, b"1"), (b, b"2")):
            with DeviceLog(tmp_path / text.decode(), "phone") as log:
                log.write("t", text)
                await sync(log, site)
        await pull_all(a.log, b.log)
        with pytest.raises(DeviceForked):
            await b.submit(Submission("phone"))


@in_event_loop
async def test_a_retired_device_is_refused_at_all_sites(tmp_path: Path) -> None:
    async with sites("a", "b") as (a, b):
        with DeviceLog(tmp_path / "log", "phone") as log:
            await sync(written(log, 2), a)
            with pytest.raises(NotYetEverywhere):
                await a.intake.retire("phone", b.log.version)
            await pull_all(a.log, b.log)
            assert (await a.intake.retire("phone", b.log.version)).last_count == 2
            await a.intake.retire("phone", b.log.version)
            await pull_all(a.log, b.log)
            assert a.log.sequence_nr == b.log.sequence_nr == 3
            log.write("t", b"late")
            for site in (a, b):
                with pytest.raises(DeviceIsRetired):
                    await sync(log, site)


@in_event_loop
async def test_a_view_forgets_a_retired_device_when_all_sites_know(tmp_path: Path) -> None:
    async with sites("a", "b") as (a, b):
        with DeviceLog(tmp_path / "log", "phone") as log:
            await sync(written(log, 1), a)
        await a.intake.retire("phone", a.log.version)
        once = Once()
        assert list(once.only_first(await everything(a.log)))
        assert once.forget_retired(b.log.version) == 0
        await pull_all(a.log, b.log)
        assert once.forget_retired(b.log.version) == 1
        assert once.seen == ()


@in_event_loop
async def test_events_that_no_device_can_have_written_are_refused() -> None:
    bad = [
        DeviceEvent(1, "t", b"", after=(1,)),
        DeviceEvent(1, "t", b"", device_time_ms=-1),
        DeviceEvent(200, "t", b"", after=tuple(range(1, 199))),
    ]
    async with sites("a") as (a,):
        for event in bad:
            with pytest.raises(InvalidDeviceEvent):
                await a.intake.submit(Submission("phone", (event,)))
        with pytest.raises(InvalidEvent):
            await a.intake.submit(Submission("", (DeviceEvent(1, "t", b""),)))
        gap = (DeviceEvent(1, "t", b""), DeviceEvent(3, "t", b""))
        with pytest.raises(InvalidDeviceEvent):
            await a.intake.submit(Submission("phone", gap))
        assert a.log.sequence_nr == 0


@in_event_loop
async def test_a_claim_to_have_seen_the_future_waits_and_never_enters_a_clock() -> None:
    event = DeviceEvent(1, "t", b"", seen=VectorTime({"a": 10**9}))
    async with sites("a") as (a,):
        assert (await a.submit(Submission("phone", (event,)))).waiting == 1
        await a.log.append([new(b"")])
        assert await a.intake.release() == 0
        assert a.log.version == VectorTime({"a": 1})


@in_event_loop
async def test_deleted_events_of_a_device_are_not_taken_again(tmp_path: Path) -> None:
    store = MemoryEventStore(log_id="a")
    with DeviceLog(tmp_path / "log", "phone") as log:
        async with EventLog(store) as opened:
            await sync(written(log, 3), DeviceIntake(opened, gate_for=open_gate))
            await opened.append([new(b"")])
            await opened.delete(4)
            await until(lambda: opened.deletion.removed_to == 3)
        async with EventLog(store) as opened:
            intake = DeviceIntake(opened, gate_for=open_gate)
            assert (await sync(written(log, 1), intake)).submitted == 1
            assert opened.sequence_nr == 5


@in_event_loop
async def test_more_devices_than_are_kept_in_memory_are_read_from_the_log() -> None:
    async with sites("a", limits=IntakeLimits(max_known_devices=2)) as (a,):
        for _ in range(2):
            for name in "wxyz":
                await a.submit(Submission(name, (DeviceEvent(1, "t", name.encode()),)))
        assert await payloads(a.log) == [b"w", b"x", b"y", b"z"]
