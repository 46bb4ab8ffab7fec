"""Measuring the search of an archive by queries whose relevant assets are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from museion.archive.asset import AssetId
from museion.archive.catalog.judgement_reader import JudgementReader
from museion.archive.finding.ranker import Asking
from museion.archive.searching import Searcher
from museion.base.errors import InvalidInput
from museion.search.evaluation import Ask, Asked
from museion.search.judgements import JudgedQuery

SHALLOWEST = 50
"""So many hits are looked at for the reciprocal rank, or more where more are asked for."""
_WARM_UP = "something to begin with"


@dataclass(frozen=True, slots=True)
class UnclearName:
    """A name that does not name one asset; `meant` is how many it names, 0 for none."""

    line: int
    name: str
    meant: int

    @property
    def reason(self) -> str:
        """What is wrong, in words."""
        if self.meant:
            return f"{self.name!r} names {self.meant} assets; give the id of the one meant"
        return f"{self.name!r} names no asset that is shown here"


@dataclass(frozen=True, slots=True)
class NamedQueries:
    """Queries whose relevant assets are named by ids, and the names that were left out.

    Attributes:
        queries: without those of which all relevant names are unclear,
        left: which are these.
    """

    queries: Sequence[JudgedQuery]
    left: Sequence[JudgedQuery]
    unclear: Sequence[UnclearName]


class NothingToAsk(InvalidInput):
    """There is no query that can be judged."""

    def __init__(self) -> None:
        super().__init__(
            "Expected at least one query with an asset of this archive; came none.",
            remedy="Export judgements with `museion judgements export`, or name assets by id.",
        )


def name_assets(queries: Iterable[JudgedQuery], judgements: JudgementReader) -> NamedQueries:
    """Return queries with assets by id, which may be given by id, digest or file name.

    Unclear names are left out and told. A query that loses all that is relevant to it is left out
    as well; one that never had any stays.
    """
    listed = list(queries)
    known = judgements.named(name for each in listed for name in each.gains)
    kept: list[JudgedQuery] = []
    left: list[JudgedQuery] = []
    unclear: list[UnclearName] = []
    for query in listed:
        named = _named(query, known)
        unclear += _unclear(query, known)
        (left if query.relevant and not named.relevant else kept).append(named)
    return NamedQueries(kept, left, unclear)


def asking(searcher: Searcher, how: Asking, *, depth: int) -> Ask:
    """Return what asks an archive, without letting one hit stand for those that look like it.

    Args:
        searcher: of the archive; what it loads at the first question is loaded now.
        how: to ask; look-alikes are never collapsed.
        depth: so many hits are needed; never fewer than 50 are taken.
    """
    how = replace(how, collapses=False)
    limit = max(depth, SHALLOWEST)
    searcher.search(_WARM_UP, limit=1, asking=how)

    def ask(query: str) -> Asked:
        answer = searcher.search(query, limit=limit, asking=how)
        fits = answer.total > 0 if answer.strong is None else answer.strong > 0
        return Asked([hit.asset.id for hit in answer.hits], answer.took_ms, fits)

    return ask


def _named(query: JudgedQuery, known: Mapping[str, Sequence[AssetId]]) -> JudgedQuery:
    gains: dict[str, float] = {}
    for name, gain in query.gains.items():
        if len(known.get(name, ())) == 1:
            (asset_id,) = known[name]
            gains[asset_id] = max(gain, gains.get(asset_id, 0.0))
    return JudgedQuery(query.query, gains, query.line)


def _unclear(query: JudgedQuery, known: Mapping[str, Sequence[AssetId]]) -> list[UnclearName]:
    counts = {name: len(known.get(name, ())) for name in query.gains}
    return [UnclearName(query.line, name, count) for name, count in counts.items() if count != 1]
