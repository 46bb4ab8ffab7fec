"""Step 9 of the path of a photo: someone asks, in words, by filters, or by a picture.

Words are looked for in the lexical index and, by their meaning, in the vector index; the two
rankings are fused. Filters, phrases and exclusions hold exactly, for every hit.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence, Set

import msgspec

from museion.archive.asset import AssetId
from museion.archive.catalog.conditions import Condition, all_of, condition_of
from museion.archive.catalog.reader import Catalog
from museion.archive.catalog.records import AssetSummary
from museion.archive.explaining import Reason, filter_reasons, reasons
from museion.archive.generations import Generation
from museion.archive.indexing import Indexes
from museion.base.errors import Conflict
from museion.models.checkpoint import Checkpoint
from museion.search.fusion import Background, Fused, by_similarity, by_words, fuse_ranks
from museion.search.query import Query, parse_query
from museion.search.vector_index import Embedding, Neighbour

_CANDIDATES = 500
"""How many each signal offers to fusion; more only for who pages further through a ranking."""
_MOST_CANDIDATES = 10_000
"""The end of every ranking: an engine sets memory aside for each hit that it is asked for."""
_WEAK_Z = 1.5
"""Pictures no further above the background than this many deviations are no hits.

Chosen by hand, not calibrated: were unrelated similarities normal, one in fifteen would lie above
it. Of true pairs of the dev split one in ten lies below 2.0; how many below 1.5 was not measured.
"""
_EXACT_BONUS = 1.0
"""Keeps scores falling along the answer: exact hits come first whatever their fused score."""


class Hit(msgspec.Struct, frozen=True):
    """One asset in an answer.

    Attributes:
        score: falls along the answer; comparable within it only.
        scores: what each signal said: `words` (BM25), `meaning` and `look` (cosine similarity).
        why: what speaks for it, the strongest first.
    """

    asset: AssetSummary
    score: float
    scores: dict[str, float]
    why: list[Reason]


class Answer(msgspec.Struct, frozen=True):
    """Hits, best first, for a query as it was understood; `total` counts those not shown too."""

    query: Query
    total: int
    took_ms: float
    hits: list[Hit]


class NotEnrichedYet(Conflict):
    """An asset cannot be compared because nothing has looked at its picture yet."""

    def __init__(self, asset_id: str) -> None:
        super().__init__(
            f"Asset {asset_id} has no embedding yet.",
            remedy="Wait until it is enriched; `museion status` tells how many are pending.",
        )


class NotComparable(Conflict):
    """An asset came from a site whose embeddings cannot be compared with those of this one."""

    def __init__(self, asset_id: str, spaces: Sequence[str], own: str) -> None:
        super().__init__(
            f"Asset {asset_id} has an embedding in {', '.join(spaces)}, not in {own}, which this"
            " site compares.",
            remedy="Use the same encoder at all sites; words and filters find it meanwhile.",
        )


class Searcher:
    """Answers queries from the catalog and the indexes; safe to use from several threads.

    Each question is answered from one generation, though another may take its place meanwhile.
    """

    def __init__(self, catalog: Catalog, indexes: Indexes) -> None:
        self._catalog = catalog
        self._indexes = indexes

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint whose space is searched now."""
        return self._indexes.generation.checkpoint

    @property
    def generation(self) -> Generation:
        """The generation that is searched now."""
        return self._indexes.generation

    def warm_up(self) -> None:
        """Open the text tower in the background, so that the first query does not wait for it."""
        self._indexes.generation.warm_up()

    def search(self, text: str, *, limit: int, offset: int = 0) -> Answer:
        """Return the hits for what someone typed, from `offset` on.

        Raises:
            BadFilter: a filter has a value that it does not take.
        """
        started = time.perf_counter()
        query = parse_query(text.encode("utf-8", "replace").decode())
        if query.semantic_text.strip():
            total, hits = self._ranked(query, limit, offset)
        else:
            total, hits = self._listed(query, limit, offset)
        return Answer(query, total, _ms_since(started), hits)

    def similar(self, asset_id: AssetId, *, limit: int) -> Answer:
        """Return the assets that look like an asset, nearest first, without itself.

        Raises:
            UnknownAsset: there is no such asset, or this site may not read it.
            NotEnrichedYet: its picture has no embedding yet.
            NotComparable: it has one, but of another embedding space.
        """
        generation = self._indexes.generation
        spaces = self._catalog.detail(asset_id).spaces
        vector = generation.vectors.get(asset_id)
        if vector is None and spaces:
            raise NotComparable(asset_id, spaces, generation.space.id)
        if vector is None:
            raise NotEnrichedYet(asset_id)
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
        found = generation.vectors.search(vector, limit=limit + len(hidden))
        kept = [neighbour for neighbour in found if neighbour.id not in hidden][:limit]
        hits = self._with_assets([_look_hit(neighbour) for neighbour in kept])
        return Answer(Query(), len(hits), _ms_since(started), hits)

    def _listed(self, query: Query, limit: int, offset: int) -> tuple[int, list[Hit]]:
        """Answer a query of filters and exclusions alone, in display order."""
        conditions = [condition_of(each) for each in query.filters]
        excluded = self._excluded(query)
        if excluded:
            ids = json.dumps(sorted(excluded))
            conditions.append(Condition("id NOT IN (SELECT value FROM json_each(?))", (ids,)))
        condition = all_of(conditions)
        page = self._catalog.page(offset=offset, limit=limit, condition=condition)
        why = filter_reasons(query)
        return self._catalog.count(condition), [Hit(asset, 0.0, {}, why) for asset in page]

    def _ranked(self, query: Query, limit: int, offset: int) -> tuple[int, list[Hit]]:
        allowed = self._allowed(query)
        candidates = min(max(_CANDIDATES, offset + limit), _MOST_CANDIDATES)
        by_word = self._indexes.lexical.search(
            query.text,
            limit=candidates,
            phrases=query.phrases,
            excluded=query.excluded,
            allowed=allowed,
        )
        generation = self._indexes.generation
        vector = generation.embed(query.semantic_text)
        near = generation.vectors.search(vector, limit=candidates, allowed=allowed)
        fused = fuse_ranks(
            {
                "words": by_words(by_word),
                "meaning": by_similarity(near, generation.background, weak_z=_WEAK_Z),
            }
        )
        hidden = self._catalog.hidden_ids() if allowed is None else set()
        told = _worth_telling([each for each in fused if each.id not in hidden])
        matched = {hit.id: hit.matched for hit in by_word}
        hits = [
            _hit(query, each, matched.get(each.id, {}), generation.background)
            for each in told[offset : offset + limit]
        ]
        return len(told), self._with_assets(hits)

    def _allowed(self, query: Query) -> Set[str] | None:
        """Return the only ids that may be hits, None for all."""
        excluded = self._excluded(query)
        if not (query.filters or query.phrases or excluded):
            return None
        allowed: set[str] = set(
            self._catalog.ids(all_of(condition_of(each) for each in query.filters))
        )
        for phrase in query.phrases:
            allowed &= self._indexes.lexical.ids_containing(phrase)
        return allowed - excluded

    def _excluded(self, query: Query) -> set[str]:
        contain = self._indexes.lexical.ids_containing
        return {each for text in query.excluded for each in contain(text, inflected=True)}

    def _with_assets(
        self, found: Sequence[tuple[str, float, dict[str, float], list[Reason]]]
    ) -> list[Hit]:
        assets = self._catalog.summaries([AssetId(each[0]) for each in found])
        return [
            Hit(assets[AssetId(asset_id)], score, scores, why)
            for asset_id, score, scores, why in found
            if asset_id in assets
        ]


def _hit(
    query: Query, fused: Fused, matched: Mapping[str, Sequence[str]], background: Background
) -> tuple[str, float, dict[str, float], list[Reason]]:
    scores = {signal: round(share.score, 4) for signal, share in fused.parts.items()}
    z = background.z(scores["meaning"]) if "meaning" in scores else 0.0
    score = fused.score + (_EXACT_BONUS if fused.is_exact else 0.0)
    return (
        fused.id,
        round(score, 6),
        scores,
        reasons(query, matched, z if z > _WEAK_Z else None),
    )


def _worth_telling(fused: Sequence[Fused]) -> Sequence[Fused]:
    """Return the hits that something speaks for; they come first."""
    return fused[: sum(1 for hit in fused if hit.is_exact or hit.score > 0)]


def _look_hit(neighbour: Neighbour) -> tuple[str, float, dict[str, float], list[Reason]]:
    similarity = round(neighbour.similarity, 4)
    why = [Reason("look", f"looks alike (similarity {similarity:.2f})")]
    return neighbour.id, similarity, {"look": similarity}, why


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
