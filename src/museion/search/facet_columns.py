"""The columns of `facets`: how values are held in blocks of records, and how a block is compared.

A block never changes; a put makes new blocks of those it touches. That is what lets readers go on
with the old ones.

Letters: `B` records in a block, `R` records of a put, `M` terms of a block.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from museion.base.errors import InvalidInput
from museion.search.places import EARTH_RADIUS_KM
from museion.search.selection import Mask

BLOCK = 32_768
"""Records in a block: a put copies whole blocks, a comparison pays a little for each."""

Kind: TypeAlias = Literal["number", "code", "terms", "point"]
Value: TypeAlias = float | str | Collection[str] | tuple[float, float] | None
"""What a record says in a column; None where it says nothing."""

_NO_CODE = -1
_VALUES_A_TEXT = 1024


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


class Vocabulary:
    """The texts of one column and their codes; texts that differ in case or outer spaces are one.

    Append only, safe for any number of threads. The spelling that came first is shown.
    """

    def __init__(self) -> None:
        self._code_of: dict[str, int] = {}
        self._folded: list[str] = []
        self._texts: list[str] = []
        self._joined: list[str] = []
        self._growing = threading.Lock()

    def __len__(self) -> int:
        return len(self._code_of)

    def text(self, code: int) -> str:
        """Return the text of a code."""
        return self._texts[code]

    def code(self, text: str) -> int | None:
        """Return the code of a text, or None if no record ever had it."""
        return self._code_of.get(_folded(text))

    def add(self, texts: Iterable[str | None]) -> NDArray[np.int32]:
        """Return the code of each text, -1 for None; new texts get the next ones."""
        with self._growing:
            seen: dict[str | None, int] = {None: _NO_CODE}
            return np.fromiter((self._given(text, seen) for text in texts), dtype=np.int32)

    def matching(self, fits: Callable[[str], bool]) -> Mask:
        """Return a table of whether a text fits, by code; its last entry, for no text, is False."""
        folded = self._folded[: len(self)]
        return np.array([*map(fits, folded), False], dtype=np.bool_)

    def containing(self, part: str) -> Mask:
        """Return a table like `matching` of the texts that contain `part`, without regard to case.

        Where few texts fit, the others are passed over a thousand at a time.
        """
        part, count = _folded(part), len(self)
        table = np.zeros(count + 1, dtype=np.bool_)
        for start, joined in enumerate(self._texts_joined(count)):
            if part in joined:
                first = start * _VALUES_A_TEXT
                some = self._folded[first : min(first + _VALUES_A_TEXT, count)]
                table[first : first + len(some)] = [part in text for text in some]
        return table

    def ranks(self) -> NDArray[np.float64]:
        """Return the alphabetical rank of each code; the last entry, for no text, is NaN."""
        folded = self._folded[: len(self)]
        ranks = np.full(len(folded) + 1, np.nan)
        ranks[sorted(range(len(folded)), key=folded.__getitem__)] = np.arange(len(folded))
        return ranks

    def _given(self, text: str | None, seen: dict[str | None, int]) -> int:
        if (code := seen.get(text)) is not None:
            return code
        assert text is not None
        folded = _folded(text)
        code = self._code_of.get(folded)
        if code is None:
            code = len(self._folded)
            self._texts.append(text)
            self._folded.append(folded)
            self._code_of[folded] = code  # last: what has a code can be read
        seen[text] = code
        return code

    def _texts_joined(self, count: int) -> list[str]:
        with self._growing:
            for full in range(len(self._joined), count // _VALUES_A_TEXT):
                first = full * _VALUES_A_TEXT
                self._joined.append("\n".join(self._folded[first : first + _VALUES_A_TEXT]))
            joined = self._joined[: count // _VALUES_A_TEXT]
        return [*joined, "\n".join(self._folded[len(joined) * _VALUES_A_TEXT : count])]


@dataclass(frozen=True, slots=True)
class Terms:
    """Pairs of a place and a code, [M] each, in no order."""

    places: NDArray[np.int32]
    codes: NDArray[np.int32]


Part: TypeAlias = NDArray[np.generic] | Terms
"""What a block, or a put, holds of one column: an array whose last axis is the place, or terms."""


def empty_part(kind: Kind) -> Part:
    """Return what a block holds of a column before any record came."""
    match kind:
        case "number":
            return np.full(BLOCK, np.nan)
        case "code":
            return np.full(BLOCK, _NO_CODE, dtype=np.int32)
        case "point":
            return np.full((3, BLOCK), np.nan)
        case "terms":
            return Terms(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32))


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
        assert isinstance(new, Terms)
        return _replaced_terms(old, places, new, chosen)
    assert not isinstance(new, Terms)
    copy = old.copy()
    copy[..., places] = new[..., chosen]
    return copy


def _replaced_terms(
    old: Terms, places: NDArray[np.intp], new: Terms, chosen: NDArray[np.intp]
) -> Terms:
    first, last = int(chosen[0]), int(chosen[-1])
    place_of = np.full(last - first + 1, -1, dtype=np.int32)
    place_of[chosen - first] = places
    start, stop = np.searchsorted(new.places, [first, last + 1])
    came = place_of[new.places[start:stop] - first]
    gone = np.zeros(BLOCK, dtype=np.bool_)
    gone[places] = True
    stay = ~gone[old.places]
    return Terms(
        np.concatenate([old.places[stay], came[came >= 0]]),
        np.concatenate([old.codes[stay], new.codes[start:stop][came >= 0]]),
    )


def has_value(part: Part) -> Mask:
    """Return which places say something, [B]."""
    if isinstance(part, Terms):
        return _at(part.places)
    if part.dtype == np.int32:
        return np.asarray(cast("NDArray[np.int32]", part) >= 0)
    first = part if part.ndim == 1 else part[0]
    return np.asarray(first == first)  # noqa: PLR0124 (False for NaN)


def is_between(part: Part, low: float, high: float) -> Mask:
    """Return which numbers lie in [low, high], [B]."""
    values = cast("NDArray[np.float64]", part)
    return np.asarray((values >= low) & (values <= high))


def has_code(part: Part, code: int) -> Mask:
    """Return which places have a code, alone or among others, [B]."""
    if isinstance(part, Terms):
        return _at(part.places[part.codes == code])
    return np.asarray(part == code)


def has_code_of(part: Part, table: Mask) -> Mask:
    """Return which places have a code for which `table` holds, [B]."""
    if isinstance(part, Terms):
        return _at(part.places[table[part.codes]])
    return table[cast("NDArray[np.int32]", part)]


def codes_at(part: Part, kept: Mask) -> NDArray[np.int32]:
    """Return the codes at the places where `kept` [B] holds, with repeats."""
    if isinstance(part, Terms):
        return part.codes[kept[part.places]]
    codes = cast("NDArray[np.int32]", part)[kept]
    return codes[codes >= 0]


def is_near(part: Part, direction: NDArray[np.float64], within_km: float) -> Mask:
    """Return which points lie within a distance along the surface of the earth, [B]."""
    x, y, z = cast("NDArray[np.float64]", part)
    chord = 2 * math.sin(min(within_km / EARTH_RADIUS_KM, math.pi) / 2)
    squared = (x - direction[0]) ** 2
    squared += (y - direction[1]) ** 2
    squared += (z - direction[2]) ** 2
    return np.asarray(squared <= chord * chord)


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


def _flat(values: Sequence[Collection[str] | None], vocabulary: Vocabulary) -> Terms:
    if any(isinstance(value, str) for value in values):
        raise TypeError("a text where a list of texts was meant")
    lists = [() if value is None else tuple(dict.fromkeys(value)) for value in values]
    lengths = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
    codes = vocabulary.add(term for terms in lists for term in terms)
    return Terms(np.repeat(np.arange(len(lists), dtype=np.int32), lengths), codes)


def _folded(text: str) -> str:
    return text.strip().casefold()


def _at(places: NDArray[np.int32]) -> Mask:
    mask = np.zeros(BLOCK, dtype=np.bool_)
    mask[places] = True
    return mask
