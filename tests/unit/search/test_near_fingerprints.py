"""Near pairs of fingerprints are those that comparing all with all finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.search.fingerprints import (
    MOST_EQUAL,
    Prints,
    TooFarApart,
    is_telling,
    near,
    near_pairs,
)


def _relatives(seed: int, *, families: int, each: int, most_bits: int) -> Prints:
    """Return fingerprints in families: some bits of a common ancestor are turned."""
    random = np.random.default_rng(seed)
    prints = np.repeat(random.integers(0, 1 << 64, families, dtype=np.uint64), each)
    for place in range(len(prints)):
        for bit in random.integers(0, 64, random.integers(0, most_bits + 1)):
            prints[place] ^= np.uint64(1) << np.uint64(bit)
    return prints


def _compared_all(prints: Prints, within_bits: int) -> list[list[int]]:
    distances = np.bitwise_count(prints[:, None] ^ prints[None, :])
    found: list[list[int]] = np.argwhere(np.triu(distances <= within_bits, 1)).tolist()
    return found


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), within_bits=st.integers(0, 9))
def test_near_pairs_are_those_of_comparing_all_with_all(seed: int, within_bits: int) -> None:
    prints = _relatives(seed, families=12, each=5, most_bits=7)

    assert near_pairs(prints, within_bits=within_bits).tolist() == _compared_all(
        prints, within_bits
    )


def test_pairs_may_be_asked_for_up_to_the_most_bits() -> None:
    prints = _relatives(1, families=10, each=4, most_bits=8)

    assert near_pairs(prints, within_bits=15).tolist() == _compared_all(prints, 15)


def test_of_many_equal_fingerprints_each_is_paired_with_the_first_ones() -> None:
    prints = np.full(MOST_EQUAL * 3, 0x0F0F0F0FFF00FF00, dtype=np.uint64)
    pairs = near_pairs(prints, within_bits=4)

    assert len(pairs) < MOST_EQUAL * len(prints)
    assert set(pairs[:, 1].tolist()) == set(range(1, len(prints)))


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_fingerprints_make_no_pair(count: int) -> None:
    assert len(near_pairs(np.ones(count, dtype=np.uint64), within_bits=4)) == 0


def test_pairs_so_far_apart_that_strangers_are_among_them_are_refused() -> None:
    with pytest.raises(TooFarApart):
        near_pairs(np.ones(3, dtype=np.uint64), within_bits=16)


def test_one_is_compared_with_all() -> None:
    prints = np.array([0b1111, 0b1110, 0b0000], dtype=np.uint64)

    assert near(prints, 0b1111, within_bits=1).tolist() == [0, 1]


@pytest.mark.parametrize("plain", [0, 0b1011, (1 << 64) - 1])
def test_fingerprints_of_plain_pictures_tell_nothing(plain: int) -> None:
    assert not is_telling(plain)
    assert is_telling(0x0F0F0F0FFF00FF00)
