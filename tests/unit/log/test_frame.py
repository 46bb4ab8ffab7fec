"""The stored form of an event: damage is found, and what a newer version added is passed on."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opened_log import opened

from museion.log.chain import START, next_digest
from museion.log.event import Event
from museion.log.event_store import DamagedEvent
from museion.log.frame import envelope_of, frame_of, pack_frame, unpack_frame
from museion.log.memory_store import MemoryEventStore
from museion.testing.contracts.event_store import stored_event
from museion.testing.event_loop import in_event_loop


@given(number=st.integers(1, 2**60), payload=st.binary(max_size=200))
def test_a_frame_gives_the_event_back(number: int, payload: bytes) -> None:
    event = stored_event(number, payload=payload)
    assert unpack_frame(frame_of(event), number, event.log_id) == event
    assert unpack_frame(memoryview(frame_of(event)), number, event.log_id) == event


@given(bit=st.integers(0), payload=st.binary(min_size=1, max_size=50))
def test_any_flipped_bit_is_found(bit: int, payload: bytes) -> None:
    frame = bytearray(frame_of(stored_event(7, payload=payload)))
    frame[bit // 8 % len(frame)] ^= 1 << bit % 8
    with pytest.raises(DamagedEvent, match="Event 7 "):
        unpack_frame(bytes(frame), 7, "here")


def test_a_frame_in_the_place_of_another_is_damage() -> None:
    with pytest.raises(DamagedEvent, match="Event 8 "):
        unpack_frame(frame_of(stored_event(7)), 8, "here")


@pytest.mark.parametrize("length", [0, 1, 4, 5, 37, 40])
def test_a_cut_frame_is_damage(length: int) -> None:
    with pytest.raises(DamagedEvent):
        unpack_frame(frame_of(stored_event(7))[:length], 7, "here")


def test_the_envelope_is_the_same_whatever_log_holds_the_event() -> None:
    one = stored_event(7, log_id="here")
    other = msgspec.structs.replace(one, log_id="there", sequence_nr=9, chain_digest=None)
    assert envelope_of(one) == envelope_of(other)


def test_without_a_chain_digest_there_is_none_afterwards() -> None:
    event = msgspec.structs.replace(stored_event(7), chain_digest=None)
    assert unpack_frame(frame_of(event), 7, event.log_id).chain_digest is None


@in_event_loop
async def test_fields_of_a_newer_version_are_passed_on_to_other_logs() -> None:
    fields = msgspec.msgpack.decode(envelope_of(stored_event(1, log_id="new")))
    envelope = msgspec.msgpack.encode([*fields, "a field of the future"])
    digest = next_digest(START, envelope)
    event = unpack_frame(pack_frame(envelope, digest, 1), 1, "new")
    second = MemoryEventStore(log_id="second")

    async with opened(second) as log:
        await log.append_replicated([event])
        (relayed,) = await log.read()

    assert isinstance(relayed, Event)
    assert (relayed.log_id, relayed.sequence_nr, relayed.process_id) == ("second", 1, "new")
    assert envelope_of(relayed) == envelope
    assert unpack_frame(frame_of(relayed), 1, "second") == relayed
