"""The way from a question to a ranking: allowed, said, near, fused, cut, and rid of look-alikes."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from museion.archive.asset import AssetId
from museion.archive.calibrating import Calibrator
from museion.archive.catalog.reader import Catalog
from museion.archive.finding.collapsing import collapsed
from museion.archive.finding.ranking import (
    UNCUT_BELIEF,
    Mode,
    Ranked,
    Target,
    cut_off_of,
    fused_ranking,
    rank_by_nearness,
    rank_by_words,
)
from museion.archive.finding.selecting import Selector
from museion.archive.finding.targets import target_of
from museion.archive.finding.unwanted import Unwanted
from museion.archive.generations import Generation
from museion.search.fusion import DEFAULT_SETTINGS, FusionSettings
from museion.search.lexical import LexicalHit, LexicalIndex
from museion.search.moments import FoundRecord
from museion.search.query import Query
from museion.search.selection import Selection
from museion.search.vector_index import Embedding

MOST_PASSED_OVER = 100
"""So many hits that screens do not list are ranked and passed over; more are not ranked at all."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How a question is to be answered.

    Attributes:
        mode: what the ranking listens to.
        collapses: let one hit stand for all that look like it.
        cuts: leave out pictures that fit the words less than weakly.
        fusion: how much each signal counts; None for as the archive is set.
    """

    mode: Mode = "all"
    collapses: bool = True
    cuts: bool = True
    fusion: FusionSettings | None = None


DEFAULT_ASKING = Asking()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and of which embedding space.

    Attributes:
        picture: an embedding of that space that hits shall look like, too; None for none.
    """

    query: Query
    asking: Asking
    generation: Generation
    picture: Embedding | None = None


class Ranker:
    """Ranks the assets of one archive; safe to use from several threads."""

    def __init__(
        self,
        catalog: Catalog,
        lexical: LexicalIndex,
        selector: Selector,
        unwanted: Unwanted,
        calibrator: Calibrator,
        *,
        fusion: FusionSettings = DEFAULT_SETTINGS,
    ) -> None:
        self._catalog = catalog
        self._lexical = lexical
        self._selector = selector
        self._calibrator = calibrator
        self._unwanted = unwanted
        self._fusion = fusion

    def rank(self, question: Question, *, depth: int, born_by: int | None) -> list[Ranked]:
        """Return the hits, best first.

        Args:
            question: with words, or with a picture.
            depth: candidates that each signal is asked for.
            born_by: row number of the catalog: assets that came later are left out.

        Raises:
            TooManyFilters, UnknownAsset, NotEnrichedYet, NotComparable: as `Searcher.search`.
        """
        query, generation = question.query, question.generation
        allowed = self._selector.allowed(query, born_by=born_by)
        hidden: set[AssetId] = set() if allowed is not None else self._catalog.hidden_ids()
        if len(hidden) > MOST_PASSED_OVER:
            allowed, hidden = self._selector.everything(), set()
        depth += len(hidden)  # the nearest may all lie in the trash
        target = target_of(self._catalog, query, generation, question.picture)
        said = self._said(question, allowed, depth)
        near = self._near(question, target, allowed, depth)
        is_picture = target is not None and target.is_picture
        cut = None if target is None else cut_off_of(self._calibrator, generation, target, allowed)
        found = fused_ranking(
            said,
            near,
            cut,
            is_picture=is_picture,
            settings=question.asking.fusion or self._fusion,
            least_belief=0.0 if question.asking.cuts else UNCUT_BELIEF,
        )
        return self._fit_to_tell(found, question, hidden)

    def _said(
        self, question: Question, allowed: Selection | None, depth: int
    ) -> Sequence[LexicalHit]:
        if question.asking.mode == "meaning":
            return ()
        return rank_by_words(
            self._lexical,
            question.query,
            allowed,
            depth=depth,
            is_word=question.generation.knows,
        )

    def _near(
        self, question: Question, target: Target | None, allowed: Selection | None, depth: int
    ) -> Sequence[FoundRecord]:
        is_deaf = question.asking.mode == "words" and not (target and target.is_picture)
        if target is None or is_deaf:
            return ()
        return rank_by_nearness(question.generation, target, allowed, depth=depth)

    def _fit_to_tell(
        self, found: Sequence[Ranked], question: Question, hidden: Set[AssetId]
    ) -> list[Ranked]:
        """Return hits without those that screens do not list, and without what is not wanted."""
        query, generation = question.query, question.generation
        left_out = hidden | {self._catalog.find_id(each.asset_id) for each in query.likes}
        kept = [each for each in found if each.id not in left_out]
        if query.without:
            kept = self._unwanted.left_out(kept, query.without, generation)
        return collapsed(kept, self._catalog, generation) if question.asking.collapses else kept
