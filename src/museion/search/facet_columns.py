"""The columns of `facets`: how values are held in blocks of records, and how a block is compared.

A block never changes; a put makes new blocks of those it touches. That is what lets readers go on
with the old ones.

Letters: `B` records in a block, `R` records of a put, `M` terms of either, `U` different ones.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from museion.base.errors import InvalidInput
from museion.search.facet_vocabulary import NO_CODE, Vocabulary
from museion.search.places import EARTH_RADIUS_KM
from museion.search.selection import Mask

BLOCK = 32_768
"""Records in a block: a put copies whole blocks, a comparison pays a little for each."""

Kind: TypeAlias = Literal["number", "code", "terms", "point"]
Value: TypeAlias = float | str | Collection[str] | tuple[float, float] | None
"""What a record says in a column; None where it says nothing."""


@dataclass(frozen=True, slots=True)
class Column:
    """One thing that is known of records.

    Attributes:
        name: unique among the columns of one `Facets`.
        kind: `number` (also for times and truth values), `code` (one text of a limited set),
            `terms` (any number of texts), or `point` (degrees north, degrees east).
    """

    name: str
    kind: Kind


class WrongColumn(InvalidInput):
    """A column does not exist, or cannot be compared that way."""

    def __init__(self, name: str, expected: str, came: str) -> None:
        super().__init__(
            f"Expected {expected} in column {name!r}; came {came}.",
            remedy="Use one of the columns that the facets were made with, as its kind allows.",
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """The places of each code, one code after the other.

    Attributes:
        codes: those that occur, ascending, [U].
        starts: where in `places` those of each code begin, and the end, [U + 1].
        places: [M].
        filled: which places have any term, [B].
    """

    codes: NDArray[np.int32]
    starts: NDArray[np.int64]
    places: NDArray[np.uint16]
    filled: Mask


@dataclass(frozen=True, slots=True)
class NewTerms:
    """The terms of a put: pairs of a record (ascending) and a code, [M] each."""

    rows: NDArray[np.int32]
    codes: NDArray[np.int32]


Part: TypeAlias = NDArray[np.generic] | Terms | NewTerms
"""What a block, or a put, holds of one column: an array whose last axis is the place, or terms."""


def empty_part(kind: Kind) -> Part:
    """Return what a block holds of a column before any record came."""
    match kind:
        case "number":
            return np.full(BLOCK, np.nan)
        case "code":
            return np.full(BLOCK, NO_CODE, dtype=np.int32)
        case "point":
            return np.full((3, BLOCK), np.nan)
        case "terms":
            return _terms(np.empty(0, dtype=np.uint16), np.empty(0, dtype=np.int32))


def encoded(column: Column, values: Sequence[Value], vocabulary: Vocabulary) -> Part:
    """Return the values [R] of a put as a part.

    Raises:
        WrongColumn: a value does not fit the kind of the column.
    """
    try:
        match column.kind:
            case "number":
                return np.array(values, dtype=np.float64)
            case "code":
                return vocabulary.add(cast("Sequence[str | None]", values))
            case "point":
                return _directions(cast("Sequence[tuple[float, float] | None]", values))
            case "terms":
                return _flat(cast("Sequence[Collection[str] | None]", values), vocabulary)
    except (TypeError, ValueError, AttributeError) as reason:
        raise WrongColumn(column.name, f"values of kind {column.kind}", str(reason)) from reason


def replaced(old: Part, places: NDArray[np.intp], new: Part, chosen: NDArray[np.intp]) -> Part:
    """Return a block's part after the records `chosen` (ascending) of a put came to `places`."""
    if isinstance(old, Terms):
        assert isinstance(new, NewTerms)
        return _replaced_terms(old, places, new, chosen)
    assert isinstance(old, np.ndarray)
    assert isinstance(new, np.ndarray)
    copy = old.copy()
    copy[..., places] = new[..., chosen]
    return copy


def _replaced_terms(
    old: Terms, places: NDArray[np.intp], new: NewTerms, chosen: NDArray[np.intp]
) -> Terms:
    first, last = int(chosen[0]), int(chosen[-1])
    place_of = np.full(last - first + 1, -1, dtype=np.int32)
    place_of[chosen - first] = places
    start, stop = np.searchsorted(new.rows, [first, last + 1])
    came = place_of[new.rows[start:stop] - first]
    added = np.flatnonzero(came >= 0)
    added = added[np.argsort(new.codes[start:stop][added], kind="stable")]
    gone = np.zeros(BLOCK, dtype=np.bool_)
    gone[places] = True
    stay = ~gone[old.places]
    return _terms(
        np.concatenate([old.places[stay], came[added].astype(np.uint16)]),
        np.concatenate([_code_of_each(old)[stay], new.codes[start:stop][added]]),
    )


