"""One search over a segment and its inverted lists, planned by what the filter leaves."""

from __future__ import annotations

import numpy as np

from museion.search.inverted_lists import InvertedLists
from museion.search.planner import planned
from museion.search.selection import Allowed, Mask
from museion.search.vector_index import Embedding, Neighbour
from museion.search.vector_scan import live_rows, nearest_rows, ranked
from museion.search.vector_segment import Segment


def nearest_exactly(segment: Segment, query: Embedding, limit: int, live: Mask) -> list[Neighbour]:
    """Return the nearest of the rows that `live` [N] leaves, by comparing all of them."""
    rows = nearest_rows(segment, query, limit, np.flatnonzero(live))
    return ranked(segment, query, rows)[:limit]


def nearest_within(
    segment: Segment,
    lists: InvertedLists,
    query: Embedding,
    limit: int,
    allowed: Allowed | None,
) -> list[Neighbour]:
    """Return the nearest allowed rows as far as the lists tell; call it with their lock shared."""
    live = live_rows(segment, allowed)
    listed = live[: lists.covered]
    count = int(np.count_nonzero(listed))
    plan = planned(
        rows=lists.held, allowed=count, lists=lists.count, probes=lists.probes, limit=limit
    )
    if not plan.probes:
        return nearest_exactly(segment, query, limit, live)
    only = None if count == lists.held else listed
    probes = plan.probes
    found = lists.search(query, plan.candidates, probes=probes, allowed=only)
    while len(found) < plan.candidates and probes < lists.count:
        probes = min(lists.count, probes * 4)
        found = lists.search(query, plan.candidates, probes=probes, allowed=only)
    fresh = lists.covered + np.flatnonzero(live[lists.covered :])
    rows = np.concatenate([found, nearest_rows(segment, query, limit, fresh)])
    return ranked(segment, query, rows)[:limit]
