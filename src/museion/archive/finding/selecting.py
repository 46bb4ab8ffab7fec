"""What a query allows: the assets that its filters, groups, phrases and exclusions leave.

All of these hold exactly, for every hit. What texts say is answered by the lexical index, other
filters by the facets in memory where these cover them, and the rest by the catalog.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from functools import reduce
from operator import and_, or_

from museion.archive.catalog.conditions import (
    Condition,
    all_of,
    among,
    among_rows,
    check_count,
    condition_of,
    negated,
)
from museion.archive.catalog.reader import Catalog
from museion.archive.finding.facet_filters import selected
from museion.archive.finding.facets import AssetFacets
from museion.archive.finding.said import said
from museion.search.filters import (
    CameraFilter,
    FieldFilter,
    Filter,
    NamedPlaceFilter,
    PersonFilter,
    PlaceFilter,
    RightsFilter,
)
from museion.search.lexical import LexicalIndex
from museion.search.query import AllOf, AnyOf, Not, Operand, Phrase, Query, Word
from museion.search.selection import Selection

_COSTLY = (
    *(CameraFilter, FieldFilter, NamedPlaceFilter, PersonFilter, PlaceFilter),
    RightsFilter,
)
"""Filters for which the catalog does more than compare a number or look into an index."""


class Selector:
    """Answers from one archive what queries allow; safe to use from several threads."""

    def __init__(self, catalog: Catalog, lexical: LexicalIndex, facets: AssetFacets) -> None:
        self._catalog = catalog
        self._lexical = lexical
        self._facets = facets

    def allowed(self, query: Query, *, born_by: int | None = None) -> Selection | None:
        """Return the only assets that may be hits, None for all that screens list.

        Args:
            query: of which everything but the text and the pictures is looked at.
            born_by: row number of the catalog: assets that came later are left out.

        Raises:
            TooManyFilters: more filters stand in the query than anybody types.
        """
        _check_counts(query)
        parts = [*map(self._filter, query.filters), *self._words(query)]
        if born_by is not None:
            parts.append(self._born(born_by))
        return reduce(and_, parts) & self.everything() if parts else None

    def listed(self, query: Query, *, but: Set[str] = frozenset()) -> Condition:
        """Return what all assets fulfil with which a query of conditions alone is answered.

        Args:
            query: of which the text and the pictures are not looked at, nor what must not be seen.
            but: ids of assets that are left out as well.

        Raises:
            TooManyFilters: as `allowed`.
        """
        _check_counts(query)
        conditions = [self._listed(each) for each in query.filters]
        conditions += [self._among(self._group(each)) for each in query.groups]
        conditions += [self._among(self._containing(each)) for each in query.phrases]
        if query.excluded:
            conditions.append(negated(self._among(self.naming(query.excluded))))
        if but:
            conditions.append(negated(among(but)))
        return all_of(conditions)

    def naming(self, words: Iterable[str]) -> Selection:
        """Return the assets that say one of some words or phrases, in any inflection."""
        found = (self._containing(each, inflected=True) for each in words)
        return reduce(or_, found, Selection.of(self._facets.numbers, ()))

    def _words(self, query: Query) -> list[Selection]:
        """Return what each part leaves that is answered from the lexical index."""
        parts = [self._containing(phrase) for phrase in query.phrases]
        parts += [self._group(group) for group in query.groups]
        if query.excluded:
            parts.append(self.everything() - self.naming(query.excluded))
        return parts

    def _group(self, operand: Operand) -> Selection:
        match operand:
            case Word(text):
                return self._containing(text, inflected=True)
            case Phrase(text):
                return self._containing(text)
            case AllOf(operands):
                return reduce(and_, map(self._group, operands))
            case AnyOf(operands):
                return reduce(or_, map(self._group, operands))
            case Not(inner):
                return self.everything() - self._group(inner)
            case filter_:
                return self._filter(filter_)

    def _filter(self, filter_: Filter) -> Selection:
        found = self._at_once(filter_)
        return self._by_catalog(condition_of(filter_)) if found is None else found

    def _listed(self, filter_: Filter) -> Condition:
        saying = said(self._lexical, filter_, self._facets.numbers)
        if saying is not None:
            condition = self._among(saying)
            return negated(condition) if filter_.negated else condition
        found = self._at_once(filter_) if isinstance(filter_, _COSTLY) else None
        return condition_of(filter_) if found is None else self._among(found)

    def _at_once(self, filter_: Filter) -> Selection | None:
        """Return what a filter leaves, None where only the catalog can tell."""
        found = said(self._lexical, filter_, self._facets.numbers)
        if found is not None:
            return self.everything() - found if filter_.negated else found
        view = self._facets.view
        return None if view is None else selected(view, filter_)

    def _among(self, selection: Selection) -> Condition:
        """Return the condition that an asset that screens list is one of a selection."""
        view = self._facets.view
        if view is None:
            return among(selection.ids())
        chosen, others = (
            view.numbers_in("born", some).astype(int).tolist()
            for some in (selection, view.all - selection)
        )
        return among_rows(chosen, others=others)

    def _born(self, by: int) -> Selection:
        view = self._facets.view
        if view is None:
            return self._by_catalog(Condition("nr <= ?", (by,)))
        return view.between("born", None, by)

    def everything(self) -> Selection:
        """Return all assets that screens list."""
        view = self._facets.view
        return self._by_catalog(Condition("1", ())) if view is None else view.all

    def _by_catalog(self, condition: Condition) -> Selection:
        return self._of(self._catalog.ids(condition))

    def _containing(self, phrase: str, *, inflected: bool = False) -> Selection:
        return self._lexical.select_containing(phrase, self._facets.numbers, inflected=inflected)

    def _of(self, ids: Iterable[str] | Sequence[str]) -> Selection:
        return Selection.of(self._facets.numbers, ids)


def _check_counts(query: Query) -> None:
    check_count(len(query.filters))
    for group in query.groups:
        _check_operands(group)


def _check_operands(operand: Operand) -> None:
    match operand:
        case AllOf(operands) | AnyOf(operands):
            check_count(len(operands))
            for each in operands:
                _check_operands(each)
        case Not(inner):
            _check_operands(inner)
