"""Where the good hits of a query end: two similarities, strong and weak, for each query.

A flat threshold fails, because the same similarity means different things: some texts lie near
every picture, some pictures near every text, and the best of a million unrelated pictures is
nearer than the best of fifty. So a query is held against what is unrelated to it:

- a sample of the archive's own assets: how near do they lie to this query on the whole, how far
  apart, and are the nearest of them pictures that lie near every text;
- texts about all kinds of things (`background_texts`): how near does the query lie to them.

From these a line, fitted once on judged photos, gives the similarity below which nothing fits. For
a model that nobody has judged the same line is moved so that texts without any sense
(`nonsense_texts`) find nothing in this very archive.

Letters: D width of an embedding, J background texts, N assets of the sample, Q queries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from museion.base.errors import InvalidInput
from museion.search.concept_groups import concept_groups
from museion.search.words import content_words, split_words, stem

Embedding = NDArray[np.float32]
"""Unit vector [D]."""

Embeddings = NDArray[np.float32]
"""Unit rows."""

Strength = Literal["strong", "weak", "none"]

MOST_SAMPLED = 2_000
_BELIEF_OF_WEAK = 0.2
_NEAREST = 10
_NEAREST_HUBS = 5
_LITTLE_KNOWN = 20
"""So many assets know as much of a query as what is known of queries in general."""
_LENIENCY = 0.4
"""So many deviations the weak end lies below the line that was fitted.

Without it every third picture that was meant was lost among photos of other kinds than those of the
fit (the 78 of the sample library), with it every fourth; a weak hit too many costs less.
"""
_EVERYDAY_LENIENCY = 1.0
"""So many more it lies below for everyday words, which stand for what photos show.

A small encoder puts `people` hardly nearer to people than nonsense. Of twelve such words a site of
people found nine, with it all; one nonsense query in a hundred more finds something.
"""
_NONSENSE_REFUSED = 0.98
"""Share of the senseless texts that must find nothing with a model that nobody has judged.

They are easier to refuse than sensible words for what an archive lacks, hence the high share.
"""


class BadBackground(InvalidInput):
    """What a query is to be compared with cannot be compared with anything."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Expected finite unit rows of one width to calibrate by; {what}.",
            remedy="Embed texts and pictures with the towers of one checkpoint.",
        )


@dataclass(frozen=True, slots=True)
class CutOff:
    """Two similarities: from `strong` up a hit is good, below `weak` it is none."""

    strong: float
    weak: float

    def strength(self, similarity: float) -> Strength:
        """Say in a word what a similarity means for this query."""
        if similarity >= self.strong:
            return "strong"
        return "weak" if similarity >= self.weak else "none"

    def belief(self, similarity: float) -> float:
        """Return how much a hit counts: 0 below weak, a fifth there, rising to 1 at strong."""
        if similarity < self.weak:
            return 0.0
        way = (similarity - self.weak) / (self.strong - self.weak)
        return min(1.0, _BELIEF_OF_WEAK + (1 - _BELIEF_OF_WEAK) * way)


@dataclass(frozen=True, slots=True)
class Curve:
    """The line that gives the cut-off, in deviations of unrelated pairs.

    Attributes:
        coefficients: of what is known of a query, in the order of `Calibration.features`.
        size: of the expected largest of as many standard normal numbers as there are assets.
        weak: the rest, for the weak cut-off.
        strong: the same for the strong one, above `weak`.
        usual: what is known of a usual query, for archives of few assets.
    """

    coefficients: tuple[float, ...]
    size: float
    weak: float
    strong: float
    usual: tuple[float, ...]


FITTED = Curve(
    coefficients=(0.78, -1.22, 7.13, -1.65, 0.35, -0.18),
    size=0.9,
    weak=-5.14,
    strong=-4.02,
    usual=(0.03, 1.04, 0.92, 0.12, 0.0, 0.0),
)
"""Fitted for the embedded encoder on one half of the Flickr8k dev split and of a list of nonsense
queries, so that four in five of these find nothing among 500 photos (strong: 97 in 100), before
`_LENIENCY`; `benchmarks/retrieval_quality.py` reports the other half.
"""


