"""Lets one hit stand for all that look the same: bursts, copies, crops."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from museion.archive.asset import AssetId
from museion.archive.catalog.reader import Catalog
from museion.archive.finding.ranking import Ranked
from museion.archive.generations import Generation
from museion.search.diversity import Seen, collapse
from museion.search.vector_index import Embedding

_MOST = 500
"""Hits that are compared with each other; what comes after them stands for itself."""


def collapsed(ranking: Sequence[Ranked], catalog: Catalog, generation: Generation) -> list[Ranked]:
    """Return a ranking in which each hit among the first 500 stands for its look-alikes behind it.

    Hits that somebody named by their words exactly stay.
    """
    head, tail = ranking[:_MOST], ranking[_MOST:]
    looks = catalog.finding.looks([AssetId(each.id) for each in head])
    seen = [
        Seen(each.id, look.fingerprint, look.time_s, look.camera) if look else Seen(each.id)
        for each in head
        for look in [looks.get(AssetId(each.id))]
    ]
    exact = {each.id for each in head if each.is_exact}
    by_id = {each.id: each for each in head}
    kept = collapse(seen, vectors=_Embeddings(by_id, generation), exact=exact)
    standing = (
        replace(by_id[each.id], alike=each.alike) if each.alike else by_id[each.id] for each in kept
    )
    return [*standing, *tail]


class _Embeddings(Mapping[str, Embedding]):
    """The embeddings of some hits, read when they are asked for; few are."""

    def __init__(self, ids: Collection[str], generation: Generation) -> None:
        self._ids = ids
        self._vectors = generation.vectors

    def __getitem__(self, asset_id: str) -> Embedding:
        vector = self._vectors.get(asset_id) if asset_id in self._ids else None
        if vector is None:
            raise KeyError(asset_id)
        return vector

    def __iter__(self) -> Iterator[str]:
        return (each for each in self._ids if self._vectors.get(each) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)
