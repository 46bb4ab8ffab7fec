"""Facts about records as they were known at one moment: filters, order and counts.

Letters: `N` records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from museion.search import facet_columns
from museion.search.facet_columns import BLOCK, Column, Part, WrongColumn
from museion.search.facet_vocabulary import Vocabulary
from museion.search.selection import Mask, Numbers, Selection


@dataclass(frozen=True, slots=True)
class Block:
    """What is known of some records that follow each other; `is_here` tells who of them exists."""

    is_here: Mask
    parts: Mapping[str, Part]


class FacetView:
    """What was known at one moment; safe for any number of threads.

    All selections are within `all`, and so is what `~` makes of them. Texts are compared without
    regard to case and outer spaces.

    Attributes:
        all: every record.
    """

    def __init__(
        self,
        over: Numbers,
        columns: Mapping[str, Column],
        vocabularies: Mapping[str, Vocabulary],
        blocks: tuple[Block, ...],
    ) -> None:
        self.blocks = blocks
        self._columns = columns
        self._vocabularies = vocabularies
        self._universe = _joined([block.is_here for block in blocks])
        self.all = Selection(over, self._universe, universe=self._universe)

    def between(
        self, column: str, low: float | None = None, high: float | None = None
    ) -> Selection:
        """Return the records whose number lies in [low, high]; None is no bound.

        Raises:
            WrongColumn: it does not exist or holds no numbers.
        """
        self._checked(column, "number")
        bounds = (-np.inf if low is None else low, np.inf if high is None else high)
        return self._where(column, lambda part: facet_columns.is_between(part, *bounds))

    def equals(self, column: str, value: float | str) -> Selection:
        """Return the records that have a value: this number, this code, or this among their terms.

        Raises:
            WrongColumn: it does not exist, or holds no such values.
        """
        if not isinstance(value, str):
            return self.between(column, value, value)
        self._checked(column, "code", "terms")
        code = self._vocabularies[column].code(value)
        if code is None:
            return self._none()
        return self._where(column, lambda part: facet_columns.has_code(part, code))

    def has(self, column: str, values: Iterable[str]) -> Selection:
        """Return the records that have at least one of some texts."""
        found = self._none()
        for value in dict.fromkeys(values):
            found = found | self.equals(column, value)
        return found

    def contains(self, column: str, part: str) -> Selection:
        """Return the records with a text that contains `part`.

        Raises:
            WrongColumn: it does not exist or holds no texts.
        """
        self._checked(column, "code", "terms")
        return self._with(column, self._vocabularies[column].containing(part))

    def matching(self, column: str, fits: Callable[[str], bool]) -> Selection:
        """Return the records with a text (in lower case) that fits; asked once for each text.

        Raises:
            WrongColumn: it does not exist or holds no texts.
        """
        self._checked(column, "code", "terms")
        return self._with(column, self._vocabularies[column].matching(fits))

    def is_set(self, column: str) -> Selection:
        """Return the records that say anything in a column."""
        self._checked(column, "number", "code", "terms", "point")
        return self._where(column, facet_columns.has_value)

    def within_km(
        self, column: str, latitude: float, longitude: float, radius_km: float
    ) -> Selection:
        """Return the records within a distance of a point given in degrees.

        Raises:
            WrongColumn: it does not exist or holds no points.
        """
        self._checked(column, "point")
        middle = facet_columns.direction_of(latitude, longitude)
        return self._where(column, lambda part: facet_columns.is_near(part, middle, radius_km))

    def of(self, ids: Iterable[str]) -> Selection:
        """Return those of some ids that are records here."""
        over = self.all.over
        return Selection.of_numbers(over, over.known(ids)) & self.all

    def order(
        self,
        selection: Selection,
        by: str,
        *,
        descending: bool = False,
        offset: int = 0,
        limit: int | None = None,
    ) -> list[str]:
        """Return the ids of a selection ordered by a column of numbers or codes.

        Codes go alphabetically. Records without a value come last, also when descending. Equal ones
        keep the order in which their ids first came. With a limit, O(N) and no sorting of the rest.

        Raises:
            WrongColumn: it does not exist or has no order.
        """
        self._checked(by, "number", "code")
        numbers = (selection & self.all).numbers()
        keys = self._keys(by)[numbers]
        keys = np.where(np.isnan(keys), np.inf, -keys if descending else keys)
        stop = len(keys) if limit is None else min(len(keys), offset + limit)
        if 0 < stop < len(keys):
            near = np.flatnonzero(keys <= np.partition(keys, stop - 1)[stop - 1])
            numbers, keys = numbers[near], keys[near]
        ordered = numbers[np.argsort(keys, kind="stable")][offset:stop]
        return self.all.over.ids_of(ordered.tolist())

    def counts(
        self, column: str, selection: Selection | None = None, *, limit: int | None = None
    ) -> dict[str, int]:
        """Return how many records have each text, most first, equal ones alphabetically.

        Raises:
            WrongColumn: it does not exist or holds no texts.
        """
        self._checked(column, "code", "terms")
        vocabulary = self._vocabularies[column]
        totals = np.zeros(len(vocabulary), dtype=np.int64)
        kept = (self.all if selection is None else selection).mask(len(self._universe))
        for start, block in enumerate(self.blocks):
            some = kept[start * BLOCK : (start + 1) * BLOCK]
            totals += facet_columns.counts_at(block.parts[column], some, len(totals))
        codes = np.flatnonzero(totals)
        if limit is not None and 0 < limit < len(codes):
            codes = codes[totals[codes] >= np.partition(totals[codes], -limit)[-limit]]
        found = [(vocabulary.text(code), int(totals[code])) for code in codes.tolist()]
        found.sort(key=lambda pair: (-pair[1], pair[0].casefold()))
        return dict(found[:limit])

    def numbers_in(self, column: str, selection: Selection) -> NDArray[np.float64]:
        """Return the number of each record of a selection here, ascending by
        its numbers; NaN where it has none.

        Raises:
            WrongColumn: it does not exist or holds no numbers.
        """
        self._checked(column, "number")
        return self._keys(column)[(selection & self.all).numbers()]

    def _keys(self, column: str) -> NDArray[np.float64]:
        parts = [cast("NDArray[np.float64]", block.parts[column]) for block in self.blocks]
        if not parts:
            return np.empty(0)
        joined = np.concatenate(parts)
        if self._columns[column].kind == "number":
            return joined
        ranks = self._vocabularies[column].ranks()
        return ranks[joined.astype(np.intp)]

    def _with(self, column: str, table: Mask) -> Selection:
        return self._where(column, lambda part: facet_columns.has_code_of(part, table))

    def _where(self, column: str, holds: Callable[[Part], Mask]) -> Selection:
        return self._selection(_joined([holds(block.parts[column]) for block in self.blocks]))

    def _none(self) -> Selection:
        return self._selection(np.zeros(len(self._universe), dtype=np.bool_))

    def _selection(self, mask: Mask) -> Selection:
        return Selection(self.all.over, mask, universe=self._universe)

    def _checked(self, column: str, *kinds: str) -> None:
        found = self._columns.get(column)
        if found is None:
            raise WrongColumn(column, f"one of {', '.join(self._columns)}", "another name")
        if found.kind not in kinds:
            raise WrongColumn(column, " or ".join(kinds), found.kind)


def _joined(masks: Sequence[Mask]) -> Mask:
    return np.concatenate(masks) if masks else np.zeros(0, dtype=np.bool_)
