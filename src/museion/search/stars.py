"""Groups of things that are alike, without chains: each group is a star around its centre.

Where one is like the next, and that like a third, the first may be nothing like the last. So groups
are not what is connected: every member is like the centre of its group.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence


def stars(alike: Mapping[int, Collection[int]], *, age: Mapping[int, int]) -> list[list[int]]:
    """Return groups of at least two, each with its centre first and the others by age.

    The thing that is like most others becomes a centre first, the oldest of several such. Groups
    depend on the pairs and ages alone, not on the order in which things came; what is connected
    with nothing new keeps its groups. O(pairs).

    Args:
        alike: what each is like; in both directions.
        age: smaller is older; no two have the same.

    Source: Aslam, Pelekhov, Rus, "The Star Clustering Algorithm for Static and Dynamic Information
    Organization", 2004; departure: what is like two centres belongs to the first of them only.
    """
    groups: list[list[int]] = []
    for part in _connected(alike):
        groups += _stars_of(part, alike, age)
    return groups


def _connected(alike: Mapping[int, Collection[int]]) -> list[list[int]]:
    """Return the connected parts."""
    parts: list[list[int]] = []
    met: set[int] = set()
    for start in alike:
        if start in met:
            continue
        met.add(start)
        part, waiting = [], deque([start])
        while waiting:
            one = waiting.popleft()
            part.append(one)
            newly = [each for each in alike[one] if each not in met]
            met.update(newly)
            waiting += newly
        parts.append(part)
    return parts


def _stars_of(
    part: Sequence[int], alike: Mapping[int, Collection[int]], age: Mapping[int, int]
) -> list[list[int]]:
    free = set(part)
    groups = []
    for centre in sorted(part, key=lambda each: (-len(alike[each]), age[each])):
        others = [each for each in alike[centre] if each in free and each != centre]
        if centre in free and others:
            free.difference_update(others)
            free.discard(centre)
            groups.append([centre, *sorted(others, key=lambda each: age[each])])
    return groups
