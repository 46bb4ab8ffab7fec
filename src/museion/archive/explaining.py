"""Why an asset is among the hits, in short sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import msgspec

from museion.search.filters import filter_label
from museion.search.query import Query

_SAYS = MappingProxyType(
    {
        "title": "the title says {}",
        "caption": "the caption says {}",
        "keyword": "among its keywords: {}",
        "people": "shows {}",
        "filename": "the file name has {}",
        "identifier": "is named {}",
        "creator": "made by {}",
        "credit": "the credit says {}",
        "place": "taken in {}",
        "camera": "taken with {}",
        "label": "a model sees {}",
        "synonym": "a model sees what is also called {}",
        "document": "the document says {}",
        "recognised": "text in the picture says {}",
        "speech": "someone says {}",
    }
)
_MEANS = MappingProxyType(
    {"strong": "the picture fits the words well", "weak": "the picture may fit the words"}
)
_LONGEST_PASSAGE = 160


class Reason(msgspec.Struct, frozen=True):
    """One reason: the signal or field that speaks, and what it says.

    Attributes:
        strength: of a reason that is a matter of degree, `strong` or `weak`; None of others.
        words: of the query that were found, in a reason by words.
        page: of a document, from 1.
        second: of a film or recording, from its beginning.
        passage: what stands there, with the words in it.
    """

    signal: str
    text: str
    strength: str | None = None
    words: tuple[str, ...] = ()
    page: int | None = None
    second: float | None = None
    passage: str | None = None


class Found(msgspec.Struct, frozen=True):
    """Where in an asset the words of a query were found.

    Attributes:
        field: lexical field: `document`, `recognised` or `speech`.
        passage: the text around them.
        page: of a document, from 1.
        second: of a film or recording.
    """

    field: str
    passage: str
    page: int | None = None
    second: float | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the signals found out about one hit.

    Attributes:
        matched: words of the query by the lexical field in which they were found.
        meaning: how well the picture fits the words by the calibration of the query; None where it
            was not compared, or does not fit.
        second: of a film, where the frame is that fits best.
        found: places inside a document, a picture's text or a recording, the best first.
        corrected: words of the query that nothing contains, and those looked for instead.
        look: similarity to the picture that was asked for.
        unseen: concepts that must not be seen, and are not.
        alike: how many assets that look the same this one stands for, without itself.
    """

    matched: Mapping[str, Sequence[str]] = msgspec.field(default_factory=dict)
    meaning: Literal["strong", "weak"] | None = None
    second: float | None = None
    found: Sequence[Found] = ()
    corrected: Mapping[str, str] = msgspec.field(default_factory=dict)
    look: float | None = None
    unseen: Sequence[str] = ()
    alike: int = 0


def explain(query: Query, evidence: Evidence) -> list[Reason]:
    """Return why an asset answers a query, the strongest reason first, filters last."""
    words = _word_reasons(evidence)
    seen = [*_look_reasons(evidence), *_meaning_reasons(evidence)]
    is_clear = evidence.meaning == "strong" or evidence.look is not None
    order = [*seen, *words] if is_clear else [*words, *seen]
    return [*order, *_unseen_reasons(evidence), *_alike_reasons(evidence), *filter_reasons(query)]


def filter_reasons(query: Query) -> list[Reason]:
    """Return the filters and exclusions that every hit of a query fulfils."""
    filters = [Reason("filter", filter_label(each)) for each in query.filters]
    phrases = [Reason("phrase", f"has “{each}”", words=(each,)) for each in query.phrases]
    excluded = [Reason("excluded", f"without “{each}”") for each in query.excluded]
    return [*filters, *phrases, *excluded]


def _word_reasons(evidence: Evidence) -> list[Reason]:
    places = {each.field: each for each in reversed(evidence.found)}
    return [
        _word_reason(field, words, places.get(field), evidence.corrected)
        for field, words in _without_echoes(evidence.matched).items()
    ]


def _word_reason(
    field: str, words: Sequence[str], place: Found | None, corrected: Mapping[str, str]
) -> Reason:
    said = ", ".join(_quoted(word, corrected) for word in words)
    text = _SAYS.get(field, "its text says {}").format(said)
    if place is None:
        return Reason(field, text, words=tuple(words))
    where = "" if place.page is None else f" on page {place.page}"
    where += "" if place.second is None else f" at {clock(place.second)}"
    return Reason(
        field,
        text + where,
        words=tuple(words),
        page=place.page,
        second=place.second,
        passage=_shortened(place.passage),
    )


def _quoted(word: str, corrected: Mapping[str, str]) -> str:
    meant = corrected.get(word)
    return f"“{word}”" if meant is None else f"“{meant}” for “{word}”"


def _meaning_reasons(evidence: Evidence) -> list[Reason]:
    if evidence.meaning is None:
        return []
    text = _MEANS[evidence.meaning]
    if evidence.second is not None:
        text = f"{text.replace('picture', 'film')} at {clock(evidence.second)}"
    return [Reason("meaning", text, evidence.meaning, second=evidence.second)]


def _look_reasons(evidence: Evidence) -> list[Reason]:
    if evidence.look is None:
        return []
    return [Reason("look", f"looks alike (similarity {evidence.look:.2f})")]


def _unseen_reasons(evidence: Evidence) -> list[Reason]:
    return [Reason("without", f"no {each} recognised") for each in evidence.unseen]


def _alike_reasons(evidence: Evidence) -> list[Reason]:
    if not evidence.alike:
        return []
    others = "another that looks" if evidence.alike == 1 else f"{evidence.alike} others that look"
    return [Reason("alike", f"stands for {others} the same")]


def _without_echoes(matched: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Drop what only repeats another field: a name's words, a label's word as its synonym."""
    told = dict(matched)
    for field, said_by in (("filename", "identifier"), ("synonym", "label")):
        if set(told.get(field, ())) <= set(told.get(said_by, ())):
            told.pop(field, None)
    return told


def _shortened(passage: str) -> str:
    text = " ".join(passage.split())
    return text if len(text) <= _LONGEST_PASSAGE else text[: _LONGEST_PASSAGE - 1].rstrip() + "…"


def clock(seconds: float) -> str:
    """Return a place in a film as people write it: `00:01:23`.

    Example:
        >>> clock(83.9)
        '00:01:23'
    """
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
