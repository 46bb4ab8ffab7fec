"""Ranked assets as hits: with what a screen shows of them, and with what speaks for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from museion.archive.asset import AssetId
from museion.archive.catalog.content_reader import ShotRecord
from museion.archive.catalog.reader import Catalog
from museion.archive.explaining import Evidence, explain
from museion.archive.finding.answers import Hit, MomentHit
from museion.archive.finding.inside import places_inside
from museion.archive.finding.ranking import Ranked
from museion.search.moments import FoundMoment
from museion.search.query import Query

_DIGITS = 4


def hits_of(catalog: Catalog, query: Query, ranked: Sequence[Ranked]) -> list[Hit]:
    """Return hits for those that screens list; others (trashed meanwhile) are left out.

    So are look-alikes that screens do not list: a ranking may be older than what happened to them.
    """
    assets = catalog.summaries([AssetId(one) for each in ranked for one in (each.id, *each.alike)])
    listed = [
        replace(each, alike=tuple(other for other in each.alike if other in assets))
        for each in ranked
        if each.id in assets
    ]
    return [
        Hit(
            asset=assets[AssetId(each.id)],
            score=each.score,
            scores=dict(each.scores),
            why=explain(query, _evidence(catalog, query, each)),
            strength=each.strength,
            moments=_moments(catalog, each),
            alike=[AssetId(other) for other in each.alike],
        )
        for each in listed
    ]


def corrections(ranked: Sequence[Ranked]) -> dict[str, str]:
    """Return the words that nothing contains, with what the best hit with another has instead."""
    meant: dict[str, str] = {}
    for each in ranked:
        for typed, found in each.corrected.items():
            meant.setdefault(typed, found[0])
    return meant


def _evidence(catalog: Catalog, query: Query, ranked: Ranked) -> Evidence:
    return Evidence(
        matched=ranked.matched,
        meaning=ranked.meaning,
        second=ranked.moments[0].start_ms / 1000 if ranked.moments else None,
        found=places_inside(catalog.content, AssetId(ranked.id), _sought(ranked)),
        corrected={typed: found[0] for typed, found in ranked.corrected.items()},
        look=ranked.look,
        unseen=query.without,
        alike=len(ranked.alike),
    )


def _sought(ranked: Ranked) -> Mapping[str, Sequence[str]]:
    """Return the words found in each field, as they are written there where they were mistyped."""
    corrected = ranked.corrected
    return {
        field: [meant for word in words for meant in (word, *corrected.get(word, ()))]
        for field, words in ranked.matched.items()
    }


def _moments(catalog: Catalog, ranked: Ranked) -> list[MomentHit]:
    if not ranked.moments:
        return []
    shots = catalog.content.shots(AssetId(ranked.id))
    return [_moment(each, shots) for each in ranked.moments]


def _moment(found: FoundMoment, shots: Sequence[ShotRecord]) -> MomentHit:
    start_s = found.start_ms / 1000
    ends = [shot.end_s for shot in shots if shot.start_s <= start_s + 0.001 < shot.end_s]
    return MomentHit(start_s, ends[0] if ends else start_s, round(found.similarity, _DIGITS))
