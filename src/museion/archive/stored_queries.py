"""Collections whose members are what a query finds, each time someone opens them.

A query of conditions alone (filters, phrases, groups) finds all that fulfil them, in display order;
one with words finds its hits, the best first, up to a bound. `last week` is counted from the day on
which the collection is opened. Nobody sees more than a search would show.
"""

from __future__ import annotations

from collections.abc import Sequence

from museion.archive.asset import AssetId
from museion.archive.catalog.reader import Catalog
from museion.archive.catalog.records import AssetSummary
from museion.archive.collecting import MOST_MEMBERS_AT_ONCE, BadCollection
from museion.archive.finding.ranker import Asking
from museion.archive.named_queries import with_named_queries
from museion.archive.searching import Searcher
from museion.base.errors import Conflict

MOST_FOUND = 500
"""The end of what a query with words finds: further down, hits have little to do with it."""

_ALL_OF_THEM = Asking(collapses=False)


class TooManyToKeep(Conflict):
    """A query finds more than can be kept as members."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"The query finds {count} assets; at most {MOST_MEMBERS_AT_ONCE} can be kept as"
            " members.",
            remedy="Narrow the query first.",
        )


class StoredQueries:
    """Answers the queries of collections. Blocks; safe to use from several threads."""

    def __init__(self, catalog: Catalog, searcher: Searcher) -> None:
        self._catalog = catalog
        self._searcher = searcher

    def check(self, query: str) -> None:
        """Refuse what cannot be the query of a collection.

        Raises:
            BadCollection: nothing is asked for.
            BadFilter: a filter has a value that it does not take.
            NestedQuery: it asks for a collection that has a query itself.
        """
        understood = self._searcher.parse(query)
        if not understood.parts:
            raise BadCollection("a query", query)
        with_named_queries(understood, self._named, self._searcher.parse, is_stored=True)

    def page(self, query: str, *, offset: int, limit: int) -> tuple[int, Sequence[AssetSummary]]:
        """Return how many assets a query finds, and a stretch of them.

        Raises:
            BadFilter, NestedQuery: as `check`; the archive may have changed since.
            UnknownAsset, NotEnrichedYet, NotComparable: what `like:` names cannot be compared.
        """
        understood = self._searcher.parse(query)
        with_named_queries(understood, self._named, self._searcher.parse, is_stored=True)
        if not (understood.text.strip() or understood.likes):
            condition = self._searcher.listed(query)
            found = self._catalog.page(offset=offset, limit=limit, condition=condition)
            return self._catalog.count(condition), found
        # Always as deep, so that every page is cut from the same ranking.
        answer = self._searcher.search(query, limit=MOST_FOUND, asking=_ALL_OF_THEM)
        assets = [hit.asset for hit in answer.hits]
        return len(assets), assets[offset : offset + limit]

    def all(self, query: str) -> list[AssetId]:
        """Return all that a query finds, to be kept as members.

        Raises:
            TooManyToKeep: it finds more than can be put in at once.
            InvalidInput, NotFound, Conflict: as `page`.
        """
        count, found = self.page(query, offset=0, limit=MOST_MEMBERS_AT_ONCE)
        if count > MOST_MEMBERS_AT_ONCE:
            raise TooManyToKeep(count)
        return [asset.id for asset in found]

    def _named(self, name: str) -> list[str]:
        return self._catalog.collections.queries(name)
