"""Ranks assets for a query: by words, by meaning, by likeness; fused, cut, and with what was found.

Every asset here is one that the query allows. What looks the same is not collapsed yet, and nothing
is read from the catalog but ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from museion.archive.calibrating import Calibrator
from museion.archive.generations import Generation
from museion.search.calibration import CutOff
from museion.search.fusion import (
    DEFAULT_SETTINGS,
    Fused,
    FusionSettings,
    Ranking,
    by_belief,
    by_words,
    fuse_ranks,
)
from museion.search.lexical import LexicalHit, LexicalIndex
from museion.search.moments import FoundMoment, FoundRecord, best_moments
from museion.search.query import Query
from museion.search.selection import Selection
from museion.search.vector_index import Embedding

Mode: TypeAlias = Literal["all", "words", "meaning"]
"""What a ranking listens to."""

UNCUT_BELIEF = 0.01
"""Belief in a hit beyond the cut, where all are asked for: it comes behind those before the cut."""
_NAMED, _EXACT = 3, 2
"""Groups of a ranking, before strong hits (1) and weak ones (0). A group is added to the fused
score, which is below 1, so that scores fall along the ranking."""


@dataclass(frozen=True, slots=True)
class Target:
    """What pictures are compared with.

    Attributes:
        vector: unit vector in the generation's space.
        is_picture: it came from a picture, with words or without; else from words alone.
        is_everyday: its words are such as photos are described with.
    """

    vector: Embedding
    is_picture: bool
    is_everyday: bool = False


@dataclass(frozen=True, slots=True)
class Ranked:
    """One asset in a ranking.

    Attributes:
        score: falls along the ranking.
        group: of the ranking; larger ones come first.
        scores: what each signal said.
        strength: `strong` or `weak`; None in an answer to a picture, where there is no cut.
        meaning: how well the picture fits the words; None where it does not, or was not compared.
        look: similarity to a picture that was asked for.
        moments: of a film, the nearest first.
        matched, corrected: as `LexicalHit` says.
        alike: assets that look the same and come behind it.
    """

    id: str
    score: float
    scores: Mapping[str, float]
    group: int = 0
    is_exact: bool = False
    strength: Literal["strong", "weak"] | None = None
    meaning: Literal["strong", "weak"] | None = None
    look: float | None = None
    moments: tuple[FoundMoment, ...] = ()
    matched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    corrected: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alike: tuple[str, ...] = ()


def rank_by_words(
    lexical: LexicalIndex,
    query: Query,
    allowed: Selection | None,
    *,
    depth: int,
    is_word: Callable[[str], bool],
) -> list[LexicalHit]:
    """Return the assets that say words of a query, best first.

    Args:
        lexical: index of words.
        query: of which the text and the phrases are looked for.
        allowed: the only assets that may be hits; None for all.
        depth: how many at most.
        is_word: tells of a word that nothing says whether it is a word all the same, not a typo.
    """
    return lexical.search(
        query.lexical_text, limit=depth, phrases=query.phrases, allowed=allowed, is_word=is_word
    )


def rank_by_nearness(
    generation: Generation, target: Target, allowed: Selection | None, *, depth: int
) -> list[FoundRecord]:
    """Return the assets nearest to a target, films with their nearest moments."""
    found = generation.vectors.search(target.vector, limit=depth, allowed=allowed)
    return best_moments(found)


def cut_off_of(
    calibrator: Calibrator, generation: Generation, target: Target, allowed: Selection | None
) -> CutOff | None:
    """Return where hits by meaning end; None for a picture: something is always nearest."""
    if target.is_picture:
        return None
    among = None if allowed is None else allowed.count
    return calibrator.cut_off(
        generation, target.vector, among=among, is_everyday=target.is_everyday
    )


def fused_ranking(
    said: Sequence[LexicalHit],
    near: Sequence[FoundRecord],
    cut: CutOff | None,
    *,
    is_picture: bool,
    settings: FusionSettings = DEFAULT_SETTINGS,
    least_belief: float = 0.0,
) -> list[Ranked]:
    """Return one ranking out of both: what was named, exact words, strong hits, weak ones.

    Args:
        said: by words.
        near: by meaning or look.
        cut: what is nearer than its weak end counts; None lets all count in full.
        is_picture: `near` was compared with a picture.
        settings: how much each signal counts.
        least_belief: in a hit by meaning, however far it is; 0 leaves out what is beyond the cut.
    """
    signal = "look" if is_picture else "meaning"
    by_word = by_words(
        said,
        weight=settings.words_weight,
        partial_belief=settings.partial_belief,
        guessed_belief=settings.guessed_belief,
    )
    rankings: dict[str, Ranking] = {"words": by_word}

    def belief(similarity: float) -> float:
        return 1.0 if cut is None else max(least_belief, cut.belief(similarity))

    words = {hit.id: hit for hit in said}
    counting = [each for each in near if each.id in words or belief(each.similarity) > 0]
    rankings[signal] = by_belief(counting, belief, weight=settings.meaning_weight)
    records = {record.id: record for record in counting}
    told = (
        each
        for each in fuse_ranks(rankings, offset=settings.offset)
        if each.is_exact or each.score > 0
    )
    ranked = [_ranked(each, words.get(each.id), records.get(each.id), cut, signal) for each in told]
    return sorted(ranked, key=lambda each: -each.group)


def _ranked(
    fused: Fused, said: LexicalHit | None, near: FoundRecord | None, cut: CutOff | None, signal: str
) -> Ranked:
    meaning = None if cut is None or near is None else cut.strength(near.similarity)
    is_strong = fused.is_exact or meaning == "strong" or signal == "look"
    group = _NAMED if _is_named(said) else _EXACT if fused.is_exact else int(is_strong)
    return Ranked(
        id=fused.id,
        score=round(fused.score + group, 6),
        group=group,
        scores={name: round(share.score, 4) for name, share in fused.parts.items()},
        is_exact=fused.is_exact,
        strength=None if signal == "look" else "strong" if is_strong else "weak",
        meaning=None if meaning == "none" else meaning,
        look=near.similarity if near and signal == "look" else None,
        moments=near.moments if near else (),
        matched=said.matched if said else {},
        corrected=said.corrected if said else {},
    )


def _is_named(said: LexicalHit | None) -> bool:
    """Tell whether all that was asked is what the asset is called: its id or file name."""
    if said is None or said.coverage < 1:
        return False
    found = {word for words in said.matched.values() for word in words}
    return found <= set(said.matched.get("identifier", ()))
