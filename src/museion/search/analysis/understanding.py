"""What the plain words of a query mean: times, names, looks, types, negations, and the rest."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from museion.search.analysis.known import KnownValues, Offer, find_known
from museion.search.analysis.looks import find_looks, find_set_off_orientation
from museion.search.analysis.meanings import Meaning, Text
from museion.search.analysis.media_types import find_media_types
from museion.search.analysis.negation import find_negations
from museion.search.analysis.sentence import Sentence, TypedWord
from museion.search.analysis.times import find_times


@dataclass(frozen=True, slots=True)
class Understood:
    """A part of a query and what it means; places are of the query.

    Attributes:
        in_words: plain words were understood, nothing explicit was typed.
    """

    meaning: Meaning
    start: int
    end: int
    in_words: bool = False


def understand(
    words: Sequence[TypedWord],
    *,
    known: KnownValues | None,
    today: datetime.date,
) -> tuple[list[Understood], list[Offer]]:
    """Return what words mean, in order and without gaps, and what they could mean besides.

    Args:
        words: that stand together, at least one.
        known: names that exist in the archive.
        today: the day from which times are counted.
    """
    sentence = Sentence(words)
    offers = find_times(sentence, today)
    offers += find_known(sentence, known) if known else []
    find_looks(sentence)
    find_negations(sentence)
    find_media_types(sentence)
    find_set_off_orientation(sentence)
    left = [each for each in offers if sentence.finding(each.start) is None]
    return _parts(sentence), [
        Offer(words[each.start].start, words[each.end - 1].end, each.filter) for each in left
    ]


def left_alone(words: Sequence[TypedWord]) -> Understood:
    """Return words as a text, none of them understood."""
    kept = tuple(place for place, word in enumerate(words) if word.is_kept)
    text = Text(" ".join(word.text for word in words), kept)
    return Understood(text, words[0].start, words[-1].end)


def _parts(sentence: Sentence) -> list[Understood]:
    parts: list[Understood] = []
    for piece in sentence.pieces():
        if isinstance(piece, tuple):
            start, end = piece
            rest = left_alone(sentence.words[start:end])
            parts.append(_without_comma(rest) if end < len(sentence) else rest)
        else:
            words = sentence.words[piece.start : piece.end]
            parts.append(Understood(piece.meaning, words[0].start, words[-1].end, in_words=True))
    return parts


def _without_comma(part: Understood) -> Understood:
    """Drop the comma at the end of a text: what it set off is a part of its own now."""
    assert isinstance(part.meaning, Text), "only words are left"
    shorter = part.meaning.text.rstrip(",;")
    if not shorter or shorter[-1:].isspace():
        return part
    return Understood(Text(shorter, part.meaning.kept), part.start, part.end)
