"""Lets one hit stand for all that look the same: bursts, copies, crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from museion.archive.asset import AssetId
from museion.archive.catalog.reader import Catalog
from museion.archive.finding.ranking import Ranked
from museion.archive.generations import Generation
from museion.search.diversity import Seen, collapse

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
    vectors = {
        each.id: vector
        for each in head
        for vector in [generation.vectors.get(each.id)]
        if vector is not None
    }
    exact = {each.id for each in head if each.is_exact}
    by_id = {each.id: each for each in head}
    kept = collapse(seen, vectors=vectors, exact=exact)
    return [*(replace(by_id[each.id], alike=each.alike) for each in kept), *tail]
