"""What an endpoint answers to a read: who may ask, what is sent, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joined_endpoints import PATIENT, QUICK, World, everything, world
from opened_log import new

from museion.log.event import Event
from museion.log.replication.application_version import may_serve
from museion.log.replication.connection import Direction, log_id_of
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.filters import (
    EVERYTHING,
    Filter,
    Not,
    OfType,
    is_everything,
    predicate_of,
)
from museion.log.replication.link import PROGRESS
from museion.log.replication.protocol import (
    Application,
    Greeting,
    InfoRequest,
    LinkState,
    ReadAnswer,
    ReadRequest,
)
from museion.log.replication.refusals import (
    ApplicationTooOld,
    BadRequest,
    ProtocolMismatch,
    Refused,
    Retired,
    SourceLostEvents,
    UnknownLog,
)
from museion.log.replication.source_filters import FilterPolicy, SourceFilters
from museion.log.replication.wire import from_wire
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until

NOTHING = VectorTime()


def request(after: int = 0, **more: object) -> ReadRequest:
    fields = {"log_name": "", "target_log_id": "b", "after": after, "known": NOTHING, **more}
    return ReadRequest(**fields)  # type: ignore[arg-type]  # fields of several types


async def asked(sites: World, after: int = 0, **more: object) -> ReadAnswer:
    """Let `b` ask `a` once; if it knows something they have met."""
    if "known" in more:
        await sites["a"].service.info("b", InfoRequest())
    return await sites["a"].service.read("b", request(after, **more))


def event_of(**fields: object) -> Event:
    whole = {
        "form": 1,
        "payload": b"",
        "emitter_id": "e",
        "aggregate_id": None,
        "custom_destinations": (),
        "system_time_ms": 0,
        "vector_timestamp": VectorTime({"p": 1}),
        "process_id": "p",
        "log_id": "p",
        "sequence_nr": 1,
        **fields,
    }
    return Event(**whole)  # type: ignore[arg-type]  # fields of several types


def payloads(answer: ReadAnswer) -> list[bytes]:
    return [from_wire(each).payload for each in answer.events]


class TestWhoMayAsk:
    @pytest.mark.parametrize(
        ("source", "target", "serves"),
        [
            (Application("x", 1, 0), Application("x", 1, 0), True),
            (Application("x", 1, 0), Application("x", 1, 1), True),
            (Application("x", 1, 1), Application("x", 1, 0), False),
            (Application("x", 1, 9), Application("x", 2, 0), True),
            (Application("x", 2, 0), Application("x", 1, 9), False),
            (Application("x", 2, 0), Application("y", 1, 0), True),
        ],
    )
    def test_a_source_serves_a_target_of_its_name_only_if_that_is_not_older(
        self, source: Application, target: Application, serves: bool
    ) -> None:
        assert may_serve(source, target) is serves

    def test_programs_without_a_name_are_never_compared(self) -> None:
        assert may_serve(Application("", 2, 0), Application("", 1, 0))

    @pytest.mark.parametrize(
        ("reason", "changes"),
        [
            (UnknownLog, {"log_name": "other", "target_log_id": "b:other"}),
            (BadRequest, {"target_log_id": "c"}),
            (SourceLostEvents, {"after": 1}),
            (ProtocolMismatch, {"greeting": Greeting(protocol=2)}),
            (ApplicationTooOld, {"greeting": Greeting(Application("m", 1, 0))}),
            (Retired, {"greeting": Greeting(topology=(LinkState("b", 1, retired=True),))}),
        ],
    )
    @in_event_loop
    async def test_what_may_not_be_asked_is_refused_with_the_reason(
        self, reason: type[Refused], changes: dict[str, object]
    ) -> None:
        async with world("a", application=Application("m", 1, 1)) as sites:
            asks = request(greeting=Greeting(Application("m", 1, 1)))
            asks = msgspec.structs.replace(asks, **changes)
            with pytest.raises(reason):
                await sites["a"].service.read("b", asks)

    @in_event_loop
    async def test_an_older_target_is_reported_until_it_is_updated(self) -> None:
        old, fresh = Application("m", 1, 0), Application("m", 1, 1)
        each = {"a": {"application": fresh}, "b": {"application": old}}
        async with world("a", "b", each=each) as sites:
            await sites.write("a", b"newer")
            await sites.write("b", b"older")
            await sites.join("a", "b")
            await until(lambda: sites.log("a").sequence_nr == 2)
            state = sites["b"].status
            await until(lambda: "1.1 or newer" in state().connections[0].logs[0].last_error)
            assert state().connections[0].logs[0].condition == "refused"
            assert sites.log("b").sequence_nr == 1


class TestWhatIsSent:
    @in_event_loop
    async def test_what_the_target_knows_is_not_sent_and_still_moves_its_progress(self) -> None:
        async with world("a") as sites:
            await sites.write("a", b"1", b"2", b"3")
            answer = await asked(sites, known=VectorTime({"a": 2}))
            assert payloads(answer) == [b"3"]
            answer = await asked(sites, known=VectorTime({"a": 3}))
            assert (answer.events, answer.scanned_to) == ((), 3)

    @in_event_loop
    async def test_progress_moves_on_over_events_that_do_not_pass(self) -> None:
        filters = SourceFilters(by_log={"": OfType(("test.wanted",))})
        async with world("a", "b", each={"a": {"filters": filters}}) as sites:
            log = sites.log("a")
            await log.append([new(b"x"), new(b"y", type_name="test.wanted"), new(b"z")])
            await sites.read("b", "a")
            await until(lambda: sites.log("b").progress(PROGRESS + "a") == 3)
            assert [event.payload for event in await everything(sites.log("b"))] == [b"y"]

    @in_event_loop
    async def test_one_read_looks_at_no_more_events_than_its_limit(self) -> None:
        filters = SourceFilters(by_log={"": OfType(("test.wanted",))})
        async with world("a", filters=filters) as sites:
            await sites.write("a", *[b"%d" % number for number in range(30)])
            answer = await asked(sites, max_scanned=10, wait_s=5.0)
            assert (answer.events, answer.scanned_to, answer.sequence_nr) == ((), 10, 30)

    @in_event_loop
    async def test_an_answer_keeps_within_its_bytes_but_holds_one_event_at_least(self) -> None:
        async with world("a") as sites:
            await sites.write("a", b"x" * 1000, b"y" * 10, b"z" * 10)
            first = await asked(sites, max_bytes=25)
            second = await asked(sites, first.scanned_to, max_bytes=25)
            assert [payload[:1] for payload in payloads(first)] == [b"x"]
            assert [payload[:1] for payload in payloads(second)] == [b"y", b"z"]

    @in_event_loop
    async def test_an_answer_tells_since_when_the_next_event_waits(self) -> None:
        async with world("a") as sites:
            (written,) = await sites.write("a", b"1")
            assert (await asked(sites, after=1)).oldest_ms == 0
            await sites.write("a", b"2")
            answer = await asked(sites, max_events=1)
            assert answer.oldest_ms >= written.system_time_ms > 0

    @in_event_loop
    async def test_removed_events_leave_a_gap_that_the_progress_moves_over(self) -> None:
        async with world("a") as sites:
            await sites.write("a", *[b"%d" % number for number in range(10)])
            await sites["a"].delete("", 5)
            await until(lambda: sites.log("a").deletion.removed_to == 5)
            answer = await asked(sites, up_to=3)
            assert (answer.events, answer.scanned_to) == ((), 3)


class TestPolicies:
    OF_TARGET = OfType(("test.x", "test.z"))
    OF_LOG = OfType(("test.y", "test.z"))

    @pytest.mark.parametrize(
        ("policy", "sent"),
        [
            (FilterPolicy.BOTH, [b"z"]),
            (FilterPolicy.TARGET_REPLACES_SOURCE, [b"x", b"z"]),
            (FilterPolicy.SOURCE_ONLY, [b"y", b"z"]),
        ],
    )
    @pytest.mark.parametrize("told_by", ["source", "target"])
    @in_event_loop
    async def test_three_policies_join_the_filters_of_target_and_log(
        self, policy: FilterPolicy, sent: list[bytes], told_by: str
    ) -> None:
        by_target = {"b": self.OF_TARGET} if told_by == "source" else {}
        filters = SourceFilters(by_target, {"": self.OF_LOG}, policy)
        async with world("a", filters=filters) as sites:
            for name in "xyz":
                await sites.write("a", name.encode(), type_name=f"test.{name}")
            only = EVERYTHING if told_by == "source" else self.OF_TARGET
            assert payloads(await asked(sites, only=only)) == sent

    @in_event_loop
    async def test_without_a_filter_for_the_target_that_of_the_log_is_not_replaced(self) -> None:
        filters = SourceFilters({}, {"": self.OF_LOG}, FilterPolicy.TARGET_REPLACES_SOURCE)
        async with world("a", filters=filters) as sites:
            await sites.write("a", b"x", type_name="test.x")
            await sites.write("a", b"y", type_name="test.y")
            assert payloads(await asked(sites)) == [b"y"]


class RightsGate:
    """Lets everything leave but what a predicate holds back; is ready when it is told."""

    restricts = True
    parts = True

    def __init__(self, holds_back: Callable[[Event], bool], *, is_ready: bool = True) -> None:
        self._holds_back = holds_back
        self.told = asyncio.Event()
        self.asked_for = 0
        if is_ready:
            self.told.set()

    async def ready(self, sequence_nr: int) -> None:
        self.asked_for = sequence_nr
        await self.told.wait()

    def may_leave(self, event: Event) -> bool:
        return not self._holds_back(event)


class TestGate:
    @pytest.mark.parametrize("policy", FilterPolicy)
    @in_event_loop
    async def test_no_filter_replaces_the_gate(self, policy: FilterPolicy) -> None:
        gate = RightsGate(lambda event: event.payload == b"secret")
        filters = SourceFilters({"b": Not(OfType(("none",)))}, policy=policy)
        async with world("a", filters=filters, gate=lambda _: gate) as sites:
            await sites.write("a", b"secret", b"open")
            answer = await asked(sites, only=Not(OfType(("none",))))
            assert payloads(answer) == [b"open"]
            assert answer.filtered

    @in_event_loop
    async def test_the_gate_also_holds_for_what_is_brought_and_for_recovery(self) -> None:
        gate = RightsGate(lambda event: event.payload == b"secret")
        async with world("a", "b", each={"a": {"gate": lambda _: gate}}) as sites:
            await sites.write("a", b"secret", b"open")
            answer = await asked(sites, recovering=True)
            assert payloads(answer) == [b"open"]
            await sites.read("a", "b", direction=Direction.BOTH)
            await until(lambda: sites.log("b").sequence_nr == 1)
            assert [event.payload for event in await everything(sites.log("b"))] == [b"open"]

    @in_event_loop
    async def test_nothing_is_judged_before_the_gate_has_taken_in_the_rights(self) -> None:
        gate = RightsGate(lambda _: False, is_ready=False)
        async with world("a", gate=lambda _: gate) as sites:
            await sites.write("a", b"1", b"2")
            asks = asyncio.create_task(asked(sites))
            await until(lambda: gate.asked_for == 2)
            assert not asks.done()
            gate.told.set()
            assert payloads(await asks) == [b"1", b"2"]

    @in_event_loop
    async def test_a_gate_that_takes_too_long_is_a_refusal_and_not_a_leak(self) -> None:
        bounds = EndpointSettings(remote_read_timeout_s=0.01)
        gate = RightsGate(lambda _: False, is_ready=False)
        async with world("a", settings=bounds, gate=lambda _: gate) as sites:
            await sites.write("a", b"1")
            with pytest.raises(Refused, match=r"within 0\.01 s"):
                await asked(sites)


TYPES = ("test.x", "test.y", "test.z")
of_types = st.lists(st.sampled_from(TYPES), max_size=3).map(lambda names: OfType(tuple(names)))
chosen_filters = st.one_of(st.just(EVERYTHING), of_types)


@settings(max_examples=60, deadline=None)
@given(
    written=st.lists(st.sampled_from(TYPES), max_size=8),
    secret=st.sets(st.integers(0, 7)),
    parts=st.tuples(chosen_filters, chosen_filters, chosen_filters),
    policy=st.sampled_from(list(FilterPolicy)),
    recovering=st.booleans(),
)
@in_event_loop
async def test_what_the_gate_holds_back_never_leaves_and_all_else_that_is_wanted_does(
    written: list[str],
    secret: set[int],
    parts: tuple[Filter, Filter, Filter],
    policy: FilterPolicy,
    recovering: bool,
) -> None:
    of_target, of_log, only = parts
    gate = RightsGate(lambda event: int(event.payload) in secret)
    filters = SourceFilters({"b": of_target}, {"": of_log}, policy)
    async with world("a", filters=filters, gate=lambda _: gate) as sites:
        for number, name in enumerate(written):
            await sites.write("a", b"%d" % number, type_name=name)
        answer = await asked(sites, only=only, recovering=recovering)
    of_target_passes, of_log_passes, only_passes = map(predicate_of, parts)
    is_for_target = not (is_everything(of_target) and is_everything(only))

    def may_leave(event: Event) -> bool:
        target = of_target_passes(event) and only_passes(event)
        if policy is FilterPolicy.SOURCE_ONLY:
            return of_log_passes(event)
        if policy is FilterPolicy.TARGET_REPLACES_SOURCE and is_for_target:
            return target
        return target and of_log_passes(event)

    sent = [int(from_wire(each).payload) for each in answer.events]
    assert not secret & set(sent)
    expected = [
        number
        for number, name in enumerate(written)
        if number not in secret and may_leave(event_of(type_name=name))
    ]
    assert sent == expected
    assert answer.scanned_to == len(written)


class TestNotification:
    @in_event_loop
    async def test_a_held_read_is_answered_as_soon_as_there_is_something(self) -> None:
        async with world("a") as sites:
            asks = asyncio.create_task(asked(sites, wait_s=25.0))
            await asyncio.sleep(0)
            await sites.write("a", b"news")
            assert payloads(await asks) == [b"news"]

    @in_event_loop
    async def test_only_what_is_new_to_the_target_and_passes_ends_the_wait(self) -> None:
        filters = SourceFilters(by_log={"": Not(OfType(("test.boring",)))})
        async with world("a", filters=filters) as sites:
            asks = asyncio.create_task(asked(sites, wait_s=25.0, known=VectorTime({"a": 1})))
            await sites.write("a", b"known")
            await sites.write("a", b"boring", type_name="test.boring")
            await asyncio.sleep(0.02)
            assert not asks.done()
            await sites.write("a", b"new")
            answer = await asks
            assert payloads(answer) == [b"new"]
            assert answer.scanned_to == 3

    @in_event_loop
    async def test_when_the_time_is_over_the_progress_has_moved_over_what_stayed(self) -> None:
        async with world("a") as sites:
            asks = asyncio.create_task(asked(sites, wait_s=0.05, known=VectorTime({"a": 1})))
            await sites.write("a", b"known")
            answer = await asks
            assert (answer.events, answer.scanned_to) == ((), 1)

    @in_event_loop
    async def test_what_came_from_the_target_does_not_go_back_to_it(self) -> None:
        async with world("a", "b", settings=PATIENT) as sites:
            await sites.join("a", "b")
            await until(lambda: len(sites.lines["a", "b"].reads) == 2)
            for number in range(5):
                await sites.write("b", b"%d" % number)
                await sites.write("a", b"%d" % number)
            await sites.settle(10)
            for ends in (("a", "b"), ("b", "a")):
                answers = sites.lines[ends].answers
                origins = [from_wire(e).process_id for each in answers for e in each.events]
                assert origins == [ends[1]] * 5

    @in_event_loop
    async def test_what_is_written_arrives_far_sooner_than_a_retry(self) -> None:
        assert PATIENT.retry_delay_s == 5.0
        loop = asyncio.get_running_loop()
        async with world("a", "b", "c", settings=PATIENT) as sites:
            await sites.read("b", "a")
            await sites.read("c", "b")
            began_s = loop.time()
            for number in range(10):
                await sites.write("a", b"%d" % number)
                await sites.settle(number + 1)
            assert (loop.time() - began_s) / 10 < PATIENT.retry_delay_s / 50

    @in_event_loop
    async def test_without_notification_polling_remains(self) -> None:
        polling = EndpointSettings(
            retry_delay_s=0.02, first_retry_delay_s=0.01, wait_s=0.0, remote_read_timeout_s=1.0
        )
        async with world("a", "b", settings=polling) as sites:
            line = await sites.read("b", "a")
            await sites.write("a", b"1")
            await sites.settle(1)
            await sites.write("a", b"2")
            await sites.settle(2)
            assert all(asks.wait_s == 0 for asks in line.reads)


class TestWhoItIs:
    @in_event_loop
    async def test_an_endpoint_tells_its_logs_and_how_far_they_have_come(self) -> None:
        async with world("a", log_names=("", "second"), settings=QUICK) as sites:
            await sites.write("a", b"1")
            told = await sites["a"].service.info("b", InfoRequest())
            assert told.endpoint_id == "a"
            assert [(log.name, log.log_id, log.sequence_nr) for log in told.logs] == [
                ("", "a", 1),
                ("second", log_id_of("a", "second"), 0),
            ]
            assert told.logs[0].version == VectorTime({"a": 1})


@in_event_loop
async def test_a_reader_that_waits_is_not_behind_by_what_it_brought_itself() -> None:
    async with world("a", "b", settings=PATIENT) as sites:
        await sites.join("a", "b")
        await sites.write("b", b"1", b"2", b"3")
        await until(lambda: sites.log("a").sequence_nr == 3)
        await until(lambda: sites["a"].status().readers[0].lag_events == 0)
        assert sites["a"].status().readers[0].stored_to == 0  # its read is held all the time