class Calibration:
    """What is unrelated to queries of one archive in one embedding space; immutable, thread-safe.

    Cheap to make (one product of J by N by D) and to ask (well under a millisecond). Make it anew
    when the archive has grown by a fifth; it needs no more than `MOST_SAMPLED` assets.
    """

    def __init__(
        self,
        texts: Embeddings,
        sample: Embeddings,
        *,
        assets: int | None = None,
        curve: Curve = FITTED,
        nonsense: Embeddings | None = None,
    ) -> None:
        """Compare background texts with a sample of assets.

        Args:
            texts: background texts [J, D], at least two, such as `background_texts()` embedded.
            sample: of the archive's assets [N, D], without choice; at least one.
            assets: how many there are in all; None means that the sample is all.
            curve: fitted for the encoder, or another one's as a beginning.
            nonsense: senseless texts [Q, D], such as `nonsense_texts()` embedded; the line is moved
                until nearly all of them find nothing. Give them for encoders without a curve of
                their own.

        Raises:
            BadBackground: too little was given, of two widths, or what is not finite.
        """
        _check(texts, sample)
        similarity = sample @ texts.T  # [N, J]
        self._mean = float(similarity.mean())
        self._deviation = max(float(similarity.std()), 1e-6)
        self._spread = similarity.std(axis=1) / self._deviation  # [N]
        self._nearness = (similarity.mean(axis=1) - self._mean) / self._deviation  # [N]
        self._texts, self._sample = texts, sample
        among_texts = _without_diagonal(texts @ texts.T)  # [J, J - 1]
        self._text_means = _mean_and_deviation(among_texts.mean(axis=1))
        self._text_deviations = _mean_and_deviation(among_texts.std(axis=1))
        self.assets = max(len(sample), len(sample) if assets is None else assets)
        self.curve = curve
        self._moved = 0.0 if nonsense is None else self._shift(nonsense)

    def cut_off(
        self, query: Embedding, *, among: int | None = None, is_everyday: bool = False
    ) -> CutOff:
        """Return where the hits of a query end.

        Args:
            query: unit vector [D] of a text.
            among: how many assets its filters leave; None means all.
            is_everyday: as the function says of its text; the weak end is lower then.
        """
        known = float(self.features(query[None])[0] @ np.asarray(self.curve.coefficients))
        size = self.curve.size * _expected_largest(self.assets if among is None else among)
        base = known + size + self._moved
        return CutOff(
            self._similarity(base + self.curve.strong),
            self._similarity(base + self.curve.weak - _LENIENCY - _EVERYDAY_LENIENCY * is_everyday),
        )

    def features(self, queries: Embeddings) -> NDArray[np.float64]:
        """Return what is known of queries [Q, D] before their hits are looked at: [Q, 6].

        How near the sample lies on the whole, how far apart; how unequally the nearest of it lie to
        the background texts, and how near; how near the query lies to these texts on the whole, and
        how unequally.
        """
        near = (queries @ self._sample.T - self._mean) / self._deviation  # [Q, N]
        count = min(_NEAREST, len(self._sample))
        nearest = np.argpartition(-near, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(near, nearest, axis=1), axis=1, kind="stable")
        nearest = np.take_along_axis(nearest, order, axis=1)
        to_texts = queries @ self._texts.T  # [Q, J]
        of_sample = np.stack(
            [
                near.mean(axis=1),
                near.std(axis=1),
                self._spread[nearest[:, :_NEAREST_HUBS]].mean(axis=1),
                self._nearness[nearest].mean(axis=1),
            ],
            axis=1,
        )
        known = len(self._sample) / (len(self._sample) + _LITTLE_KNOWN)
        usual = np.asarray(self.curve.usual[: of_sample.shape[1]])
        of_texts = [
            _standard(to_texts.mean(axis=1), self._text_means),
            _standard(to_texts.std(axis=1), self._text_deviations),
        ]
        return np.column_stack([known * of_sample + (1 - known) * usual, *of_texts])

    def _shift(self, nonsense: Embeddings) -> float:
        """Return by how much the line must move so that nonsense finds nothing in the sample."""
        nearest = (nonsense @ self._sample.T).max(axis=1)
        above = (nearest - self._mean) / self._deviation - self.features(nonsense) @ np.asarray(
            self.curve.coefficients
        )
        placed = self.curve.size * _expected_largest(len(self._sample)) + self.curve.weak
        return float(np.quantile(above, _NONSENSE_REFUSED)) - placed

    def _similarity(self, deviations: float) -> float:
        return self._mean + deviations * self._deviation


def background_texts() -> list[str]:
    """Return texts about all kinds of things that photos show; the same for every archive."""
    return _lines("background_texts.txt")


def nonsense_texts() -> list[str]:
    """Return texts that no picture shows: gibberish and abstract words."""
    return _lines("nonsense_texts.txt")


def is_everyday(text: str) -> bool:
    """Tell whether all words of a text are such as photos are described with, inflected or not.

    Those are the words of the background texts and of the groups of concepts, in English.
    """
    words = content_words(split_words(text))
    return bool(words) and all(stem(word.folded) in _everyday_stems() for word in words)


@cache
def _everyday_stems() -> frozenset[str]:
    named = (name for group in concept_groups() for name in (*group.names, *group.members))
    texts = (*background_texts(), *named)
    return frozenset(
        stem(word.folded) for text in texts for word in content_words(split_words(text))
    )


def _lines(name: str) -> list[str]:
    text = (files("museion.search") / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _check(texts: Embeddings, sample: Embeddings) -> None:
    if texts.ndim != 2 or sample.ndim != 2 or texts.shape[1] != sample.shape[1]:
        raise BadBackground(f"came {list(texts.shape)} and {list(sample.shape)}")
    if len(texts) < 2 or len(sample) < 1:
        raise BadBackground(f"came {len(texts)} texts and {len(sample)} assets")
    if not (np.isfinite(texts).all() and np.isfinite(sample).all()):
        raise BadBackground("a number is not finite")


def _expected_largest(count: int) -> float:
    """Return about the largest of `count` independent standard normal numbers."""
    return math.sqrt(2 * math.log(max(count, 2)))


def _without_diagonal(square: NDArray[np.float32]) -> NDArray[np.float32]:
    count = len(square)
    return square[~np.eye(count, dtype=np.bool_)].reshape(count, count - 1)


def _mean_and_deviation(values: NDArray[np.float32]) -> tuple[float, float]:
    return float(values.mean()), max(float(values.std()), 1e-6)


def _standard(values: NDArray[np.float32], scale: tuple[float, float]) -> NDArray[np.float64]:
    return np.asarray((values - scale[0]) / scale[1], np.float64)
