"""Intervals hold the truth about as often as they say, and chance alone shows no difference."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.search.significance import (
    NothingMeasured,
    NotPaired,
    compare,
    mean_interval,
    quantile_interval,
    share_interval,
)

LAW = settings(max_examples=40, deadline=None, derandomize=True)
SHARES = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=30)


@LAW
@given(SHARES, st.integers(0, 5))
def test_an_interval_holds_its_mean_and_is_the_same_again(values: list[float], seed: int) -> None:
    told = mean_interval(values, seed=seed)

    assert told.low <= told.value + 1e-12  # sums in another order
    assert told.value <= told.high + 1e-12
    assert told == mean_interval(values, seed=seed)


def test_an_interval_of_skewed_values_holds_the_true_mean_mostly() -> None:
    random = np.random.default_rng(5)
    held = 0
    for seed in range(120):
        told = mean_interval((random.random(40) ** 4).tolist(), seed=seed)
        held += told.low <= 0.2 <= told.high  # the mean of u**4

    assert 0.88 <= held / 120 <= 1  # 95 % less four standard errors of 120 tries


def test_an_interval_narrows_as_queries_come() -> None:
    random = np.random.default_rng(3)
    few, many = (random.random(count).tolist() for count in (20, 2000))
    narrow, wide = mean_interval(many), mean_interval(few)

    assert narrow.high - narrow.low < (wide.high - wide.low) / 5


def test_a_share_of_all_of_few_is_not_sure() -> None:
    told = share_interval(5, 5)

    assert (told.value, told.high) == (1, 1)
    assert told.low == pytest.approx(0.5655, abs=1e-4)  # Wilson's own formula, worked by hand


def test_a_median_lies_within_its_interval() -> None:
    told = quantile_interval([float(each) for each in range(101)], at=0.5)

    assert told.value == 50
    assert 30 < told.low < 50 < told.high < 70


def test_the_test_of_few_pairs_counts_every_swap() -> None:
    first, second = [0.1, 0.2, 0.5, 0.3, 0.2], [0.3, 0.1, 0.9, 0.4, 0.5]
    apart = np.subtract(second, first)
    swapped = [abs(np.dot(signs, apart)) for signs in product((1, -1), repeat=5)]
    by_hand = np.mean([each >= abs(apart.sum()) - 1e-12 for each in swapped])

    assert compare(first, second).p == pytest.approx(float(by_hand))


@LAW
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=10))
def test_two_ways_compare_alike_from_both_sides(pairs: list[tuple[float, float]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    one, other = compare(first, second), compare(second, first)
    turned = {"better": "worse", "worse": "better", "not shown": "not shown"}

    assert one.p == pytest.approx(other.p)
    assert one.difference.value == pytest.approx(-other.difference.value)
    if one.p > 0.06 or one.p < 0.01:  # at the edge the drawn intervals may differ a little
        assert turned[one.verdict] == other.verdict


def test_chance_alone_shows_a_difference_as_seldom_as_it_should() -> None:
    random = np.random.default_rng(9)
    shown = 0
    for _ in range(60):
        first = random.random(40)
        second = np.clip(first + random.normal(0, 0.1, 40), 0, 1)
        shown += compare(first.tolist(), second.tolist()).verdict != "not shown"

    assert shown <= 8  # 5 % of 60 is 3; more than 8 has a chance of 1 in 300


def test_a_real_difference_of_many_queries_is_shown() -> None:
    random = np.random.default_rng(4)
    first = random.random(400) * 0.8
    told = compare(first.tolist(), (first + random.normal(0.03, 0.1, 400)).tolist())

    assert told.verdict == "better"
    assert told.difference.low < 0.03 < told.difference.high


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(NothingMeasured):
        mean_interval([])
    with pytest.raises(NothingMeasured):
        mean_interval([0.5, float("nan")])
    with pytest.raises(NothingMeasured):
        share_interval(0, 0)
    with pytest.raises(NotPaired, match="2 and 1"):
        compare([1, 2], [1])
