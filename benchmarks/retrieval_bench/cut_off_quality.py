"""Where answers end: how often nonsense finds nothing, and how many true hits are kept."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
from figures import Figure, at_most, percentile
from numpy.typing import NDArray
from retrieval_bench.dev_split import DevSplit, nonsense, short_queries

from museion.models.embedded import TextTower
from museion.models.encoder import Embeddings
from museion.search.calibration import Calibration, CutOff, background_texts, nonsense_texts

FLAT_Z = 1.5
SIZES = (50, 500)

Cut = Callable[[NDArray[np.float32]], CutOff]


def cut_off_figures(dev: DevSplit, tower: TextTower) -> list[Figure]:
    """Compare the cut-off of a query with a flat one, on photos and nonsense not fitted on."""
    background, senseless = (
        tower.encode_texts(texts) for texts in (background_texts(), nonsense_texts())
    )
    space = tower.space
    flat = CutOff(
        space.background_mean + 4 * space.background_deviation,
        space.background_mean + FLAT_Z * space.background_deviation,
    )
    found: list[Figure] = []
    for size in SIZES:
        odd = np.arange(1, len(dev.photos), 2)[:size]
        photos = dev.photos[odd]
        calibration = Calibration(background, photos)
        unjudged = Calibration(background, photos, nonsense=senseless)
        asked = _Asked(dev, odd, tower)
        print(f"{size} photos: nonsense told that nothing fits / true hits kept (of the first 10)")
        rows = {
            "flat": asked.judge(photos, lambda _: flat),
            "unjudged": asked.judge(photos, unjudged.cut_off),
            "calibrated": asked.judge(photos, calibration.cut_off),
        }
        for name, row in rows.items():
            print(f"  {name:<11} " + ", ".join(f"{key} {100 * row[key]:.0f} %" for key in row))
        found += _figures(size, rows["flat"], rows["calibrated"])
    return [*found, _cost(calibration, dev.photos)]


class _Asked:
    """Captions of some photos, short queries about them, and nonsense."""

    def __init__(self, dev: DevSplit, photos: NDArray[np.int64], tower: TextTower) -> None:
        captions = [caption for photo in photos for caption in dev.captions[photo]]
        self._own = np.repeat(np.arange(len(photos)), len(dev.captions[0]))
        self._captions = tower.encode_texts(captions)
        self._nonsense = tower.encode_texts(nonsense()[1::2])
        short = short_queries(dev, most=400)
        self._short = tower.encode_texts(list(short))
        self._answers = np.array([[p in short[query] for p in photos] for query in short])

    def judge(self, photos: Embeddings, cut: Cut) -> dict[str, float]:
        """Return shares of what a cut-off does."""
        true = self._captions @ photos.T
        own = true[np.arange(len(true)), self._own]
        rank = (true > own[:, None]).sum(axis=1)
        ends = [cut(query) for query in self._captions]
        kept = own >= np.array([each.weak for each in ends])
        strong = own >= np.array([each.strong for each in ends])
        near = self._short @ photos.T
        told = near >= np.array([cut(query).weak for query in self._short])[:, None]
        right = float((told & self._answers).sum())
        none, not_strong = _refused(self._nonsense, photos, cut)
        return {
            "nonsense_none": none,
            "nonsense_not_strong": not_strong,
            "first_kept": float(kept[rank == 0].mean()),
            "true_kept": float(kept[rank < 10].mean()),
            "true_strong": float(strong[rank < 10].mean()),
            "precision": right / max(1.0, float(told.sum())),
            "recall": right / max(1.0, float(self._answers.sum())),
        }


def _refused(queries: Embeddings, photos: Embeddings, cut: Cut) -> tuple[float, float]:
    best = (queries @ photos.T).max(axis=1)
    ends = [cut(query) for query in queries]
    none = np.mean([value < end.weak for value, end in zip(best, ends, strict=True)])
    weak = np.mean([value < end.strong for value, end in zip(best, ends, strict=True)])
    return float(none), float(weak)


def _figures(size: int, flat: dict[str, float], told: dict[str, float]) -> list[Figure]:
    def beside(name: str, goal: float | None) -> Figure:
        value, peer = 100 * told[name], 100 * flat[name]
        holds = None if goal is None else value >= goal
        said = None if goal is None else f">= {goal:g}"
        ratio = round(value / max(peer, 0.1), 3)
        return Figure(
            f"cut_off.{size}.{name}", value, "%", f"flat z = {FLAT_Z}", ratio, said, holds
        )

    return [
        beside("nonsense_none", 60),
        beside("nonsense_not_strong", 95),
        beside("first_kept", 95),
        beside("true_kept", 85),
        beside("precision", None),
        beside("recall", None),
    ]


def _cost(calibration: Calibration, photos: Embeddings) -> Figure:
    seconds: list[float] = []
    for row in photos[:200]:
        begun = perf_counter()
        calibration.cut_off(row)
        seconds.append(perf_counter() - begun)
    return at_most("cut_off.cost_p50", 1e3 * percentile(seconds, 0.5), "ms", 1)
