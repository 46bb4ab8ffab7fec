"""Weights are fitted to judged queries, and not to chance."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import log2

import numpy as np
import pytest

from museion.search.fusion import DEFAULT_SETTINGS, FusionSettings
from museion.search.tuning import NoOptimiser, TooFewQueries, tune

pytest.importorskip("optuna", reason="museion[tune] is not installed")


class _Queries:
    """Queries that are answered the better, the nearer the weight of words is to 4."""

    def __init__(self, count: int, *, slope: float, noise: float) -> None:
        self._random = np.random.default_rng(7)
        self._own = self._random.random(count) * 0.4
        self._noise = {each: self._random.normal(0, noise, count) for each in range(1000)}
        self._slope = slope
        self.asked: list[FusionSettings] = []

    def __call__(self, settings: FusionSettings) -> Sequence[float]:
        self.asked.append(settings)
        away = abs(log2(max(settings.words_weight, 0.01)) - 2)
        noise = self._noise[len(self.asked)]
        values: list[float] = (0.5 + self._own - self._slope * away + noise).tolist()
        return values


def test_weights_that_are_truly_better_are_found_and_shown_on_queries_held_out() -> None:
    told = tune(_Queries(40, slope=0.08, noise=0.03), trials=15)

    assert told.is_better
    assert 2 < told.best.words_weight < 8
    assert told.comparison.difference.value > 0.08  # two octaves nearer would be 0.16


def test_weights_that_only_fit_chance_are_not_proposed() -> None:
    told = tune(_Queries(40, slope=0, noise=0.05), trials=15)

    assert not told.is_better
    assert told.comparison.verdict == "not shown"


def test_the_same_seed_finds_the_same_and_no_settings_are_measured_twice() -> None:
    first, second = (_Queries(20, slope=0.1, noise=0) for _ in range(2))
    tried: list[int] = []

    assert tune(first, trials=5, seed=3, on_tried=tried.append) == tune(second, trials=5, seed=3)
    assert len(first.asked) == len(set(first.asked)) == tried[-1]
    assert first.asked[0] == DEFAULT_SETTINGS
    assert len(first.asked) <= 5 * 6 + 1


def test_too_few_queries_are_refused() -> None:
    with pytest.raises(TooFewQueries, match="at least 10"):
        tune(_Queries(9, slope=0.1, noise=0))


def test_without_the_optimiser_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(NoOptimiser, match=r"museion\[tune\]"):
        tune(_Queries(20, slope=0.1, noise=0))
