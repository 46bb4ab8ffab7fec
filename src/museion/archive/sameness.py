"""From where on two pictures count as the same: what their numbers have to say together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from museion.archive.catalog.duplicate_reader import Looks
from museion.search.fingerprints import Pairs
from museion.search.vector_index import Embedding

_AS_LONG = 1.02
"""Two films of one content last alike, but for what an encoder cuts off."""


@dataclass(frozen=True, slots=True)
class Sameness:
    """From where on two pictures are near duplicates.

    Chosen on 8 million pairs of unlike photos and 2,000 of like ones, with the built-in encoder. Of
    the former 28 are within `near_bits`; their embeddings are no more similar than any. Another
    encoder may see more likeness between strangers, and then refutes fewer.

    Attributes:
        same_bits: fingerprints that differ in so few bits need no embedding to confirm them.
        near_bits: so far apart fingerprints propose a pair at all.
        similarity: how similar embeddings are that confirm a pair.
        refuted: how dissimilar embeddings are that speak against even nearly equal fingerprints.
        stretch: how much wider, in relation to its height, one picture may be than the other.
    """

    same_bits: int = 4
    near_bits: int = 12
    similarity: float = 0.45
    refuted: float = 0.2
    stretch: float = 1.12


def may_be_same(looks: Looks, pairs: Pairs, sameness: Sameness) -> NDArray[np.bool_]:
    """Return which pairs of places in `looks` have like proportions, and last alike [P]."""
    fits = _ratio(looks.aspects, pairs) <= sameness.stretch
    durations = looks.durations
    # Films that begin alike, with a title for instance, are told apart by how long they last.
    both_still = (durations[pairs] == 0).all(axis=1)
    as_long = (durations[pairs] > 0).all(axis=1)
    as_long &= _ratio(np.maximum(durations, 1e-3), pairs) <= _AS_LONG
    kept: NDArray[np.bool_] = fits & (both_still | as_long)
    return kept


def similarity_of(one: Embedding | None, other: Embedding | None) -> float | None:
    """Return the cosine similarity of two embeddings, None where one is missing."""
    return None if one is None or other is None else float(one @ other)


def is_same(bits: int, similarity: float | None, sameness: Sameness) -> bool:
    """Tell whether two pictures are near duplicates.

    Args:
        bits: in how many their fingerprints differ.
        similarity: of their embeddings, None where one has none.
    """
    if bits <= sameness.same_bits:
        return similarity is None or similarity >= sameness.refuted
    return similarity is not None and similarity >= sameness.similarity


def _ratio(values: NDArray[np.float32], pairs: Pairs) -> NDArray[np.float64]:
    """Return how many times as large the larger value of each pair is."""
    found = values[pairs].astype(np.float64)
    ratio: NDArray[np.float64] = found.max(axis=1) / found.min(axis=1)
    return ratio
