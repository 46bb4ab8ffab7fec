"""What the verification finds in a rewritten past, in other sites' events, and in the index."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from tampering import (
    EVENTS,
    findings_of,
    flip,
    forge,
    make_log,
    make_log_with_skipped_numbers,
    make_mixed_log,
    tampering,
)

from museion.log.memory_store import MemoryEventStore
from museion.log.proof.findings import (
    Altered,
    AnyFinding,
    Finding,
    Flipped,
    Gap,
    HeadChanged,
    HeadNotFound,
    Missing,
    NotIndexed,
    Reordered,
    WronglyIndexed,
    WrongVersion,
)
from museion.log.proof.head_digest import NotADigest
from museion.log.proof.verification import verify
from museion.log.vector_time import VectorTime

pytest_plugins = ["verified_log"]


# --- a rewritten past ----------------------------------------------------------------------------


def test_a_rechained_end_is_found_by_the_logs_own_note_of_its_head(log: Path) -> None:
    with tampering(log) as tables:
        noted_chain = {tables.log_id: tables.event(EVENTS).chain_digest or b""}
        forge(tables, 40)
        tables.rechain(40, EVENTS)
        tables.note_chain(noted_chain)

    found, _ = findings_of(log)

    assert [(type(each), each.sequence_nr) for each in found] == [(HeadChanged, EVENTS)]


def test_a_wholly_rewritten_end_is_found_by_a_head_noted_elsewhere_only(log: Path) -> None:
    head = findings_of(log)[1].head
    assert head is not None
    with tampering(log) as tables:
        forge(tables, 40)
        tables.rechain(40, EVENTS)

    unnoticed, _ = findings_of(log)
    found, _ = findings_of(log, expected_heads=(head,))

    assert unnoticed == []
    assert found == [HeadNotFound(digest=head, removed_to=0)]


def test_a_head_noted_earlier_is_found_in_a_log_that_has_grown(log: Path) -> None:
    head = findings_of(log)[1].head
    assert head is not None
    make_log(log, events=10)

    found, proof = findings_of(log, expected_heads=(head,))

    assert found == []
    assert proof.events == EVENTS + 10
    assert proof.head != head


@pytest.mark.parametrize("text", ["", "12", "no digest", "0" * 63])
def test_a_head_that_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(NotADigest, match="64 hexadecimal digits"):
        verify(MemoryEventStore(), expected_heads=[text])


# --- other sites ---------------------------------------------------------------------------------


def test_events_kept_back_by_a_filter_are_a_gap_and_no_damage(tmp_path: Path) -> None:
    other = make_mixed_log(tmp_path / "log", keep=lambda event: event.id.time % 3 != 0)

    found, proof = findings_of(tmp_path / "log")

    (gap,) = found
    assert isinstance(gap, Gap)
    assert gap.origin == other
    assert gap.count == 7
    assert proof.damage == 0
    assert proof.unproven == 7


def test_a_forged_event_of_another_site_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log"
    other = make_mixed_log(path)
    with tampering(path) as tables:
        place = next(n for n in range(20, 40) if tables.event(n).process_id == other)
        forge(tables, place)

    found, _ = findings_of(path)

    assert [(type(each), each.sequence_nr) for each in found] == [(Altered, place)]


@pytest.mark.parametrize("distance", [1, 3])
def test_own_events_removed_between_those_of_another_site_are_named(
    tmp_path: Path, distance: int
) -> None:
    path = tmp_path / "log"
    make_mixed_log(path)
    with tampering(path) as tables:
        place = next(n for n in range(20, 40) if tables.event(n).process_id == tables.log_id)
        for number in range(place, place + distance):
            tables.remove(number)

    (finding,) = findings_of(path)[0]

    assert isinstance(finding, Missing)
    assert (finding.sequence_nr, finding.to) == (place, place + distance - 1)


@pytest.mark.parametrize("seed", range(20))
def test_swapped_events_of_another_site_are_found(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "log"
    other = make_mixed_log(path)
    with tampering(path) as tables:
        numbers = [n for n in range(1, 56) if tables.event(n).process_id == other]
        first, second = sorted(random.Random(seed).sample(numbers, 2))  # noqa: S311 (a seeded test)
        tables.swap(first, second)

    found, _ = findings_of(path)

    assert [(type(each), each.sequence_nr) for each in found] == [
        (Reordered, first),
        (Reordered, second),
    ]


def test_a_damaged_event_between_two_sites_makes_one_finding(tmp_path: Path) -> None:
    make_mixed_log(tmp_path / "log")
    for number in range(1, 56):
        copy = Path(shutil.copytree(tmp_path / "log", tmp_path / f"copy-{number}"))
        with tampering(copy) as tables:
            flip(tables, number)

        found, _ = findings_of(copy)

        assert [(type(each), each.sequence_nr) for each in found] == [(Flipped, number)]


# --- index and version ---------------------------------------------------------------------------


def test_an_event_missing_from_the_index_is_named_with_its_aggregate(log: Path) -> None:
    with tampering(log) as tables:
        tables.unindex("aggregate-1", 11)

    found, _ = findings_of(log)

    assert found == [NotIndexed(sequence_nr=11, aggregate_id="aggregate-1")]


def test_an_index_entry_for_an_event_of_another_aggregate_is_named(log: Path) -> None:
    with tampering(log) as tables:
        tables.index("aggregate-1", 12)

    found, _ = findings_of(log)

    assert found == [WronglyIndexed(sequence_nr=12, aggregate_id="aggregate-1", event_exists=True)]


def test_an_index_entry_for_a_missing_event_is_named(tmp_path: Path) -> None:
    """A number that was skipped: the chain is whole."""
    make_log_with_skipped_numbers(tmp_path / "log")
    with tampering(tmp_path / "log") as tables:
        tables.index("aggregate-1", 25)

    found, _ = findings_of(tmp_path / "log")

    assert found == [WronglyIndexed(sequence_nr=25, aggregate_id="aggregate-1", event_exists=False)]


def test_an_aggregate_lost_from_the_index_is_named_at_each_of_its_events(log: Path) -> None:
    with tampering(log) as tables:
        tables.delete(b"aggregates", b"aggregate-2")

    found, _ = findings_of(log)

    assert {type(each) for each in found} == {NotIndexed}
    assert [each.sequence_nr for each in found] == [
        number for number in range(1, EVENTS + 1) if number % 5 == 2 and number % 4
    ]


@pytest.mark.parametrize("time", [EVENTS - 1, EVENTS + 1])
def test_a_version_vector_that_is_not_the_merge_is_found(log: Path, time: int) -> None:
    with tampering(log) as tables:
        log_id = tables.log_id
        tables.note_version(VectorTime({log_id: time}))

    found, _ = findings_of(log)

    assert found == [WrongVersion(noted={log_id: time}, merged={log_id: EVENTS})]


# --- findings as values --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", get_args(AnyFinding), ids=lambda kind: str(kind.__name__))
def test_each_finding_says_what_it_is_and_what_to_do(kind: type[Finding]) -> None:
    values: dict[object, object] = {int: 7, bool: True, dict[str, int]: {"here": 7}}
    fields = msgspec.structs.fields(kind)
    filled = {each.name: values.get(each.type, "x" * 64) for each in fields}
    finding = msgspec.convert(filled | {"kind": kind.__struct_config__.tag}, kind)

    text = f"{finding.message} {finding.remedy}"
    again = msgspec.json.decode(msgspec.json.encode(finding), type=AnyFinding)

    assert again == finding
    assert "\n" not in text
    assert finding.message.endswith(".")
    assert finding.remedy.endswith((".", "`."))
    assert kind.__name__ in {"HeadNotFound", "WrongVersion"} or "7" in text
