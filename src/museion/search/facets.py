"""Facts about records in columns, in memory: a filter over a million of them takes milliseconds.

Filters give a `Selection`, exact, which every engine takes as `allowed`. The owner puts rows as
they change; a reader takes the `view` of the moment and sees all puts before it and none after.
Facets are derived and not kept on disk: their owner loads them again.

Letters: `N` records.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from museion.base.errors import InvalidInput
from museion.search import facet_columns
from museion.search.facet_columns import BLOCK, Column, Part, Value, WrongColumn
from museion.search.facet_view import Block, FacetView
from museion.search.facet_vocabulary import Vocabulary
from museion.search.selection import Numbers


class UnevenColumns(InvalidInput):
    """The columns of one load are not of equal length."""

    def __init__(self, column: str, expected: int, came: int) -> None:
        super().__init__(
            f"Expected {expected} values in column {column!r}, one a record; came {came}.",
            remedy="Give None for a record without a value.",
        )


class Facets:
    """The columns of some records; one thread puts, any number reads.

    Four to eight bytes a value and record, 24 for a point, 8 for each term.

    Example:
        >>> facets = Facets([Column("stars", "number"), Column("tags", "terms")])
        >>> facets.put({"a": {"stars": 5, "tags": ["sea"]}, "b": {"stars": 2}})
        >>> view = facets.view
        >>> (view.between("stars", 3, 5) & view.equals("tags", "Sea")).ids()
        ['a']
        >>> (~view.is_set("tags")).ids()
        ['b']
    """

    def __init__(self, columns: Iterable[Column], *, numbers: Numbers | None = None) -> None:
        self._columns = MappingProxyType({column.name: column for column in columns})
        self._vocabularies = MappingProxyType({name: Vocabulary() for name in self._columns})
        self._putting = threading.Lock()
        numbers = Numbers() if numbers is None else numbers
        self._view = FacetView(numbers, self._columns, self._vocabularies, ())

    @property
    def numbers(self) -> Numbers:
        """The numbers of its records; share them with an index so that selections fit at once."""
        return self._view.all.over

    @property
    def view(self) -> FacetView:
        """What is known now; it stays as it is while more is put."""
        return self._view

    def put(self, rows: Mapping[str, Mapping[str, Value]]) -> None:
        """Replace all that is known of some records, in one step; see `load` for many.

        Raises:
            WrongColumn: a column does not exist, or a value does not fit it; nothing was put.
        """
        given = {name for row in rows.values() for name in row}
        self.load(list(rows), {name: [row.get(name) for row in rows.values()] for name in given})

    def load(self, ids: Sequence[str], values: Mapping[str, Sequence[Value]]) -> None:
        """Replace all that is known of records, column by column, in one step.

        A column that is not given says nothing. Of an id that comes twice the last counts. A
        million records of ten columns take some seconds.

        Raises:
            WrongColumn: as for `put`.
            UnevenColumns: a column has not one value for each id; nothing was put.
        """
        for name, column_values in values.items():
            if name not in self._columns:
                raise WrongColumn(name, f"one of {', '.join(self._columns)}", "another name")
            if len(column_values) != len(ids):
                raise UnevenColumns(name, len(ids), len(column_values))
        with self._putting:
            none = [None] * len(ids)
            new = {
                name: facet_columns.encoded(
                    column, values.get(name, none), self._vocabularies[name]
                )
                for name, column in self._columns.items()
            }
            self._replace(self.numbers.add(ids), new, is_here=True)

    def remove(self, ids: Iterable[str]) -> None:
        """Forget records; unknown ids are passed over."""
        with self._putting:
            numbers = self.numbers.known(ids)
            new = {
                name: facet_columns.encoded(column, [None] * len(numbers), self._vocabularies[name])
                for name, column in self._columns.items()
            }
            self._replace(numbers, new, is_here=False)

    def _replace(
        self, numbers: NDArray[np.intp], new: Mapping[str, Part], *, is_here: bool
    ) -> None:
        if not len(numbers):
            return
        view = self._view
        blocks = list(view.blocks)
        while len(blocks) * BLOCK <= int(numbers.max()):
            blocks.append(self._empty_block())
        last = len(numbers) - 1 - np.unique(numbers[::-1], return_index=True)[1]
        chosen = np.sort(last)
        block_of = numbers[chosen] // BLOCK
        for each in np.unique(block_of).tolist():
            rows = chosen[block_of == each]
            blocks[each] = _changed(blocks[each], numbers[rows] % BLOCK, new, rows, is_here)
        self._view = FacetView(self.numbers, self._columns, self._vocabularies, tuple(blocks))

    def _empty_block(self) -> Block:
        parts = {
            name: facet_columns.empty_part(column.kind) for name, column in self._columns.items()
        }
        return Block(np.zeros(BLOCK, dtype=np.bool_), parts)


def _changed(
    block: Block,
    places: NDArray[np.intp],
    new: Mapping[str, Part],
    rows: NDArray[np.intp],
    is_here: bool,
) -> Block:
    here = block.is_here.copy()
    here[places] = is_here
    parts = {
        name: facet_columns.replaced(part, places, new[name], rows)
        for name, part in block.parts.items()
    }
    return Block(here, parts)
