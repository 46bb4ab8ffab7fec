"""Step 9 of the path of a photo: someone asks, in words, by filters, or by a picture.

Words are looked for in the lexical index and, by their meaning, in the vector index; the two
rankings are fused, cut where nothing fits any more, and what looks the same is collapsed. Filters,
groups, phrases and exclusions hold exactly, for every hit.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from museion.archive.asset import AssetId
from museion.archive.calibrating import Calibrator
from museion.archive.catalog.conditions import Condition, all_of
from museion.archive.catalog.errors import CatalogClosed
from museion.archive.catalog.reader import Catalog
from museion.archive.explaining import Evidence, explain
from museion.archive.finding.answers import Answer, Hit
from museion.archive.finding.facets import AssetFacets
from museion.archive.finding.hits import corrections, hits_of
from museion.archive.finding.kept_rankings import KeptRanking, KeptRankings, born_by_of
from museion.archive.finding.ranker import DEFAULT_ASKING, Asking, Question, Ranker
from museion.archive.finding.ranking import Ranked, Target, fused_ranking, rank_by_nearness
from museion.archive.finding.selecting import Selector
from museion.archive.finding.targets import NotComparable, NotEnrichedYet, vector_of
from museion.archive.finding.unwanted import Unwanted
from museion.archive.generations import Generation
from museion.archive.indexing import Indexes
from museion.archive.known_values import CatalogNames
from museion.archive.named_queries import with_named_queries
from museion.models.checkpoint import Checkpoint
from museion.search.fusion import DEFAULT_SETTINGS, FusionSettings
from museion.search.query import Query, parse_query
from museion.search.vector_index import Embedding

__all__ = [
    "DEFAULT_ASKING",
    "Answer",
    "Asking",
    "Hit",
    "NotComparable",
    "NotEnrichedYet",
    "Searcher",
]

_CANDIDATES = 200
"""How many each signal offers to fusion; more only for who pages further through a ranking."""
_MOST_CANDIDATES = 10_000
"""The end of every ranking: an engine sets memory aside for each hit that it is asked for."""


class Searcher:
    """Answers queries from the catalog and the indexes; safe to use from several threads.

    Each question is answered from one generation, though another may take its place meanwhile.

    Args:
        fusion: how much each signal counts where a question does not say it.

    Attributes:
        facets: tell them of every asset that changes.
        names: that the archive has, None where queries are understood without.
    """

    def __init__(
        self,
        catalog: Catalog,
        indexes: Indexes,
        *,
        names: CatalogNames | None = None,
        fusion: FusionSettings = DEFAULT_SETTINGS,
    ) -> None:
        self._catalog = catalog
        self._indexes = indexes
        self.names = names
        self.facets = AssetFacets(catalog, indexes.numbers)
        self._selector = Selector(catalog, indexes.lexical, self.facets)
        self._calibrator = Calibrator(catalog.finding.ids, indexes.folder / "calibration")
        self._unwanted = Unwanted(self._selector, hidden=catalog.hidden_ids)
        self._ranker = Ranker(
            catalog,
            indexes.lexical,
            self._selector,
            self._unwanted,
            self._calibrator,
            fusion=fusion,
        )
        self._kept: KeptRankings[Ranked] = KeptRankings()

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint whose space is searched now."""
        return self._indexes.generation.checkpoint

    @property
    def generation(self) -> Generation:
        """The generation that is searched now."""
        return self._indexes.generation

    def warm_up(self) -> None:
        """Load in the background what the first query would wait for."""
        # No daemon: a process that ends while a thread builds a session is aborted by the library.
        threading.Thread(target=self._warm_up, name="warm-up").start()

    def parse(self, text: str) -> Query:
        """Return what someone typed as it is understood here, with the names that the archive has.

        Raises:
            BadFilter: a filter has a value that it does not take.
        """
        return parse_query(text.encode("utf-8", "replace").decode(), known=self.names)

    def listed(self, text: str) -> Condition:
        """Return what the assets fulfil that a query of conditions lists, in display order.

        Words of the query are passed over. Raises as `search`.
        """
        return self._condition(self.parse(text))

    def search(
        self,
        text: str,
        *,
        limit: int,
        offset: int = 0,
        token: str = "",
        asking: Asking = DEFAULT_ASKING,
        picture: Embedding | None = None,
    ) -> Answer:
        """Return the hits for what someone typed, from `offset` on.

        Args:
            text: words, filters and all else that `museion.search.query` knows.
            limit: how many at most.
            offset: how many to pass over.
            token: of an earlier answer to the same question, to go on in its ranking.
            asking: how.
            picture: an embedding in the space that is searched; hits shall look like it, too.

        Raises:
            BadFilter: a filter has a value that it does not take.
            TooManyFilters: there are more than anybody types.
            BadToken: the token is none.
            UnknownAsset: there is no asset as named by `like:`, or this site may not read it.
            NotEnrichedYet, NotComparable: as `similar`.
        """
        started = time.perf_counter()
        query = self.parse(text)
        if not (query.semantic_text.strip() or query.likes or picture is not None):
            return self._listed(query, limit, offset, token, started)
        meant = self._without_names(query)
        question = Question(meant, asking, self._indexes.generation, picture)
        kept = self._kept_ranking(text, question, token)
        self._reach(kept, question, end=offset + limit)
        return Answer(
            query=query,
            total=len(kept.hits),
            took_ms=_ms_since(started),
            hits=hits_of(self._catalog, query, kept.hits[offset : offset + limit]),
            strong=sum(1 for each in kept.hits if each.strength != "weak"),
            token=kept.token,
            corrected=corrections(kept.hits),
        )

    def similar(self, asset_id: AssetId, *, limit: int) -> Answer:
        """Return the assets that look like an asset, nearest first, without itself.

        Raises:
            UnknownAsset: there is no such asset, or this site may not read it.
            NotEnrichedYet: its picture has no embedding yet.
            NotComparable: it has one, but of another embedding space.
        """
        generation = self._indexes.generation
        vector = vector_of(self._catalog, asset_id, generation)
        return self.nearest(vector, generation, limit=limit, but=asset_id)

    def nearest(
        self, vector: Embedding, generation: Generation, *, limit: int, but: str | None = None
    ) -> Answer:
        """Return the assets whose picture is nearest to an embedding, without the asset `but`.

        Args:
            vector: an embedding of
            generation: which is searched.
            limit: how many at most.
            but: id of an asset that is left out.
        """
        started = time.perf_counter()
        hidden = self._catalog.hidden_ids() | {but}
        target = Target(vector, is_picture=True)
        near = rank_by_nearness(generation, target, None, depth=limit + len(hidden))
        found = fused_ranking((), near, None, is_picture=True)
        kept = [each for each in found if each.id not in hidden][:limit]
        hits = hits_of(self._catalog, Query(), kept)
        return Answer(query=Query(), total=len(hits), took_ms=_ms_since(started), hits=hits)

    def _listed(self, query: Query, limit: int, offset: int, token: str, started: float) -> Answer:
        """Answer a query of conditions alone, in display order, without what came after a token."""
        born_by = born_by_of(token) if token else self._catalog.finding.last_nr()
        condition = all_of((self._condition(query), Condition("nr <= ?", (born_by,))))
        page = self._catalog.page(offset=offset, limit=limit, condition=condition)
        why = explain(query, Evidence(unseen=query.without))
        hits = [Hit(asset, 0.0, {}, why) for asset in page]
        total = self._catalog.count(condition)
        return Answer(
            query=query,
            total=total,
            took_ms=_ms_since(started),
            hits=hits,
            token=token or f"{born_by}-listed",
        )

    def _condition(self, query: Query) -> Condition:
        unwanted = self._unwanted.showing(query.without, self._indexes.generation)
        return self._selector.listed(self._without_names(query), but=unwanted)

    def _without_names(self, query: Query) -> Query:
        """Return a query with the conditions of collections that are queries in place of names."""
        return with_named_queries(query, self._catalog.collections.queries, self.parse)

    def _kept_ranking(self, text: str, question: Question, token: str) -> KeptRanking[Ranked]:
        look = None if question.picture is None else question.picture.tobytes()
        asked = (text, question.asking, question.generation.space.id, look)
        if token:
            return self._kept.find(token, asked)
        return self._kept.begin(asked, self._catalog.finding.last_nr())

    def _reach(self, kept: KeptRanking[Ranked], question: Question, *, end: int) -> None:
        """Rank as deeply as a page needs that ends at `end`; what was told before stays first."""
        depth = min(max(_CANDIDATES, 2 * end), _MOST_CANDIDATES)
        with kept.growing:
            if kept.depth and (len(kept.hits) >= end or kept.depth >= depth):
                return
            born_by = kept.born_by if kept.is_continued else None
            deeper = self._ranker.rank(question, depth=depth, born_by=born_by)
            known = {each for hit in kept.hits for each in (hit.id, *hit.alike)}
            kept.hits = [*kept.hits, *(each for each in deeper if each.id not in known)]
            kept.depth, kept.is_continued = depth, True

    def _warm_up(self) -> None:
        generation = self._indexes.generation
        generation.text_tower()
        with suppress(CatalogClosed):  # the site was closed before it was warm
            self.facets.load()
            self._calibrator.warm_up(generation)


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
