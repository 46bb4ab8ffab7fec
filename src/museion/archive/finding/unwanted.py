"""Leaves out what must not be seen: neither may a word say it, nor the picture look like it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from functools import lru_cache
from itertools import islice

import numpy as np

from museion.archive.finding.ranking import Ranked
from museion.archive.finding.selecting import Selector
from museion.archive.generations import Generation
from museion.search.concepts import Concept, unwanted

_CACHED_CONCEPTS = 64
_CACHED_SCANS = 8
_AT_ONCE = 4096


class Unwanted:
    """Knows what pictures show the concepts that were asked for lately.

    Args:
        selector: finds the assets whose words say a concept.
        hidden: returns the ids of assets that screens do not list now, but may list again.
    """

    def __init__(self, selector: Selector, *, hidden: Callable[[], Set[str]]) -> None:
        self._selector = selector
        self._hidden = hidden
        self._concept = lru_cache(_CACHED_CONCEPTS)(_concept)
        self._all_showing = lru_cache(_CACHED_SCANS)(self._scanned)

    def left_out(
        self, ranking: Sequence[Ranked], concepts: Sequence[str], generation: Generation
    ) -> list[Ranked]:
        """Return a ranking without the assets that say or show one of some concepts."""
        kept = list(ranking)
        for text in concepts:
            concept = self._concept(generation, text)
            seen = _showing(concept, (each.id for each in kept), generation)
            named = self._selector.naming(concept.words)
            kept = [each for each in kept if each.id not in seen and each.id not in named]
        return kept

    def showing(self, concepts: Iterable[str], generation: Generation) -> set[str]:
        """Return all assets that say or show one of some concepts.

        A concept is looked for in all pictures, 2 µs each, until the next ones are embedded.
        """
        found: set[str] = set()
        for text in concepts:
            found |= self._all_showing(text, generation, generation.vectors.position)
            found |= set(self._selector.naming(self._concept(generation, text).words).ids())
        return found

    def _scanned(self, text: str, generation: Generation, position: int) -> frozenset[str]:
        # What is kept must hold for assets that come out of the trash later, too: no embedding
        # comes with them, so nothing would be looked at anew.
        ids = {*self._selector.everything().ids(), *self._hidden()}
        return frozenset(_showing(self._concept(generation, text), ids, generation))


def _showing(concept: Concept, ids: Iterable[str], generation: Generation) -> set[str]:
    seen: set[str] = set()
    for some in _chunks(ids):
        found = ((each, generation.vectors.get(each)) for each in some)
        vectors = {asset_id: vector for asset_id, vector in found if vector is not None}
        if vectors:
            shows = concept.is_seen(np.stack(list(vectors.values())))
            seen |= {asset_id for asset_id, is_seen in zip(vectors, shows, strict=True) if is_seen}
    return seen


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    left = iter(ids)
    while some := list(islice(left, _AT_ONCE)):
        yield some


def _concept(generation: Generation, text: str) -> Concept:
    return unwanted(text, generation.embed_all, background=generation.background)
