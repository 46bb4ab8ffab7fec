"""An event keeps its bytes on the way through any number of logs, whoever wrote it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from opened_log import new, opened
from written_event import written, written_as

from museion.log.event import Event, EventId, NewEvent
from museion.log.frame import NewerEvent, envelope_of, frame_of, unpack_frame
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.protocol import WireEvent
from museion.log.replication.wire import UnusableEvent, from_wire, to_wire
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop

names = st.text("ab-é北", min_size=1, max_size=8)
times = st.dictionaries(names, st.integers(0, 2**64 - 1), max_size=4).map(VectorTime)
events = st.builds(
    Event,
    type_name=names,
    form=st.integers(1, 2**32),
    payload=st.binary(max_size=200),
    emitter_id=names,
    aggregate_id=st.none() | names,
    custom_destinations=st.lists(names, max_size=3).map(tuple),
    system_time_ms=st.integers(0, 2**50),
    vector_timestamp=times,
    process_id=names,
    log_id=names,
    sequence_nr=st.integers(1, 2**40),
    cause=st.none() | st.builds(EventId, names, st.integers(0, 2**40)),
    delivery_id=st.none() | names,
    chain_digest=st.none() | st.binary(min_size=32, max_size=32).filter(any),
    subject_key_id=st.none() | names,
)


def of_a_later_version(event: Event) -> WireEvent:
    """The event as a version of Museion would write it that has two more fields."""
    blank = replace(event, log_id="", sequence_nr=0, chain_digest=None)
    fields = [*msgspec.to_builtins(blank, builtin_types=(bytes,)), "a new field", 17]
    return WireEvent(msgspec.msgpack.encode(fields), event.chain_digest)


@settings(max_examples=80)
@given(events)
def test_an_event_that_travels_differs_in_its_local_fields_only(event: Event) -> None:
    wire = to_wire(event)
    come = from_wire(wire)
    assert come == replace(event, log_id="", sequence_nr=0)
    assert to_wire(come) == wire


@settings(max_examples=40)
@given(events)
def test_fields_that_this_version_does_not_know_travel_on(event: Event) -> None:
    wire = of_a_later_version(event)
    come = from_wire(wire)
    assert isinstance(come, NewerEvent)
    stored = unpack_frame(frame_of(replace(come, sequence_nr=9)), 9, "relay")
    assert to_wire(come) == to_wire(stored) == wire


@in_event_loop
async def test_unknown_event_types_are_relayed_unharmed_through_three_logs() -> None:
    stores = [MemoryEventStore(log_id=name) for name in ("origin", "relay", "far")]
    async with opened(stores[0]) as origin, opened(stores[1]) as relay, opened(stores[2]) as far:
        await origin.append([new(b"\x00\xff raw", type_name="of.a.later.version", form=99)])
        later = from_wire(of_a_later_version(written_as("even.newer", b"payload")))
        await origin.append_replicated([replace(later, chain_digest=b"d" * 32)])
        for source, target in ((origin, relay), (relay, far)):
            await target.append_replicated(
                [from_wire(to_wire(event)) for event in await source.read()]
            )
        there = [[to_wire(event) for event in await log.read()] for log in (origin, relay, far)]
        assert there[0] == there[1] == there[2]
        assert all(wire.chain_digest for wire in there[0])
        assert [event.type_name for event in await far.read()] == [
            "of.a.later.version",
            "even.newer",
        ]


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (b"", "truncated"),
        (b"\xc1", "invalid opcode"),
        (b"\x80", "array"),
        (b"\x91" * 5000, "at least length 11, got 1"),
        (b"\x9f\xa2\xff\xfe", "utf-8"),
    ],
)
def test_bytes_that_are_no_envelope_are_refused(envelope: bytes, reason: str) -> None:
    with pytest.raises(UnusableEvent, match=reason):
        from_wire(WireEvent(envelope))


def test_an_event_with_fields_of_one_log_is_refused() -> None:
    event = written(NewEvent(type_name="t", payload=b"", emitter_id="e"))
    for fields in ({"log_id": ""}, {"sequence_nr": 0}, {"log_id": "", "sequence_nr": 0}):
        filled = replace(event, **fields, chain_digest=b"d" * 32)
        with pytest.raises(UnusableEvent, match="fields of one log only are filled in"):
            from_wire(WireEvent(msgspec.msgpack.encode(filled)))


def test_an_event_in_another_form_of_msgpack_is_refused_before_it_breaks_a_chain() -> None:
    event = replace(written_as("t", b"payload"), form=5)
    envelope = envelope_of(event)
    longer = envelope.replace(b"\xa1t\x05", b"\xa1t\xcc\x05")  # 5 in two bytes
    assert len(longer) == len(envelope) + 1
    with pytest.raises(UnusableEvent, match="shortest form of msgpack"):
        from_wire(WireEvent(longer))


def test_a_digest_of_another_size_is_refused() -> None:
    envelope = envelope_of(written_as("t", b""))
    with pytest.raises(UnusableEvent, match="has 31 bytes, not 32"):
        from_wire(WireEvent(envelope, bytes(31)))
