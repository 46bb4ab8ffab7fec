"""Concepts in pictures: whether one is seen, and pictures and words put together.

Letters: D width of the embedding space, N pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Embedding = NDArray[np.float32]
Embeddings = NDArray[np.float32]
_SEEN_ABOVE = 0.2


@dataclass(frozen=True, slots=True)
class Concept:
    """Something that pictures show or do not show.

    Attributes:
        words: that name it.
        rows: its embeddings [., D].
    """

    words: tuple[str, ...]
    rows: Embeddings

    def is_seen(self, vectors: Embeddings) -> NDArray[np.bool_]:
        """Tell for each picture [N, D] whether it shows the concept."""
        seen: NDArray[np.bool_] = (vectors @ self.rows.T).max(axis=1) > _SEEN_ABOVE
        return seen


def unwanted(concept: str, embed: Callable[[Sequence[str]], Embeddings]) -> Concept:
    """Return a concept from the words for it."""
    return Concept((concept,), embed([concept]))


def compose(
    pictures: Sequence[Embedding], *, text: Embedding | None = None, minus: Sequence[Embedding] = ()
) -> Embedding:
    """Return what is near to pictures and a text, and far from others; unit norm."""
    total = sum(pictures, np.zeros_like(text if text is not None else [*pictures, *minus][0]))
    total = total / max(len(pictures), 1) + (0 if text is None else text)
    for each in minus:
        total = total - 0.5 * each
    return (total / np.linalg.norm(total)).astype(np.float32)
