"""Leaves out what must not be seen: neither may a word say it, nor the picture look like it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from museion.archive.finding.ranking import Ranked
from museion.archive.finding.selecting import Selector
from museion.archive.generations import Generation
from museion.search.concepts import Concept, unwanted

_CACHED_CONCEPTS = 64


class Unwanted:
    """Knows what pictures show the concepts that were asked for lately."""

    def __init__(self, selector: Selector) -> None:
        self._selector = selector
        self._concept = lru_cache(_CACHED_CONCEPTS)(_concept)

    def left_out(
        self, ranking: Sequence[Ranked], concepts: Sequence[str], generation: Generation
    ) -> list[Ranked]:
        """Return a ranking without the assets that say or show one of some concepts."""
        kept = list(ranking)
        for text in concepts:
            kept = self._without(kept, self._concept(generation, text), generation)
        return kept

    def _without(
        self, ranking: Sequence[Ranked], concept: Concept, generation: Generation
    ) -> list[Ranked]:
        named = self._selector.naming(concept.words)
        found = ((each.id, generation.vectors.get(each.id)) for each in ranking)
        vectors = {asset_id: vector for asset_id, vector in found if vector is not None}
        seen: set[str] = set()
        if vectors:
            shows = concept.is_seen(np.stack(list(vectors.values())))
            seen = {asset_id for asset_id, is_seen in zip(vectors, shows, strict=True) if is_seen}
        return [each for each in ranking if each.id not in seen and each.id not in named]


def _concept(generation: Generation, text: str) -> Concept:
    return unwanted(text, generation.embed_all)
