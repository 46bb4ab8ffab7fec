"""How to search among some of many: gather the few that a filter allows, or probe lists of rows.

The choice is made for each query from what the filter leaves. All costs are estimates of one
processor's time; a wrong one costs time, never hits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_GATHERED_US = 0.7
"""Reading a row somewhere in the map and comparing it exactly."""
_SCANNED_US = 0.25
"""Comparing a row exactly where all of them are read one after the other."""
_SKIPPED_US = 0.003
"""Passing over a row of a list because the filter does not allow it."""
_COMPARED_US = 0.1
"""Comparing a compressed row of a list."""
_PROBING_US = 300.0
"""What a search in lists costs before the first row."""

_EASY_LIMIT = 10
"""The limit for which probes are measured; more hits lie in more lists."""


_DEPTH = 0.27
"""How the probes grow with the limit: 500 hits need nearly three times as many as 10 (measured)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to search.

    Attributes:
        probes: how many lists to look into; 0 means that all allowed rows are compared exactly.
        candidates: how many rows the lists should offer to exact comparison.
    """

    probes: int
    candidates: int


def planned(*, rows: int, allowed: int, lists: int, probes: int, limit: int) -> Plan:
    """Return the cheapest way that promises the recall for which `probes` was measured.

    A filter that leaves a share of the rows pushes the nearest allowed ones outwards, into as many
    more lists.

    Args:
        rows: how many are in the lists.
        allowed: how many of them a filter leaves.
        lists: how many there are; 0 where none were made.
        probes: how many lists are enough without a filter.
        limit: how many hits are wanted.
    """
    candidates = min(allowed, limit + limit // 4 + 50)
    if not lists or not allowed:
        return Plan(0, candidates)
    share = allowed / rows
    widened = probes / share * max(1.0, limit / _EASY_LIMIT) ** _DEPTH
    probed = min(lists, math.ceil(widened))
    exactly_us = min(allowed * _GATHERED_US, rows * _SCANNED_US)
    in_lists = rows * probed / lists
    probing_us = (
        _PROBING_US
        + in_lists * (_SKIPPED_US * (share < 1) + share * _COMPARED_US)
        + candidates * _GATHERED_US
    )
    return Plan(0 if exactly_us <= probing_us else probed, candidates)
