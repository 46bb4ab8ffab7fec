"""How good the rankings are: by words alone, by meaning alone, and by both.

Both end where the cut-off of the query says; `meaning_uncut` is the whole list, which an archive
never tells: what the cut costs a query that has an answer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from figures import Figure
from numpy.typing import NDArray
from retrieval_bench.dev_split import DevSplit, short_queries

from museion.archive.finding.ranking import fused_ranking
from museion.models.embedded import TextTower
from museion.search.calibration import Calibration, background_texts
from museion.search.evaluation import ndcg_at, recall_at, reciprocal_rank
from museion.search.exact_index import ExactIndex
from museion.search.lexical import Field, LexicalIndex
from museion.search.moments import best_moments
from museion.search.query import parse_query

DEPTH = 500
FIELDS = (
    Field("caption", weight=2.0),
    Field("label", weight=0.8, is_certain=False),
    Field("synonym", weight=0.5, is_certain=False),
)
WAYS = ("words", "meaning", "hybrid", "meaning_uncut")
MEASURES = ("R@1", "R@5", "R@10", "nDCG@10", "MRR")
BOOTSTRAP_ROUNDS = 1000
Measured = Mapping[str, NDArray[np.float64]]
"""By way, [queries, measures]."""


@dataclass(frozen=True)
class Asked:
    """A query, and the photos that answer it."""

    text: str
    answers: Set[str]


def ranking_figures(dev: DevSplit, tower: TextTower) -> list[Figure]:
    """Measure on machine labels alone, and with a human caption for every second photo."""
    captions = [
        Asked(caption, {str(photo)})
        for photo, some in enumerate(dev.captions)
        for caption in some[1:3]
    ]
    short = [
        Asked(text, {*map(str, answers)}) for text, answers in short_queries(dev, most=400).items()
    ]
    found: list[Figure] = []
    for setting, described in (("labels", 0), ("half_captioned", 2)):
        ways = _Ways(dev, tower, described_every=described)
        for kind, asked in (("captions", captions), ("short", short)):
            found += _compared(f"{setting}.{kind}", ways.measure(asked))
        ways.close()
    return found


class _Ways:
    """The three ways to rank the photos, over real indexes in a folder."""

    def __init__(self, dev: DevSplit, tower: TextTower, *, described_every: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._tower = tower
        self._lexical = LexicalIndex.open(f"{self._folder.name}/words", FIELDS)
        self._lexical.add(
            (str(photo), _words(dev, photo, described=_is_every(photo, described_every)))
            for photo in range(len(dev.photos))
        )
        self._lexical.commit(1)
        space, width = "dev:0", dev.photos.shape[1]
        self._vectors = ExactIndex.open(f"{self._folder.name}/v", space=space, dimension=width)
        self._vectors.add([(str(photo), row) for photo, row in enumerate(dev.photos)])
        self._vectors.commit(1)
        self._calibration = Calibration(tower.encode_texts(background_texts()), dev.photos)

    def measure(self, asked: Sequence[Asked]) -> Measured:
        """Return how well each way answers."""
        rows: dict[str, list[list[float]]] = {way: [] for way in WAYS}
        vectors = self._tower.encode_texts([each.text for each in asked])
        for each, vector in zip(asked, vectors, strict=True):
            text = parse_query(each.text).text or each.text
            said = self._lexical.search(text, limit=DEPTH)
            near = best_moments(self._vectors.search(vector, limit=DEPTH))
            cut = self._calibration.cut_off(vector)
            both = fused_ranking(said, near, cut, is_picture=False)
            ranked = {
                "words": [hit.id for hit in said],
                "meaning": [hit.id for hit in near if hit.similarity >= cut.weak],
                "hybrid": [hit.id for hit in both],
                "meaning_uncut": [hit.id for hit in near],
            }
            for way in WAYS:
                rows[way].append(_measures(ranked[way], each.answers))
        return {way: np.array(rows[way]) for way in WAYS}

    def close(self) -> None:
        self._lexical.close()
        self._vectors.close()
        self._folder.cleanup()


def _is_every(photo: int, described_every: int) -> bool:
    return described_every > 0 and photo % described_every == 0


def _words(dev: DevSplit, photo: int, *, described: bool) -> dict[str, list[str]]:
    labels = dev.labels[photo]
    words = {
        "label": [label.word for label in labels],
        "synonym": [synonym for label in labels for synonym in label.synonyms],
    }
    return {**words, "caption": [dev.captions[photo][0]]} if described else words


def _measures(ranked: Sequence[str], answers: Set[str]) -> list[float]:
    gains = dict.fromkeys(answers, 1.0)
    recalls = [recall_at(ranked, answers, k=k) for k in (1, 5, 10)]
    return [*recalls, ndcg_at(ranked, gains, k=10), reciprocal_rank(ranked, answers)]


def _compared(name: str, measured: Measured) -> list[Figure]:
    """Print a table, and return nDCG@10 of each way; hybrid beside the better single one."""
    print(f"{name}: {len(measured['words'])} queries   {' / '.join(MEASURES)}")
    for way in WAYS:
        low, high = _interval(measured[way][:, 3])
        means = " / ".join(f"{100 * mean:.1f}" for mean in measured[way].mean(axis=0))
        print(f"  {way:<13} {means}   (nDCG@10 {100 * low:.1f}–{100 * high:.1f})")
    ndcg = {way: measured[way][:, 3] for way in WAYS}
    best = max(("words", "meaning"), key=lambda way: float(ndcg[way].mean()))
    low, high = _interval(ndcg["hybrid"] - ndcg[best])
    print(f"  hybrid less {best}: {100 * low:+.1f} to {100 * high:+.1f} points of nDCG@10")
    value, peer = (100 * float(ndcg[way].mean()) for way in ("hybrid", best))
    alone = [
        Figure(f"quality.{name}.{way}_ndcg10", 100 * float(ndcg[way].mean()), "%")
        for way in ("words", "meaning", "meaning_uncut")
    ]
    return [
        *alone,
        Figure(
            f"quality.{name}.hybrid_ndcg10",
            value,
            "%",
            f"{best} alone",
            round(value / peer, 3),
            "not worse than the better single list by more than noise",
            high >= 0,
        ),
    ]


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of the mean by bootstrap over queries."""
    chance = np.random.default_rng(0)
    picks = chance.integers(0, len(values), (BOOTSTRAP_ROUNDS, len(values)))
    low, high = np.quantile(values[picks].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)
