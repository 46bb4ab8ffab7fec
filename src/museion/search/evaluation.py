"""How good a ranking is, by judgements that are known: recall@k, reciprocal rank, nDCG@k.

Rankings are ids, best first, each at most once. All measures lie in [0, 1], larger is better, and
are meant to be averaged over many queries.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from typing import TypeVar

from museion.base.errors import InvalidInput

Id = TypeVar("Id", bound=Hashable)


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


def _discounted(gains: Iterable[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def _check(k: int, relevant: Set[Id], measure: str) -> None:
    if k < 1:
        raise BadCutOff(k)
    if not relevant:
        raise NothingRelevant(measure)
