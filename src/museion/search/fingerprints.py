"""Pictures that look the same, found by 64-bit fingerprints: one against all, or all against all.

A fingerprint is near for pictures that look alike: the number of bits in which two differ says how
unlike they are. It only proposes; whoever asks confirms by something else (`near_duplicates`).

Letters: `N` fingerprints, `P` pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from museion.base.errors import InvalidInput

Prints = NDArray[np.uint64]
"""Fingerprints [N]."""
Pairs = NDArray[np.int64]
"""Places of two fingerprints each [P, 2], the lower place first; no pair twice."""

BITS = 64
MOST_BITS = 15
"""Pairs further apart than this cannot be found all at once: one in 10,000 strangers is nearer."""
MOST_EQUAL = 64
"""Of equal fingerprints so many are paired with all: a million copies make no 10^12 pairs."""
_BLOCKS = 4
_BLOCK_BITS = BITS // _BLOCKS
_FEWEST_SET, _MOST_SET = 20, 44
_PAIRS_AT_ONCE = 1 << 16


class TooFarApart(InvalidInput):
    """All pairs were asked for within so many bits that strangers would be among them."""

    def __init__(self, within_bits: int) -> None:
        super().__init__(
            f"Expected 0 to {MOST_BITS} bits, got {within_bits}.",
            remedy="Ask for nearer pairs; unrelated pictures differ in about 32 bits.",
        )


def is_telling(fingerprint: int) -> bool:
    """Tell whether a fingerprint can say that two pictures look the same.

    That of a plain picture, or of one with a single gradient, cannot: most of its frequencies are
    nothing, so hardly a bit is set, and all such pictures would pass for one. Of a picture with
    anything in it half the bits are set, because they are compared with their median.
    """
    return _FEWEST_SET <= fingerprint.bit_count() <= _MOST_SET


def are_telling(fingerprints: Prints) -> NDArray[np.bool_]:
    """Return for each fingerprint what `is_telling` says of it [N]."""
    counts = np.bitwise_count(fingerprints)
    return (counts >= _FEWEST_SET) & (counts <= _MOST_SET)


def near(fingerprints: Prints, one: int, *, within_bits: int) -> NDArray[np.intp]:
    """Return the places of all fingerprints at most so far from one. O(N): 2 ms for a million."""
    distances = np.bitwise_count(fingerprints ^ np.uint64(one))
    return np.flatnonzero(distances <= within_bits)


def near_pairs(fingerprints: Prints, *, within_bits: int) -> Pairs:
    """Return all pairs of fingerprints that differ in at most so many bits, in order.

    None is missed, but where more than `MOST_EQUAL` fingerprints are equal: of two beyond these the
    pair is left out, as each is paired with the first ones anyway.

    Args:
        within_bits: 0 to `MOST_BITS`; the cost grows steeply with it.

    Raises:
        TooFarApart: `within_bits` is out of range.

    Source: Norouzi, Punjani, Fleet, "Fast Exact Search in Hamming Space with Multi-Index Hashing",
    IEEE TPAMI 2014: of four blocks of 16 bits at least one differs in few bits only. Departure: the
    buckets of a block are joined with each other, all fingerprints at a time, not one by one.
    """
    if not 0 <= within_bits <= MOST_BITS:
        raise TooFarApart(within_bits)
    distinct, where, counts = np.unique(fingerprints, return_inverse=True, return_counts=True)
    found = [_found_by_block(distinct, block, within_bits) for block in range(_BLOCKS)]
    pairs = _each_once(np.concatenate(found), len(distinct))
    return _each_once(_of_all(pairs, where.reshape(-1), counts), len(fingerprints))


def _found_by_block(distinct: Prints, block: int, within_bits: int) -> Pairs:
    """Return the pairs that are near and whose bits of one block are within its share."""
    share, extra = divmod(within_bits, _BLOCKS)
    radius = share if block <= extra else share - 1
    if radius < 0:
        return _no_pairs()
    bits = (distinct >> np.uint64(block * _BLOCK_BITS)) & np.uint64((1 << _BLOCK_BITS) - 1)
    order = np.argsort(bits, kind="stable")
    values, sorted_prints = bits[order].astype(np.int64), distinct[order]
    starts = np.searchsorted(values, np.arange((1 << _BLOCK_BITS) + 1))
    found = [
        pairs
        for mask in _masks(radius)
        for pairs in _joined(sorted_prints, values, starts, mask, within_bits)
    ]
    return order[np.concatenate(found)] if found else _no_pairs()


def _masks(radius: int) -> Iterator[int]:
    """Yield every block of bits with at most `radius` of them set."""
    for count in range(radius + 1):
        for bits in combinations(range(_BLOCK_BITS), count):
            yield sum(1 << bit for bit in bits)


def _joined(
    prints: Prints, values: NDArray[np.int64], starts: NDArray[np.intp], mask: int, within_bits: int
) -> Iterator[Pairs]:
    """Yield the near pairs of which one has the other's block with the bits of `mask` turned."""
    if mask:
        first = np.flatnonzero(values < values ^ mask)
        begins = starts[values[first] ^ mask]
    else:
        first = np.arange(len(values))
        begins = first + 1
    lengths = starts[(values[first] ^ mask) + 1] - begins
    has_partner = lengths > 0
    first, begins, lengths = first[has_partner], begins[has_partner], lengths[has_partner]
    ends = np.cumsum(lengths)
    at = 0
    while at < len(first):
        to = max(int(np.searchsorted(ends, ends[at] - lengths[at] + _PAIRS_AT_ONCE)), at + 1)
        yield _compared(prints, first[at:to], begins[at:to], lengths[at:to], within_bits)
        at = to


