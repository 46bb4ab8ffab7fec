"""Groups are stars: every member is like its centre, whatever the order in which things came."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.search.stars import stars

_PAIRS = st.sets(st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda p: p[0] < p[1]))


def _both_ways(pairs: list[tuple[int, int]]) -> dict[int, list[int]]:
    alike: dict[int, list[int]] = {}
    for one, other in pairs:
        alike.setdefault(one, []).append(other)
        alike.setdefault(other, []).append(one)
    return alike


@settings(max_examples=100, deadline=None)
@given(pairs=_PAIRS, seed=st.integers(0, 100))
def test_every_member_is_like_its_centre_and_in_one_group_only(
    pairs: set[tuple[int, int]], seed: int
) -> None:
    age = {one: (one * 7) % 13 for one in range(13)}
    alike = _both_ways(sorted(pairs))
    groups = stars(alike, age=age)
    members = [each for group in groups for each in group]

    assert len(members) == len(set(members))
    assert all(each in alike[centre] for centre, *others in groups for each in others)
    assert all(len(group) > 1 for group in groups)

    ordered = sorted(pairs)
    shuffled = [ordered[place] for place in np.random.default_rng(seed).permutation(len(ordered))]
    assert sorted(stars(_both_ways(shuffled), age=age)) == sorted(groups)


@settings(max_examples=50, deadline=None)
@given(pairs=_PAIRS)
def test_what_is_left_alone_is_like_no_other_left_alone(pairs: set[tuple[int, int]]) -> None:
    alike = _both_ways(sorted(pairs))
    grouped = {each for group in stars(alike, age={i: i for i in range(13)}) for each in group}

    left = set(alike) - grouped
    assert not any(one in left and other in left for one, other in pairs)


def test_the_one_that_is_like_most_is_the_centre() -> None:
    alike = _both_ways([(1, 5), (2, 5), (3, 5), (1, 2)])

    assert stars(alike, age={one: one for one in range(6)}) == [[5, 1, 2, 3]]