def _terms(places: NDArray[np.uint16], codes: NDArray[np.int32]) -> Terms:
    # Two runs that are in order already: a stable sort only joins them.
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    begins = np.flatnonzero(np.diff(codes, prepend=-1))
    filled = np.zeros(BLOCK, dtype=np.bool_)
    filled[places] = True
    return Terms(codes[begins], np.append(begins, len(codes)), places[order], filled)


def _code_of_each(terms: Terms) -> NDArray[np.int32]:
    return np.repeat(terms.codes, np.diff(terms.starts))


def has_value(part: Part) -> Mask:
    """Return which places say something, [B]."""
    if isinstance(part, Terms):
        return part.filled
    values = cast("NDArray[np.float64]", part)
    if values.dtype == np.int32:
        return np.asarray(values >= 0)
    first = values if values.ndim == 1 else values[0]
    return np.asarray(first == first)  # noqa: PLR0124 (False for NaN)


def is_between(part: Part, low: float, high: float) -> Mask:
    """Return which numbers lie in [low, high], [B]."""
    values = cast("NDArray[np.float64]", part)
    return np.asarray((values >= low) & (values <= high))


def has_code(part: Part, code: int) -> Mask:
    """Return which places have a code, alone or among others, [B]."""
    if not isinstance(part, Terms):
        return np.asarray(cast("NDArray[np.int32]", part) == code)
    at = int(np.searchsorted(part.codes, code))
    if at == len(part.codes) or part.codes[at] != code:
        return _at(part.places[:0])
    return _at(part.places[part.starts[at] : part.starts[at + 1]])


def has_code_of(part: Part, table: Mask) -> Mask:
    """Return which places have a code for which `table` holds, [B]."""
    if isinstance(part, Terms):
        if not (fits := table[part.codes]).any():
            return _at(part.places[:0])
        return _at(part.places[np.repeat(fits, np.diff(part.starts))])
    codes = cast("NDArray[np.int32]", part)
    return table.take(codes, mode="wrap")  # -1, no text, is the last entry


def counts_at(part: Part, kept: Mask, count: int) -> NDArray[np.int64]:
    """Return how many of the places where `kept` [B] holds have each of `count` codes."""
    totals = np.zeros(count, dtype=np.int64)
    if isinstance(part, Terms):
        so_far = np.zeros(len(part.places) + 1, dtype=np.int32)
        np.cumsum(kept.take(part.places, mode="clip"), out=so_far[1:])
        totals[part.codes] = np.diff(so_far[part.starts])
        return totals
    codes = cast("NDArray[np.int32]", part)
    return np.bincount(np.where(kept, codes + 1, 0), minlength=count + 1)[1:]


def is_near(part: Part, direction: NDArray[np.float64], within_km: float) -> Mask:
    """Return which points lie within a distance along the surface of the earth, [B]."""
    points = cast("NDArray[np.float64]", part)
    # Not a matrix product: BLAS would wait for all processors. Good to a metre also close by.
    cosine = np.einsum("i,ij->j", direction, points)
    return np.asarray(cosine >= math.cos(min(within_km / EARTH_RADIUS_KM, math.pi)) - 1e-15)


def direction_of(latitude: float, longitude: float) -> NDArray[np.float64]:
    """Return the unit vector [3] from the middle of the earth to a point in degrees."""
    return _directions([(latitude, longitude)])[:, 0]


def _directions(points: Sequence[tuple[float, float] | None]) -> NDArray[np.float64]:
    pairs = [(math.nan, math.nan) if point is None else point for point in points]
    latitudes, longitudes = np.radians(np.array(pairs, dtype=np.float64).reshape(-1, 2)).T
    return np.stack(
        [
            np.cos(latitudes) * np.cos(longitudes),
            np.cos(latitudes) * np.sin(longitudes),
            np.sin(latitudes),
        ]
    )


def _flat(values: Sequence[Collection[str] | None], vocabulary: Vocabulary) -> NewTerms:
    if any(isinstance(value, str) for value in values):
        raise TypeError("a text where a list of texts was meant")
    lists = [() if value is None else tuple(dict.fromkeys(value)) for value in values]
    lengths = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
    codes = vocabulary.add(term for terms in lists for term in terms)
    return NewTerms(np.repeat(np.arange(len(lists), dtype=np.int32), lengths), codes)


def _at(places: NDArray[np.uint16]) -> Mask:
    mask = np.zeros(BLOCK, dtype=np.bool_)
    mask[places] = True
    return mask
