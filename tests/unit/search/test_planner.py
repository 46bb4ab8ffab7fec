"""The planner compares all where few are allowed, and probes more where a filter leaves less."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from museion.search.planner import planned


def test_a_handful_of_a_million_is_compared_exactly() -> None:
    assert planned(rows=1_000_000, allowed=1000, lists=2048, probes=32, limit=10).probes == 0


def test_without_a_filter_the_measured_probes_are_enough() -> None:
    assert planned(rows=1_000_000, allowed=1_000_000, lists=2048, probes=32, limit=10).probes == 32


def test_a_filter_widens_the_search_by_what_it_takes_away() -> None:
    half = planned(rows=1_000_000, allowed=500_000, lists=2048, probes=32, limit=10)
    twentieth = planned(rows=1_000_000, allowed=50_000, lists=2048, probes=32, limit=10)

    assert (half.probes, twentieth.probes) == (64, 640)


def test_where_there_are_no_lists_all_is_compared() -> None:
    assert planned(rows=0, allowed=0, lists=0, probes=0, limit=10).probes == 0


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    rows=st.integers(1, 2_000_000),
    share=st.floats(0.0, 1.0),
    lists=st.integers(1, 4096),
    limit=st.integers(1, 10_000),
)
def test_a_plan_never_asks_for_more_than_there_is(
    rows: int, share: float, lists: int, limit: int
) -> None:
    allowed = int(rows * share)

    plan = planned(rows=rows, allowed=allowed, lists=lists, probes=min(32, lists), limit=limit)

    assert 0 <= plan.probes <= lists
    assert min(limit, allowed) <= plan.candidates <= allowed
