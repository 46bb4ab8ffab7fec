"""What `collection:NAME` means where the members of that collection are what a query finds.

A query of conditions stands in the place of the filter, so that it holds as exactly as any other. A
query with words ranks, it does not say of each asset whether it belongs; so it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from museion.base.errors import InvalidInput
from museion.search.query import (
    AllOf,
    AnyOf,
    CollectionFilter,
    Meaning,
    Not,
    Operand,
    Part,
    Phrase,
    Query,
    Text,
    Word,
)

Named = Callable[[str], Sequence[str]]
"""Returns the queries of the collections of a name that have one."""
Parse = Callable[[str], Query]


class QueryHasWords(InvalidInput):
    """A filter names a collection whose query ranks."""

    def __init__(self, name: str, query: str) -> None:
        super().__init__(
            f"The collection {name!r} is what {query!r} finds. Words and pictures rank, so it"
            " cannot be a filter.",
            remedy="Open the collection; or let it keep its present members, with `museion"
            " collections change ID --no-query`.",
        )


class NestedQuery(InvalidInput):
    """The query of a collection asks for a collection that has a query itself."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The collection {name!r} is what a query finds, so the query of another collection"
            " cannot ask for it.",
            remedy="Write out what its query asks for.",
        )


def with_named_queries(
    query: Query, named: Named, parse: Parse, *, is_stored: bool = False
) -> Query:
    """Return a query in which the conditions of collections stand in place of their names.

    Args:
        query: as it was understood.
        named: tells the queries of collections.
        parse: understands them.
        is_stored: the query is that of a collection.

    Raises:
        QueryHasWords: a filter names a collection whose query ranks. Where plain words were taken
            for its name, they are words again instead.
        NestedQuery: a collection's query asks for a collection that has one.
        BadFilter: the query of a collection cannot be understood any more.
    """
    if not any(map(_names_collections, (part.meaning for part in query.parts))):
        return query
    putting = _Putting(named, parse, is_stored=is_stored)
    return replace(query, parts=tuple(map(putting.in_part, query.parts)))


class _Putting:
    """Puts conditions in the place of names."""

    def __init__(self, named: Named, parse: Parse, *, is_stored: bool) -> None:
        self._named = named
        self._parse = parse
        self._is_stored = is_stored

    def in_part(self, part: Part) -> Part:
        if not _names_collections(part.meaning):
            return part
        try:
            return replace(part, meaning=self._of(part.meaning))  # type: ignore[arg-type]  # what names collections is an operand
        except (QueryHasWords, NestedQuery):
            if part.in_words:
                return Part(Text(part.typed), part.typed)
            raise

    def _of(self, operand: Operand) -> Operand:
        match operand:
            case AllOf() | AnyOf():
                return self._group(operand)
            case Not(AllOf() | AnyOf() as group):
                return Not(self._group(group))
            case CollectionFilter(name=name):
                return self._collection(operand, name)
            case _:
                return operand

    def _group(self, group: AllOf | AnyOf) -> AllOf | AnyOf:
        return replace(group, operands=tuple(map(self._of, group.operands)))

    def _collection(self, filter_: CollectionFilter, name: str) -> Operand:
        queries = self._named(name)
        if not queries:
            return filter_
        if self._is_stored:
            raise NestedQuery(name)
        # Twice denied: what stands in there narrows, but is not looked for as words.
        found = [Not(AllOf((Not(self._conditions(name, each)),))) for each in queries]
        either = AnyOf((replace(filter_, negated=False), *found))
        return Not(either) if filter_.negated else either

    def _conditions(self, name: str, text: str) -> AllOf:
        query = self._parse(text)
        if query.text.strip() or query.likes or query.without:
            raise QueryHasWords(name, text)
        for part in query.parts:
            if _names_collections(part.meaning):
                with_named_queries(query, self._named, self._parse, is_stored=True)
        operands: list[Operand] = [*query.filters, *query.groups]
        operands += [Phrase(each) for each in query.phrases]
        operands += [Not(Word(each)) for each in query.excluded]
        return AllOf(tuple(operands))


def _names_collections(meaning: Meaning | Operand) -> bool:
    match meaning:
        case AllOf(operands) | AnyOf(operands):
            return any(map(_names_collections, operands))
        case Not(inner):
            return _names_collections(inner)
        case _:
            return isinstance(meaning, CollectionFilter)
