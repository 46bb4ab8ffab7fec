"""How sure a measured mean is, and whether one of two ways is better than the other.

A measure is one number a query. Another set of queries would have given another mean: the interval
says how far off it may be, and a difference counts only where chance alone would hardly make it.

    >>> told = compare([0.2, 0.5, 0.4, 0.6, 0.1, 0.3], [0.4, 0.9, 0.5, 0.8, 0.3, 0.5])
    >>> told.verdict, round(told.difference.value, 3)
    ('better', 0.217)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from museion.base.errors import InvalidInput

Values: TypeAlias = NDArray[np.float64]
"""Numbers `(N,)`, one a query."""

LEVEL = 0.95
"""How often an interval holds the true value, over many sets of queries."""
LARGEST_P = 0.05
_RESAMPLES = 4000
_FLIPS = 20_000
_ALL_FLIPS_UP_TO = 14
_NUMBERS_AT_ONCE = 2_000_000
_NORMAL = NormalDist()

Verdict: TypeAlias = Literal["better", "worse", "not shown"]
"""What is shown of the second of two ways."""


class NothingMeasured(InvalidInput):
    """There is no number to judge by."""

    def __init__(self) -> None:
        super().__init__(
            "Expected a finite number for at least one query; came none.",
            remedy="Give queries with at least one relevant asset.",
        )


class NotPaired(InvalidInput):
    """Two ways were not measured on the same queries."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(
            f"Expected both measured on the same queries; came {first} and {second} numbers.",
            remedy="Measure both on all queries.",
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the bounds between which the true one lies, mostly."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second of two ways beside the first, on the same queries.

    Attributes:
        first, second: the means.
        difference: second less first, query by query.
        p: how often chance alone makes such a difference, or a larger one.
        queries: how many.
    """

    first: Interval
    second: Interval
    difference: Interval
    p: float
    queries: int

    @property
    def verdict(self) -> Verdict:
        """What is shown: interval and test must agree, else nothing is."""
        if self.p >= LARGEST_P or self.difference.low <= 0 <= self.difference.high:
            return "not shown"
        return "better" if self.difference.value > 0 else "worse"


def mean_interval(values: Sequence[float], *, seed: int = 0) -> Interval:
    """Return the mean with its bootstrap interval (BCa, 95 %); the same numbers give the same.

    With few queries the interval is too narrow: below about ten take it as a hint.

    Args:
        values: one a query.
        seed: of the resampling.

    Raises:
        NothingMeasured: there is no value, or one is not finite.

    Source: Efron, "Better bootstrap confidence intervals", JASA 1987; acceleration by jackknife.
    """
    array = _checked(values)
    value = float(array.mean())
    if len(array) == 1 or np.ptp(array) == 0:
        return Interval(value, value, value)
    drawn = _means(array, np.random.default_rng(seed))
    low, high = np.quantile(drawn, _corrected(array, drawn, value))
    # The corrected bounds of very few values may pass the mean itself.
    return Interval(value, min(float(low), value), max(float(high), value))


def quantile_interval(values: Sequence[float], *, at: float, seed: int = 0) -> Interval:
    """Return a quantile with its bootstrap interval (percentile, 95 %).

    Args:
        values: one a query.
        at: 0.5 for the median.
        seed: of the resampling.

    Raises:
        NothingMeasured: there is no value, or one is not finite.
    """
    array = _checked(values)
    drawn = np.concatenate(
        [np.quantile(some, at, axis=1) for some in _resamples(array, np.random.default_rng(seed))]
    )
    low, high = np.quantile(drawn, _tails())
    return Interval(float(np.quantile(array, at)), float(low), float(high))


def share_interval(count: int, of: int) -> Interval:
    """Return a share with its 95 % interval, which is honest for none and all of few, too.

    Raises:
        NothingMeasured: it is a share of nothing.

    Source: Wilson, JASA 1927.
    """
    if of < 1 or not 0 <= count <= of:
        raise NothingMeasured
    share, z = count / of, _NORMAL.inv_cdf((1 + LEVEL) / 2)
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return Interval(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))


def compare(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> Comparison:
    """Return how the second of two ways differs from the first.

    The p-value is that of the paired randomisation test, two-sided: exact up to 14 queries, else by
    20,000 seeded draws.

    Args:
        first, second: a measure of each way, in the same order of queries.
        seed: of the draws.

    Raises:
        NotPaired: they are not equally long.
        NothingMeasured: there is no value, or one is not finite.

    Source: Smucker, Allan, Carterette, CIKM 2007.
    """
    if len(first) != len(second):
        raise NotPaired(len(first), len(second))
    differences = _checked(second) - _checked(first)
    return Comparison(
        first=mean_interval(first, seed=seed),
        second=mean_interval(second, seed=seed),
        difference=mean_interval(differences.tolist(), seed=seed),
        p=_chance(differences, np.random.default_rng(seed)),
        queries=len(differences),
    )


def _checked(values: Sequence[float]) -> Values:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise NothingMeasured
    return array


def _tails() -> list[float]:
    return [(1 - LEVEL) / 2, (1 + LEVEL) / 2]


def _resamples(array: Values, random: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Yield resamples of the values, in blocks that fit into memory."""
    rows = max(1, min(_RESAMPLES, _NUMBERS_AT_ONCE // len(array)))
    for start in range(0, _RESAMPLES, rows):
        size = (min(rows, _RESAMPLES - start), len(array))
        yield array[random.integers(0, len(array), size)]


def _means(array: Values, random: np.random.Generator) -> Values:
    return np.concatenate([some.mean(axis=1) for some in _resamples(array, random)])


def _corrected(array: Values, drawn: Values, value: float) -> list[float]:
    """Return where in the drawn means the bounds lie, for a skewed measure, too."""
    below = (np.sum(drawn < value) + np.sum(drawn <= value)) / (2 * len(drawn))
    bias = _NORMAL.inv_cdf(min(max(float(below), 1 / len(drawn)), 1 - 1 / len(drawn)))
    # Leaving one value out moves the mean by a multiple of its distance from the mean.
    apart = array - array.mean()
    acceleration = float(np.sum(apart**3) / (6 * np.sum(apart**2) ** 1.5))
    places = []
    for tail in _tails():
        z = bias + _NORMAL.inv_cdf(tail)
        places.append(_NORMAL.cdf(bias + z / (1 - acceleration * z)))
    return places


def _chance(differences: Values, random: np.random.Generator) -> float:
    """Return the share of all ways to swap the two within queries that differ as much."""
    count, found = len(differences), abs(float(differences.mean()))
    if count <= _ALL_FLIPS_UP_TO:
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        return float(np.mean(_reaches((2 * bits - 1) @ differences / count, found)))
    hits, rows = 0, max(1, _NUMBERS_AT_ONCE // count)
    for start in range(0, _FLIPS, rows):
        signs = random.integers(0, 2, (min(rows, _FLIPS - start), count)) * 2 - 1
        hits += int(np.sum(_reaches(signs @ differences / count, found)))
    return (hits + 1) / (_FLIPS + 1)


def _reaches(means: Values, found: float) -> NDArray[np.bool_]:
    reached: NDArray[np.bool_] = np.abs(means) >= found - 1e-12
    return reached
