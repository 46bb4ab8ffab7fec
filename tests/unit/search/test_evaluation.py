"""Measures of rankings against examples worked by hand, and their laws."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.base.errors import InvalidInput
from museion.search.evaluation import mean, ndcg_at, recall_at, reciprocal_rank

LAW = settings(max_examples=300, deadline=None, derandomize=True)
RANKED = st.lists(st.integers(0, 30), unique=True, max_size=20)
GAINS = st.dictionaries(st.integers(0, 30), st.floats(0.1, 5), min_size=1, max_size=10)


def test_recall_is_the_share_of_the_relevant_that_stand_first() -> None:
    assert recall_at("abcdef", {"a", "c", "z"}, k=3) == pytest.approx(2 / 3)
    assert recall_at("abc", {"c"}, k=2) == 0
    assert recall_at([], {"c"}, k=2) == 0


def test_the_reciprocal_rank_is_that_of_the_first_relevant() -> None:
    assert reciprocal_rank("abcd", {"d", "c"}) == pytest.approx(1 / 3)
    assert reciprocal_rank("abcd", {"z"}) == 0


def test_ndcg_discounts_by_the_logarithm_of_the_rank() -> None:
    gains = {"a": 3.0, "b": 2.0, "c": 1.0}
    gained = 2 / math.log2(2) + 3 / math.log2(4)
    best = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert ndcg_at(["b", "x", "a"], gains, k=3) == pytest.approx(gained / best)


@LAW
@given(RANKED, GAINS, st.integers(1, 25))
def test_ndcg_lies_between_0_and_1_and_the_best_order_has_1(
    ranked: list[int], gains: dict[int, float], k: int
) -> None:
    best_order = sorted(gains, key=lambda id_: -gains[id_])
    assert 0 <= ndcg_at(ranked, gains, k=k) <= 1 + 1e-12  # float sums in different order
    assert ndcg_at(best_order, gains, k=k) == pytest.approx(1)


@LAW
@given(RANKED, GAINS, st.integers(1, 25))
def test_recall_never_falls_with_depth(ranked: list[int], gains: dict[int, float], k: int) -> None:
    assert recall_at(ranked, gains.keys(), k=k) <= recall_at(ranked, gains.keys(), k=k + 1)


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(InvalidInput):
        recall_at("abc", set(), k=1)
    with pytest.raises(InvalidInput):
        recall_at("abc", {"a"}, k=0)
    with pytest.raises(InvalidInput):
        reciprocal_rank("abc", set())
    with pytest.raises(InvalidInput):
        ndcg_at("abc", {"a": 0.0}, k=1)
    with pytest.raises(InvalidInput):
        ndcg_at("abc", {"a": -1.0}, k=1)


def test_the_mean_of_nothing_is_0() -> None:
    assert (mean([]), mean([1, 0])) == (0, 0.5)
