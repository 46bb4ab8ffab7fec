"""Turn class probabilities into label scores that can be read as probabilities.

No picture of ImageNet is at hand, so people are the measure: a label is true of a photo when at
least one of its captions says the word (or a synonym, or the word of a class that it covers). Only
labels that captions do say take part; rare ones follow the same curve. Captions leave things out,
so the scores err on the low side.

Letters: N photos, L labels.

Source: one logistic curve for all labels after Platt, 1999; error as in Guo et al., ICML 2017.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from museion.models.training.class_words import ClassWord

SAID_AT_LEAST = 20  # photos
# Captions say these words mostly in another sense: "an orange shirt", "looks at the camera".
OF_OTHER_SENSE = """
shore animal clothing mammal orange camera lighter promontory tank glass plate weapon woodwind
citrus fruit ear muzzle suit pole cup bubble swing racer jersey stage spotlight jean box lamp
cliff theater
"""
# Nobody says these though they are there: a terrier is called a dog.
SELDOM_SAID = """
hunting_dog greyhound terrier retriever shepherd_dog golden_retriever German_shepherd big_cat
mountain_bike park_bench geological_formation military_vehicle dwelling wind_instrument
sports_equipment footwear purse furniture computer ballplayer parallel_bars
"""
BINS = 10


def said_of_photos(
    words: Sequence[ClassWord], captions: Sequence[Sequence[str]]
) -> NDArray[np.bool_]:
    """Tell for each photo and label whether a caption says it, [N, L]."""
    texts = [" ".join(some).lower() for some in captions]
    said = np.zeros((len(texts), len(words)), np.bool_)
    for column, word in enumerate(words):
        names = {word.word, *word.synonyms}
        for member in word.members:
            names |= {words[member].word, *words[member].synonyms}
        alternatives = "|".join(re.escape(name.lower()) for name in sorted(names))
        spoken = re.compile(rf"\b(?:{alternatives})(?:s|es)?\b")
        said[:, column] = [spoken.search(text) is not None for text in texts]
    return said


def measured_labels(
    words: Sequence[ClassWord], said: NDArray[np.bool_], *, at_least: int = SAID_AT_LEAST
) -> NDArray[np.intp]:
    """Return the columns of labels to measure by: said of `at_least` photos, and meant as said."""
    frequent = said.sum(axis=0) >= at_least
    unusable = {*OF_OTHER_SENSE.split(), *SELDOM_SAID.split()}
    usable = np.array([word.word.replace(" ", "_") not in unusable for word in words])
    return np.flatnonzero(frequent & usable)


def fit_curve(shares: NDArray[np.float32], said: NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and offset of the logistic curve from log odds to truth, over all pairs."""
    odds = torch.from_numpy(log_odds(shares)).flatten().double()
    truth = torch.from_numpy(said).flatten().double()
    curve = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([curve], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = functional.binary_cross_entropy_with_logits(curve[0] * odds + curve[1], truth)
        value.backward()
        return value

    optimiser.step(loss)
    slope, offset = curve.detach().tolist()
    return slope, offset


def log_odds(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Map probabilities to log odds, held within about ±14."""
    held = np.clip(shares, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(held) - np.log1p(-held), np.float32)


def calibration_error(scores: NDArray[np.float32], said: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over ten bins of equal width, of scores above 0.05.

    The millions of pairs with a score near 0 are right and would hide the rest.
    """
    seen, truth = scores[scores > 0.05], said[scores > 0.05]
    places = np.minimum((seen * BINS).astype(int), BINS - 1)
    gaps = [
        abs(float(seen[places == bin_].mean()) - float(truth[places == bin_].mean()))
        * float((places == bin_).mean())
        for bin_ in range(BINS)
        if (places == bin_).any()
    ]
    return sum(gaps)
