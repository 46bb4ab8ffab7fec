"""Recall of cross-modal retrieval: how often the right one is among the k nearest.

Letters: N photos, C captions a photo, D dimension.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RANKS = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Recall:
    """Shares in percent, rounded to a tenth, at 1, 5 and 10."""

    text_to_image: tuple[float, ...]
    image_to_text: tuple[float, ...]


def recall_both_ways(
    photos: NDArray[np.float32], texts: NDArray[np.float32], *, captions_each: int
) -> Recall:
    """Rank every photo for every caption and the reverse; ties count against the right one.

    Args:
        photos: unit rows [N, D].
        texts: unit rows [N * C, D]; those of photo 0 first, then those of photo 1, and so on.
        captions_each: C; a photo is found again when any of its captions is.
    """
    similarity = texts @ photos.T  # [N * C, N]
    own = np.repeat(np.arange(len(photos)), captions_each)
    right = similarity[np.arange(len(texts)), own]  # [N * C]
    ahead = (similarity >= right[:, None]).sum(axis=1) - 1
    best = right.reshape(len(photos), captions_each).max(axis=1)  # [N]
    foreign = best[:, None] <= similarity.T  # [N, N * C]
    foreign[own, np.arange(len(texts))] = False
    return Recall(shares_at_ranks(ahead), shares_at_ranks(foreign.sum(axis=1)))


def recall_of_queries(photos: NDArray[np.float32], texts: NDArray[np.float32]) -> tuple[float, ...]:
    """Return text-to-image recall; text `i` belongs to photo `i`, more photos only distract."""
    similarity = texts @ photos.T
    right = similarity[np.arange(len(texts)), np.arange(len(texts))]
    return shares_at_ranks((similarity >= right[:, None]).sum(axis=1) - 1)


def shares_at_ranks(ahead: NDArray[np.intp]) -> tuple[float, ...]:
    """Turn counts of better-placed strangers into percentages at the ranks 1, 5 and 10."""
    return tuple(round(100.0 * float((ahead < rank).mean()), 1) for rank in RANKS)
