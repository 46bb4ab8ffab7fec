"""How good a search is, by judgements that are known: recall@k, nDCG@k, reciprocal rank, time.

Rankings are ids, best first, each at most once. All measures lie in [0, 1], larger is better, and
are averaged over queries. `evaluate` asks anything that answers queries; it knows no archive.

    >>> queries = [JudgedQuery("a dog", {"d1": 1, "d2": 1}), JudgedQuery("zzz", {})]
    >>> told = evaluate(queries, lambda query: Asked(["d1", "c1", "d2"] if "dog" in query else []))
    >>> told.figure("recall@1").interval.value
    0.5
    >>> [(each.name, each.interval.value) for each in told.figures() if "nothing" in each.name]
    [('nothing fits, wrongly', 0.0), ('nothing fits, rightly', 1.0)]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from museion.base.errors import Conflict, InvalidInput, NotFound
from museion.search.judgements import BadLine, JudgedQuery
from museion.search.significance import (
    Comparison,
    Interval,
    NothingMeasured,
    compare,
    mean_interval,
    quantile_interval,
    share_interval,
)

Id = TypeVar("Id", bound=Hashable)

DEFAULT_DEPTH = 10
_DEPTHS = (1, 5, 10)


class NothingRelevant(InvalidInput):
    """A query without one relevant id cannot be judged."""

    def __init__(self, measure: str) -> None:
        super().__init__(
            f"Expected at least one relevant id to compute {measure}; came none.",
            remedy="Leave such queries out of the average.",
        )


class BadCutOff(InvalidInput):
    """The depth `k` to which a ranking is judged is not a positive number."""

    def __init__(self, k: int) -> None:
        super().__init__(f"Expected k of at least 1; came {k}.", remedy="Choose 1, 5 or 10.")


def recall_at(ranked: Sequence[Id], relevant: Set[Id], *, k: int) -> float:
    """Return the share of the relevant ids that stand among the first `k`.

    With one relevant id it is 1 or 0; its mean is then the R@k of text-to-image benchmarks. For an
    approximate index, `relevant` is what the exact search returns.

    Raises:
        NothingRelevant: `relevant` is empty.
        BadCutOff: `k` is below 1.
    """
    _check(k, relevant, "recall@k")
    return len(relevant & set(ranked[:k])) / len(relevant)


def reciprocal_rank(ranked: Sequence[Id], relevant: Set[Id]) -> float:
    """Return 1 / rank of the first relevant id, or 0 if none is ranked; the mean of it is MRR.

    Raises:
        NothingRelevant: `relevant` is empty.
    """
    _check(1, relevant, "the reciprocal rank")
    return next((1 / rank for rank, id_ in enumerate(ranked, 1) if id_ in relevant), 0.0)


def ndcg_at(ranked: Sequence[Id], gains: Mapping[Id, float], *, k: int) -> float:
    """Return the discounted gain of the first `k` over that of the best possible order.

    Args:
        ranked: best first.
        gains: how much each relevant id is worth, above 0; others count 0. All equal to 1 for
            judgements that only say yes or no.
        k: how deep to look.

    Raises:
        NothingRelevant: no gain is above 0.
        BadCutOff: `k` is below 1.
        InvalidInput: a gain is negative or not finite.

    Source: Järvelin and Kekäläinen, ACM TOIS 2002; discount log2(rank + 1), gains taken as given
        rather than as powers of two.
    """
    if any(not math.isfinite(gain) or gain < 0 for gain in gains.values()):
        raise InvalidInput("Expected finite gains of at least 0.", remedy="Give 0 for irrelevant.")
    _check(k, {id_ for id_, gain in gains.items() if gain > 0}, "nDCG@k")
    best = sorted(gains.values(), reverse=True)
    return _discounted(gains.get(id_, 0.0) for id_ in ranked[:k]) / _discounted(best[:k])


def mean(values: Iterable[float]) -> float:
    """Return the mean of a measure over queries; 0 of none."""
    listed = list(values)
    return math.fsum(listed) / len(listed) if listed else 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a search answered.

    Attributes:
        ranked: ids, best first; at least as many as the depth that is looked at, if there are.
        took_ms: milliseconds.
        fits: False where the search says that nothing fits; None: it does if there is no hit.
    """

    ranked: Sequence[str]
    took_ms: float = 0.0
    fits: bool | None = None


Ask: TypeAlias = Callable[[str], Asked]
"""Answers one query."""