def _compared(
    prints: Prints,
    first: NDArray[np.intp],
    begins: NDArray[np.intp],
    lengths: NDArray[np.intp],
    within_bits: int,
) -> Pairs:
    """Return the near pairs of each of `first` with the `lengths` ones from `begins` on.

    All pairs pass through here, so only of the few near ones the first partner is looked up.
    """
    ends = np.cumsum(lengths)
    right = np.arange(ends[-1]) + np.repeat(begins - ends + lengths, lengths)
    unlike = np.repeat(prints[first], lengths) ^ prints[right]
    kept = np.flatnonzero(np.bitwise_count(unlike) <= within_bits)
    left = first[np.searchsorted(ends, kept, side="right")]
    return np.stack([left, right[kept]], axis=1)


def _of_all(pairs: Pairs, where: NDArray[np.intp], counts: NDArray[np.intp]) -> Pairs:
    """Return pairs of places for pairs of distinct values, and those of equal ones."""
    ends = np.cumsum(counts)
    members = np.argsort(where, kind="stable")
    firsts = members[ends - counts]
    is_plain = (counts[pairs] == 1).all(axis=1)
    parts = [firsts[pairs[is_plain]]]
    for one, other in pairs[~is_plain].tolist():
        parts += _crossed(
            members[ends[one] - counts[one] : ends[one]],
            members[ends[other] - counts[other] : ends[other]],
        )
    for place in np.flatnonzero(counts > 1).tolist():
        equal = members[ends[place] - counts[place] : ends[place]]
        one, other = np.triu_indices(min(len(equal), MOST_EQUAL), 1, len(equal))
        parts.append(np.stack([equal[one], equal[other]], axis=1))
    return np.concatenate(parts)


def _crossed(ones: NDArray[np.intp], others: NDArray[np.intp]) -> Iterator[Pairs]:
    """Yield the pairs between two sets, of which one partner is among the first of its set."""
    for some, rest in ((ones, others[:MOST_EQUAL]), (ones[:MOST_EQUAL], others[MOST_EQUAL:])):
        yield np.stack([np.repeat(some, len(rest)), np.tile(rest, len(some))], axis=1)


def _each_once(pairs: Pairs, count: int) -> Pairs:
    """Return pairs of places below `count` in order, each once, the lower place first."""
    lower, higher = pairs.min(axis=1), pairs.max(axis=1)
    numbers = np.unique(lower * count + higher)
    return np.stack(np.divmod(numbers, count), axis=1) if count else pairs


def _no_pairs() -> Pairs:
    return np.zeros((0, 2), dtype=np.int64)
