"""Fitting the weights of rank fusion to judged queries, without fitting them to chance.

Weights are searched by Bayesian optimisation (tree-structured Parzen estimators). What they are
worth is measured on queries that they were not fitted to: the queries are parted into folds, and
each fold is answered with weights fitted to the others. Weights that are not better there than the
present ones by more than chance makes are not proposed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from museion.base.errors import InvalidInput, Unavailable
from museion.search.fusion import DEFAULT_SETTINGS, FusionSettings
from museion.search.significance import Comparison, compare

if TYPE_CHECKING:
    import optuna

Score: TypeAlias = Callable[[FusionSettings], Sequence[float]]
"""Measures every query with these settings, always in the same order; larger is better."""

_OFFSETS = (5, 10, 20, 40, 60, 100, 200)
_HALF_OCTAVES = 6
_QUERIES_A_FOLD = 2


class NoOptimiser(Unavailable):
    """The library that searches the weights is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "Tuning needs the package optuna.", remedy="Install it: pip install 'museion[tune]'."
        )


class TooFewQueries(InvalidInput):
    """There are too few judged queries to tell weights from chance."""

    def __init__(self, count: int, folds: int) -> None:
        super().__init__(
            f"Expected at least {_QUERIES_A_FOLD * folds} judged queries for {folds} folds;"
            f" came {count}.",
            remedy="Judge more hits, some hundred queries tell small differences.",
        )


@dataclass(frozen=True, slots=True)
class Tuned:
    """What tuning found.

    Attributes:
        present: the settings before.
        best: the settings that are best on all queries; the present ones where none are better.
        comparison: fitted ones beside the present ones, on queries that they were not fitted to.
        tried: how many settings were measured.
    """

    present: FusionSettings
    best: FusionSettings
    comparison: Comparison
    tried: int

    @property
    def is_better(self) -> bool:
        """Tell whether the best settings should take the place of the present ones."""
        return self.best != self.present and self.comparison.verdict == "better"


def tune(
    score: Score,
    *,
    present: FusionSettings = DEFAULT_SETTINGS,
    trials: int = 30,
    folds: int = 5,
    seed: int = 0,
    on_tried: Callable[[int], None] = lambda _: None,
) -> Tuned:
    """Search the settings that are best on judged queries; the same seed finds the same.

    Calls `score` at most `trials * (folds + 1) + 1` times, once for equal settings.

    Args:
        score: measures all queries.
        present: the settings to improve on.
        trials: settings tried for each fold, at least 1.
        folds: parts of the queries, at least 2.
        seed: of the folds and of the search.
        on_tried: told how many settings were measured so far.

    Raises:
        NoOptimiser: optuna is not installed.
        TooFewQueries: there are fewer than two queries a fold.
        InvalidInput: `trials` or `folds` is too small.

    Source: Bergstra et al., NIPS 2011 (the search).
    """
    if trials < 1 or folds < 2:
        raise InvalidInput(
            f"Expected at least 1 trial and 2 folds; came {trials} and {folds}.",
            remedy="Leave them out.",
        )
    _require_optimiser()
    scores = _Scores(score, on_tried)
    before = scores.of(present)
    if len(before) < _QUERIES_A_FOLD * folds:
        raise TooFewQueries(len(before), folds)
    places = list(range(len(before)))
    Random(seed).shuffle(places)  # noqa: S311 (repeatable, not secret)
    held_out = before.copy()
    for fold in range(folds):
        away = places[fold::folds]
        fitted = _best(scores, present, np.delete(np.arange(len(before)), away), trials, seed)
        held_out[away] = scores.of(fitted)[away]
    best = _best(scores, present, np.arange(len(before)), trials, seed)
    comparison = compare(before.tolist(), held_out.tolist(), seed=seed)
    return Tuned(present, best, comparison, scores.tried)


class _Scores:
    """The measures of settings, each computed once."""

    def __init__(self, score: Score, on_tried: Callable[[int], None]) -> None:
        self._score = score
        self._on_tried = on_tried
        self._known: dict[FusionSettings, NDArray[np.float64]] = {}

    @property
    def tried(self) -> int:
        return len(self._known)

    def of(self, settings: FusionSettings) -> NDArray[np.float64]:
        if settings not in self._known:
            self._known[settings] = np.asarray(self._score(settings), dtype=np.float64)
            self._on_tried(self.tried)
        return self._known[settings]


def _best(
    scores: _Scores,
    present: FusionSettings,
    queries: NDArray[np.int64],
    trials: int,
    seed: int,
) -> FusionSettings:
    """Return the settings with the best mean on some queries; the present ones unless better."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    best, reached = present, float(scores.of(present)[queries].mean())
    for _ in range(trials):
        trial = study.ask()
        settings = _settings(trial, present)
        value = float(scores.of(settings)[queries].mean())
        study.tell(trial, value)
        if value > reached + 1e-9:
            best, reached = settings, value
    return best


def _settings(trial: optuna.Trial, present: FusionSettings) -> FusionSettings:
    """Return settings of a coarse grid: finer ones would differ by chance only."""
    half_octaves = trial.suggest_int("half_octaves", -_HALF_OCTAVES, _HALF_OCTAVES)
    return replace(
        present,
        words_weight=round(2 ** (half_octaves / 2), 3),
        meaning_weight=1.0,
        offset=_OFFSETS[trial.suggest_int("offset", 0, len(_OFFSETS) - 1)],
        partial_belief=trial.suggest_int("partial_belief", 1, 10) / 10,
        guessed_belief=trial.suggest_int("guessed_belief", 0, 10) / 20,
    )


def _require_optimiser() -> None:
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError as reason:
        raise NoOptimiser from reason
