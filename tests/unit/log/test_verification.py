"""What the verification of a log finds: each fault once, named, and everything behind it too."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from tampering import (
    EVENTS,
    Tables,
    findings_of,
    flip,
    forge,
    make_log,
    make_log_with_skipped_numbers,
    make_mixed_log,
    noted,
    tampering,
)

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.event_store import MAX_READ_BYTES, WriteBatch
from museion.log.lmdb_store import LmdbEventStore
from museion.log.memory_store import MemoryEventStore
from museion.log.proof.findings import (
    Altered,
    AnyFinding,
    Flipped,
    Missing,
    Reordered,
)
from museion.log.proof.verification import Step, verify
from museion.log.stamping import Head, Stamper
from museion.testing.event_loop import in_event_loop

pytest_plugins = ["verified_log"]


# --- whole logs ----------------------------------------------------------------------------------


def test_a_whole_log_has_no_findings_and_each_event_is_proven(log: Path) -> None:
    found, proof = findings_of(log)

    assert found == []
    assert (proof.events, proof.proven, proof.unproven) == (EVENTS, EVENTS, 0)
    assert (proof.sequence_nr, proof.damage, proof.findings) == (EVENTS, 0, {})
    assert proof.index_entries > EVENTS / 2


def test_the_head_is_the_chain_digest_of_the_last_event(log: Path) -> None:
    _, proof = findings_of(log)

    with tampering(log) as tables:
        digest = tables.event(EVENTS).chain_digest
        assert digest is not None
    assert proof.head == digest.hex()
    assert proof.heads[proof.log_id].sequence_nr == EVENTS


def test_an_empty_log_is_whole_and_has_no_head(tmp_path: Path) -> None:
    LmdbEventStore(tmp_path).close()

    found, proof = findings_of(tmp_path)

    assert found == []
    assert (proof.events, proof.head) == (0, None)


def test_a_log_with_events_of_two_sites_is_whole(tmp_path: Path) -> None:
    other = make_mixed_log(tmp_path / "log")

    found, proof = findings_of(tmp_path / "log")

    assert found == []
    assert proof.unproven == 0
    assert set(proof.heads) == {other, proof.log_id}


@in_event_loop
async def test_a_log_is_verified_in_any_store() -> None:
    store = MemoryEventStore()
    log = EventLog(store)
    await log.append([noted(number) for number in range(100)])
    await log.close()

    proof = verify(store)

    assert (proof.proven, proof.damage) == (100, 0)


@in_event_loop
async def test_a_log_whose_beginning_was_removed_is_whole(tmp_path: Path) -> None:
    log = EventLog(LmdbEventStore(tmp_path))
    await log.append([noted(number) for number in range(50)])
    await log.close()
    store = LmdbEventStore(tmp_path)
    chain = store.read(after=29, limit=1)[0].chain_digest
    assert chain is not None
    store.mark_deleted(30)
    store.remove(30, {store.recover().log_id: chain})
    store.close()

    found, proof = findings_of(tmp_path)

    assert found == []
    assert (proof.events, proof.proven, proof.removed_to) == (20, 20, 30)


def test_what_is_written_meanwhile_is_left_out_and_no_fault(log: Path) -> None:
    store = _GrowingStore(log)

    proof = verify(store)

    assert (proof.events, proof.damage) == (EVENTS, 0)
    store.close()


def test_skipped_numbers_are_no_fault(tmp_path: Path) -> None:
    """A log that was rebuilt from others goes on behind the last number that they know of it."""
    make_log_with_skipped_numbers(tmp_path / "log")

    found, proof = findings_of(tmp_path / "log")

    assert found == []
    assert (proof.sequence_nr, proof.proven) == (45, 15)


def test_progress_is_told_part_by_part(tmp_path: Path) -> None:
    make_log(tmp_path, events=1000)
    store = LmdbEventStore(tmp_path, writable=False)
    steps: list[Step] = []

    verify(store, on_step=steps.append)

    assert [step.sequence_nr for step in steps if step.part == "events"] == [256, 512, 768]
    assert {step.to for step in steps if step.part == "events"} == {1000}
    assert any(step.part == "index" for step in steps)
    store.close()


@pytest.fixture
def grown_from_form_1(log: Path) -> Path:
    """A log whose first 20 events version 0.1 wrote."""
    with tampering(log) as tables:
        for number in range(1, 21):
            tables.put_form_1(number)
        tables.rechain(21, EVENTS)
    return log


def test_events_of_version_0_1_are_unproven_and_no_damage(grown_from_form_1: Path) -> None:
    found, proof = findings_of(grown_from_form_1)

    assert found == []
    assert (proof.events, proof.proven, proof.unproven) == (EVENTS, EVENTS - 20, 20)


def test_damage_behind_events_of_version_0_1_is_named(grown_from_form_1: Path) -> None:
    with tampering(grown_from_form_1) as tables:
        flip(tables, 3)
        forge(tables, 21)
        tables.remove(30)

    found, _ = findings_of(grown_from_form_1)

    assert [(type(each), each.sequence_nr) for each in found] == [
        (Flipped, 3),
        (Altered, 21),
        (Missing, 30),
    ]


def test_events_removed_in_order_meanwhile_are_no_fault(log: Path) -> None:
    store = _ShrinkingStore(log)
    found: list[AnyFinding] = []

    proof = verify(store, on_finding=found.append)

    assert found == []
    assert (proof.removed_to, proof.events) == (10, EVENTS - 10)
    store.close()


# --- flipped bits --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_anywhere_in_events_is_found_and_named(log: Path, seed: int) -> None:
    source = random.Random(seed)  # noqa: S311 (a seeded test)
    hit = sorted(source.sample(range(1, EVENTS + 1), source.randint(1, 6)))
    with tampering(log) as tables:
        for number in hit:
            frame = bytearray(tables.frame(number))
            bit = source.randrange(8 * len(frame))
            frame[bit // 8] ^= 1 << bit % 8
            tables.put_frame(number, bytes(frame))

    found, proof = findings_of(log)

    assert [finding.sequence_nr for finding in found] == hit
    assert {type(finding) for finding in found} == {Flipped}
    assert proof.events == EVENTS - len(hit)


def test_damage_does_not_hide_what_stands_behind_it(log: Path) -> None:
    with tampering(log) as tables:
        flip(tables, 10)
        forge(tables, 30)
        tables.remove(45)

    found, _ = findings_of(log)

    assert [(type(each), each.sequence_nr) for each in found] == [
        (Flipped, 10),
        (Altered, 30),
        (Missing, 45),
    ]


def test_the_event_behind_a_damaged_one_counts_as_unproven_and_not_as_damage(log: Path) -> None:
    with tampering(log) as tables:
        flip(tables, 10)

    found, proof = findings_of(log)

    assert len(found) == 1
    assert (proof.events, proof.proven, proof.unproven) == (EVENTS - 1, EVENTS - 2, 1)


@pytest.mark.parametrize("number", [1, 2, EVENTS])
def test_damage_at_either_end_is_one_finding(log: Path, number: int) -> None:
    with tampering(log) as tables:
        flip(tables, number)

    found, _ = findings_of(log)

    assert [(type(each), each.sequence_nr) for each in found] == [(Flipped, number)]


def test_a_log_whose_every_event_is_damaged_comes_to_its_end(log: Path) -> None:
    with tampering(log) as tables:
        for number in range(1, EVENTS + 1):
            flip(tables, number)

    found, proof = findings_of(log)

    assert [each.sequence_nr for each in found] == [*range(1, EVENTS + 1)]
    assert proof.events == 0


def test_a_truncated_event_is_found(log: Path) -> None:
    with tampering(log) as tables:
        tables.put_frame(7, tables.frame(7)[:-3])
        tables.put_frame(8, b"")

    found, _ = findings_of(log)

    assert [(type(each), each.sequence_nr) for each in found] == [(Flipped, 7), (Flipped, 8)]


# --- forged, missing and moved events ------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 31, EVENTS])
def test_a_forged_event_whose_checksum_fits_is_found_by_its_chain_digest(
    log: Path, number: int
) -> None:
    with tampering(log) as tables:
        forge(tables, number)

    found, _ = findings_of(log)

    assert [(type(each), each.sequence_nr) for each in found] == [(Altered, number)]


@pytest.mark.parametrize("number", [1, 2, 31, EVENTS - 1])
def test_a_removed_event_is_named(log: Path, number: int) -> None:
    with tampering(log) as tables:
        tables.remove(number)

    (finding,) = findings_of(log)[0]

    assert isinstance(finding, Missing)
    assert (finding.sequence_nr, finding.to) == (number, number)
    assert (finding.after, finding.before) == (number - 1, number + 1)


def test_a_run_of_removed_events_is_one_finding(log: Path) -> None:
    with tampering(log) as tables:
        for number in range(20, 26):
            tables.remove(number)

    (finding,) = findings_of(log)[0]

    assert isinstance(finding, Missing)
    assert (finding.sequence_nr, finding.to) == (20, 25)


@pytest.mark.parametrize("count", [1, 5])
def test_removed_last_events_are_named(log: Path, count: int) -> None:
    first = EVENTS + 1 - count
    with tampering(log) as tables:
        for number in range(first, EVENTS + 1):
            tables.remove(number)

    (finding,) = findings_of(log)[0]

    assert isinstance(finding, Missing)
    assert (finding.sequence_nr, finding.to) == (first, EVENTS)
    assert finding.before == 0


def test_all_events_gone_is_found(log: Path) -> None:
    with tampering(log) as tables:
        for number in range(1, EVENTS + 1):
            tables.remove(number)

    (finding,) = findings_of(log)[0]

    assert isinstance(finding, Missing)
    assert (finding.sequence_nr, finding.to) == (1, EVENTS)


def test_an_event_removed_by_moving_up_all_others_is_found(log: Path) -> None:
    """No number is missing then; index and chain tell it."""
    with tampering(log) as tables:
        for number in range(30, EVENTS):
            tables.put_event(number, tables.event(number + 1))
        tables.remove(EVENTS)

    found, _ = findings_of(log)

    assert isinstance(found[0], Missing)
    assert (found[0].sequence_nr, found[0].to) == (30, 0)
    assert found[0].after == 29


@pytest.mark.parametrize(
    ("first", "second"), [(1, 2), (5, 6), (5, 7), (1, EVENTS), (30, 50), (EVENTS - 1, EVENTS)]
)
def test_two_swapped_events_are_both_named_and_nothing_else(
    log: Path, first: int, second: int
) -> None:
    with tampering(log) as tables:
        tables.swap(first, second)

    found, _ = findings_of(log)

    assert [(type(each), each.sequence_nr) for each in found] == [
        (Reordered, first),
        (Reordered, second),
    ]
    assert isinstance(found[0], Reordered)
    assert found[0].time == second


def test_frames_swapped_as_they_are_do_not_match_their_checksums(log: Path) -> None:
    with tampering(log) as tables:
        one, other = tables.frame(5), tables.frame(9)
        tables.put_frame(5, other)
        tables.put_frame(9, one)

    found, _ = findings_of(log)

    assert [(type(each), each.sequence_nr) for each in found] == [(Flipped, 5), (Flipped, 9)]


def test_an_event_put_in_the_place_of_another_is_found(log: Path) -> None:
    with tampering(log) as tables:
        tables.put_event(20, tables.event(12))

    found, _ = findings_of(log)

    assert [(type(each), each.sequence_nr) for each in found] == [(Reordered, 20)]


@pytest.mark.parametrize("seed", range(30))
def test_several_faults_at_random_places_are_all_named(log: Path, seed: int) -> None:
    """Each in a stretch of its own; faults side by side may be told as one."""
    source = random.Random(seed)  # noqa: S311 (a seeded test)
    places = source.sample(range(3, EVENTS - 3, 6), 5)
    expected = set()
    with tampering(log) as tables:
        for place in places:
            fault = source.choice([flip, forge, Tables.remove])
            fault(tables, place)
            expected.add((_KINDS[fault.__name__], place))

    found, _ = findings_of(log)

    assert {(type(each), each.sequence_nr) for each in found} == expected
    assert len(found) == len(expected)


class _GrowingStore(LmdbEventStore):
    """Is appended to between any two reads, as by the log's own program."""

    def read(
        self,
        *,
        after: int = 0,
        limit: int,
        aggregate_id: str | None = None,
        max_bytes: int = MAX_READ_BYTES,
    ) -> Sequence[Event]:
        stamper = Stamper(Head.of(self.recover()), now_ms=7)
        events = stamper.emitted([noted(7)])
        self.write(WriteBatch(events, {}, stamper.frames))
        return super().read(
            after=after, limit=limit, aggregate_id=aggregate_id, max_bytes=max_bytes
        )


class _ShrinkingStore(LmdbEventStore):
    """Its program removes the first events when the walk has begun."""

    def read(
        self,
        *,
        after: int = 0,
        limit: int,
        aggregate_id: str | None = None,
        max_bytes: int = MAX_READ_BYTES,
    ) -> Sequence[Event]:
        if not self.recover().removed_to:
            (last,) = super().read(after=9, limit=1)
            self.mark_deleted(10)
            self.remove(10, {last.process_id: last.chain_digest or b""})
        return super().read(
            after=after, limit=limit, aggregate_id=aggregate_id, max_bytes=max_bytes
        )


_KINDS = {"flip": Flipped, "forge": Altered, "remove": Missing}