@dataclass(frozen=True, slots=True)
class QueryFigures:
    """How well one query was answered.

    Attributes:
        measures: by name; empty for a query to which nothing is relevant.
        nothing_fits: the search said so.
        missed: relevant ids that are not in the ranking.
    """

    line: int
    query: str
    measures: Mapping[str, float]
    took_ms: float
    nothing_fits: bool
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure over all queries, with its 95 % interval."""

    name: str
    interval: Interval
    unit: Literal["share", "ms"]
    queries: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well all queries were answered.

    Attributes:
        queries: in the order in which they were asked.
        depth: `k` of nDCG@k.
        refused: queries that the search did not answer, and why; they are in no figure.
    """

    queries: Sequence[QueryFigures]
    depth: int = DEFAULT_DEPTH
    refused: Sequence[BadLine] = ()

    def values(self, name: str) -> list[float]:
        """Return a measure of each query to which something is relevant, in order."""
        return [each.measures[name] for each in self.queries if name in each.measures]

    def figures(self, *, seed: int = 0) -> list[Figure]:
        """Return all figures: means (BCa bootstrap), shares (Wilson), times (percentile).

        A figure of no query is left out.
        """
        names = dict.fromkeys(name for each in self.queries for name in each.measures)
        means = [_mean_figure(name, self.values(name), seed) for name in names]
        return [*means, *self._shares(), *self._times(seed)]

    def figure(self, name: str, *, seed: int = 0) -> Figure:
        """Return one figure. Raises `KeyError` for one that there is not."""
        return {each.name: each for each in self.figures(seed=seed)}[name]

    def _shares(self) -> Iterable[Figure]:
        for name, is_wanted in (("nothing fits, wrongly", True), ("nothing fits, rightly", False)):
            asked = [each for each in self.queries if bool(each.measures) == is_wanted]
            if asked:
                count = sum(each.nothing_fits for each in asked)
                yield Figure(name, share_interval(count, len(asked)), "share", len(asked))

    def _times(self, seed: int) -> Iterable[Figure]:
        times = [each.took_ms for each in self.queries]
        for name, at in (("time p50", 0.5), ("time p95", 0.95)):
            if times:
                interval = quantile_interval(times, at=at, seed=seed)
                yield Figure(name, interval, "ms", len(times))


def evaluate(
    queries: Iterable[JudgedQuery],
    ask: Ask,
    *,
    depth: int = DEFAULT_DEPTH,
    on_asked: Callable[[QueryFigures], None] = lambda _: None,
) -> Evaluation:
    """Ask all queries, one after the other, and measure the answers.

    A query that is refused, for a filter that cannot be read for example, is told and passed over.

    Args:
        queries: what is asked and what is relevant.
        ask: the search.
        depth: `k` of nDCG@k and of the deepest recall, at least 1.
        on_asked: told of each query when it is done.

    Raises:
        BadCutOff: `depth` is below 1.
        Exception: what `ask` raises but `InvalidInput`, `NotFound` and `Conflict`.
    """
    if depth < 1:
        raise BadCutOff(depth)
    told: list[QueryFigures] = []
    refused: list[BadLine] = []
    for query in queries:
        try:
            asked = ask(query.query)
        except (InvalidInput, NotFound, Conflict) as reason:
            refused.append(BadLine(query.line, str(reason)))
            continue
        told.append(measure(query, asked, depth=depth))
        on_asked(told[-1])
    return Evaluation(told, depth, refused)


def measure(query: JudgedQuery, asked: Asked, *, depth: int = DEFAULT_DEPTH) -> QueryFigures:
    """Return how well one query was answered."""
    relevant = query.relevant
    nothing_fits = not (asked.ranked if asked.fits is None else asked.fits)
    measures: dict[str, float] = {}
    if relevant:
        depths = sorted({*_DEPTHS, depth})
        measures = {f"recall@{k}": recall_at(asked.ranked, relevant, k=k) for k in depths}
        measures[f"nDCG@{depth}"] = ndcg_at(asked.ranked, query.gains, k=depth)
        measures["MRR"] = reciprocal_rank(asked.ranked, relevant)
    missed = tuple(sorted(relevant.difference(asked.ranked)))
    return QueryFigures(query.line, query.query, measures, asked.took_ms, nothing_fits, missed)


def compare_evaluations(
    first: Evaluation, second: Evaluation, *, seed: int = 0
) -> dict[str, Comparison]:
    """Return, by measure, how the second of two evaluations of the same queries differs.

    Queries that only one of the two answered do not count.

    Raises:
        NothingMeasured: no query was measured by both.
    """
    others = {(each.line, each.query): each for each in second.queries if each.measures}
    pairs = [
        (each.measures, others[each.line, each.query].measures)
        for each in first.queries
        if each.measures and (each.line, each.query) in others
    ]
    if not pairs:
        raise NothingMeasured
    return {
        name: compare([a[name] for a, _ in pairs], [b[name] for _, b in pairs], seed=seed)
        for name in pairs[0][0]
    }


def _mean_figure(name: str, values: Sequence[float], seed: int) -> Figure:
    return Figure(name, mean_interval(values, seed=seed), "share", len(values))


def _discounted(gains: Iterable[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def _check(k: int, relevant: Set[Id], measure: str) -> None:
    if k < 1:
        raise BadCutOff(k)
    if not relevant:
        raise NothingRelevant(measure)
