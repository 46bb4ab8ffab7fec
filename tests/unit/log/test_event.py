"""An event's identity, destinations and relations."""

from __future__ import annotations

import pytest

from museion.log.event import (
    MAX_NAME_BYTES,
    Event,
    EventId,
    InvalidEvent,
    NewEvent,
    Relation,
    relation,
    require_writable,
)
from museion.log.vector_time import VectorTime


def event(times: dict[str, int], *, process_id: str = "here", number: int = 1) -> Event:
    return Event(
        type_name="test.happened",
        form=1,
        payload=b"",
        emitter_id="emitter",
        aggregate_id=None,
        custom_destinations=(),
        system_time_ms=0,
        vector_timestamp=VectorTime(times),
        process_id=process_id,
        log_id="here",
        sequence_nr=number,
    )


def test_the_id_is_the_same_in_every_log() -> None:
    times = {"there": 5, "here": 2}
    first = event(times, process_id="there", number=9)
    assert first.id == event(times, process_id="there", number=70).id == EventId("there", 5)


def test_an_event_relates_by_its_vector_timestamp_not_its_number() -> None:
    cause = event({"here": 1}, number=9)
    effect = event({"here": 1, "there": 1}, process_id="there", number=2)
    beside = event({"here": 2}, number=1)
    assert relation(cause, effect) is Relation.BEFORE
    assert relation(effect, cause) is Relation.AFTER
    assert relation(effect, beside) is Relation.CONCURRENT


@pytest.mark.parametrize("name", ["", "x" * (MAX_NAME_BYTES + 1), "ü" * 256, "\udcff"])
@pytest.mark.parametrize(
    "field",
    [
        "type_name",
        "emitter_id",
        "aggregate_id",
        "destinations",
        "delivery_id",
        "subject_key_id",
    ],
)
def test_names_that_a_store_cannot_keep_are_refused(field: str, name: str) -> None:
    given: dict[str, object] = {"type_name": "t", "emitter_id": "e", "payload": b""}
    given[field] = ("ok", name) if field == "destinations" else name
    with pytest.raises(InvalidEvent, match="511 bytes of UTF-8"):
        require_writable(NewEvent(**given), set())  # type: ignore[arg-type]  # one field of several types


def test_names_of_the_longest_length_are_taken() -> None:
    longest = "x" * MAX_NAME_BYTES
    require_writable(
        NewEvent(
            type_name=longest,
            payload=b"",
            emitter_id=longest,
            aggregate_id=longest,
            destinations=(longest, "ü"),
        ),
        set(),
    )


def test_one_name_is_not_taken_for_as_many_destinations_as_it_has_letters() -> None:
    lone = NewEvent(type_name="t", emitter_id="e", payload=b"", destinations="red")  # type: ignore[arg-type]  # wrong
    with pytest.raises(InvalidEvent, match="tuple of names as destinations"):
        require_writable(lone, set())


def test_a_payload_that_is_not_bytes_is_refused() -> None:
    text = NewEvent(type_name="t", emitter_id="e", payload="text")  # type: ignore[arg-type]  # wrong
    with pytest.raises(InvalidEvent, match="payload of bytes"):
        require_writable(text, set())
