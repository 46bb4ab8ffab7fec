"""What is causally stable, by the worked cases of the original and those of coming and leaving."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museion.log.crdt.pure.stability import NOTHING, Stability, covered_by_all
from museion.log.vector_time import VectorTime


def time(*entries: int) -> VectorTime:
    """Return a vector time of the locations A, B, C and D, in this order."""
    return VectorTime({name: entry for name, entry in zip("ABCD", entries, strict=False) if entry})


def heard(**stamps: VectorTime) -> Stability:
    """Return A's table of A, B and C after it has heard some stamps."""
    table = Stability.at("A", "ABC")
    for location, stamp in stamps.items():
        table = table.hear(location, stamp)
    return table


def test_nothing_is_stable_while_c_is_unknown() -> None:
    assert heard(B=time(1, 1, 1)).stable == NOTHING


def test_b_011_and_c_001_make_001_stable() -> None:
    assert heard(B=time(0, 1, 1), C=time(0, 0, 1)).stable == time(0, 0, 1)


def test_b_111_and_c_111_make_111_stable() -> None:
    assert heard(B=time(1, 1, 1), C=time(1, 1, 1)).stable == time(1, 1, 1)


def test_b_221_and_c_112_make_111_stable() -> None:
    assert heard(B=time(2, 2, 1), C=time(1, 1, 2)).stable == time(1, 1, 1)


def test_an_update_attributed_to_a_itself_changes_nothing() -> None:
    table = heard(B=time(2, 2, 2), C=time(2, 2, 2))
    assert table.stable == time(2, 2, 2)
    assert table.hear("A", time(5, 2, 2)).stable == time(2, 2, 2)


def test_what_is_heard_of_a_location_is_merged() -> None:
    table = heard(B=time(1, 1, 0), C=time(1, 1, 1)).hear("B", time(0, 2, 1))
    assert table.stable == time(1, 1, 1)


def test_a_silent_location_is_named() -> None:
    table = heard(B=time(3, 1, 0))
    assert table.waiting_for(time(3, 0, 0)) == ("C",)
    assert table.hear("C", time(3, 1, 1)).waiting_for(time(3, 0, 0)) == ()


def test_where_nobody_else_is_all_is_stable() -> None:
    assert Stability.at("A", "A").hear("A", time(4)).stable == time(4)


def test_an_admitted_location_is_waited_for_from_its_admission_on() -> None:
    table = heard(B=time(2, 1, 1), C=time(2, 1, 1)).admit("D", time(1, 1, 1))
    assert table.locations == ("A", "B", "C", "D")
    assert table.stable == time(1, 1, 1)
    assert table.waiting_for(time(2)) == ("D",)
    assert table.hear("D", time(2, 1, 1, 1)).stable == time(2, 1, 1)


def test_a_newcomer_writes_only_when_it_knows_of_its_admission() -> None:
    table = Stability.at("D", "ABC")
    assert not table.takes_part
    assert table.admit("D", time(1)).takes_part


def test_stability_does_not_wait_for_a_retired_location() -> None:
    table = heard(B=time(3, 1, 0), C=time(0, 0, 1)).retire("C", time(4, 1, 1))
    assert table.waiting_for(time(4, 1, 1)) == ("B",)
    assert table.hear("B", time(4, 2, 1)).stable == time(4, 2, 1)


def test_a_retired_location_counts_until_all_others_know_that_it_left() -> None:
    table = heard(B=time(3, 1, 0), C=time(1, 0, 1)).retire("C", time(4, 1, 1))
    assert table.stable == time(1, 0, 0)


def test_a_retired_location_writes_no_more() -> None:
    assert not Stability.at("A", "AB").retire("A", time(0, 1)).takes_part


def test_the_last_location_waits_for_nobody() -> None:
    table = Stability.at("A", "AB").hear("A", time(2)).retire("B", time(2))
    assert table.stable == time(2)


def test_a_location_that_was_never_admitted_is_waited_for_once_it_writes() -> None:
    table = heard(B=time(2, 2), C=time(2, 2)).hear("D", time(0, 0, 0, 1))
    assert table.waiting_for(time(2)) == ("D",)


stamps = st.builds(time, *[st.integers(0, 4)] * 3)


@given(st.lists(st.tuples(st.sampled_from("ABC"), stamps), max_size=12))
def test_what_is_stable_only_grows(told: list[tuple[str, VectorTime]]) -> None:
    table = Stability.at("A", "ABC")
    for location, stamp in told:
        later = table.hear(location, stamp)
        assert table.stable <= later.stable
        table = later


@given(st.lists(stamps, min_size=1, max_size=4))
def test_the_minimum_is_the_greatest_that_all_cover(times: list[VectorTime]) -> None:
    lowest = covered_by_all(times)
    assert all(lowest <= each for each in times)
    for name in "ABC":
        assert lowest.local_time(name) == min(each.local_time(name) for each in times)


@pytest.mark.parametrize("location", ["A", "B"])
def test_a_location_is_admitted_once(location: str) -> None:
    table = heard(B=time(2, 2), C=time(1, 1))
    assert table.admit(location, time(1)) == table
