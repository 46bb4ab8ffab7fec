"""Colour, orientation and rights in words; only where the words leave no doubt.

`a red slide` shows something red, and `a mountain landscape` is no format: both stay words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from museion.search.analysis.sentence import Sentence
from museion.search.filters import ColourFilter, Filter, OrientationFilter, RightsFilter

_LONGEST = 5
_ENDINGS = ("", "e", "en", "er", "es", "em")
_GERMAN_COLOURS: Final = MappingProxyType(
    {
        "schwarz": "black",
        "grau": "grey",
        "weiss": "white",
        "rot": "red",
        "gelb": "yellow",
        "grun": "green",
        "blau": "blue",
        "lila": "purple",
        "violett": "purple",
        "rosa": "pink",
        "braun": "brown",
        "orange": "orange",
    }
)
_COLOURS: Final = MappingProxyType(
    {
        **{name: name for name in "black grey white red orange yellow green blue".split()},  # noqa: SIM905
        "purple": "purple",
        "violet": "purple",
        "pink": "pink",
        "brown": "brown",
        "gray": "grey",
        **{
            name + ending: colour for name, colour in _GERMAN_COLOURS.items() for ending in _ENDINGS
        },
    }
)
_MOSTLY = frozenset(
    [
        "mostly",
        "mainly",
        "predominantly",
        "dominantly",
        "uberwiegend",
        "ueberwiegend",
        "vorwiegend",
        "hauptsachlich",
        "hauptsaechlich",
    ]
)
_COLOUR = frozenset("colour color farbe".split())  # noqa: SIM905
_TONES = frozenset("tones shades hues colours colors tonen toenen tone toene farben".split())  # noqa: SIM905
_GERMAN_TONES = re.compile(r"([a-z]+?)(?:tone|tonen|toene|toenen)")
_IN = (("in", "the"), ("in", "der"), ("in",), ("of", "the"), ("im",))

_ORIENTATIONS: Final = MappingProxyType(
    {
        **dict.fromkeys(("landscape", "horizontal", "querformat"), "landscape"),
        **dict.fromkeys(("portrait", "vertical", "upright", "hochformat", "hochkant"), "portrait"),
        **dict.fromkeys(("square", "quadratisch", "quadratisches", "quadratformat"), "square"),
    }
)
_GERMAN_FORMATS = frozenset("querformat hochformat hochkant quadratformat".split())  # noqa: SIM905
_FORMAT = frozenset("format orientation ausrichtung".split())  # noqa: SIM905
_FREE = (
    *(("public", "domain"), ("free", "to", "use"), ("free", "licence"), ("free", "license")),
    *(("gemeinfrei",), ("gemeinfreie",), ("gemeinfreien",), ("freie", "lizenz")),
)
_STARTS = frozenset((*_MOSTLY, *_COLOUR, *_COLOURS, *_ORIENTATIONS, *(words[0] for words in _FREE)))


def find_looks(sentence: Sentence) -> None:
    """Claim the words that say of which colour, format and rights an asset shall be."""
    for place in range(len(sentence)):
        if not _may_begin(sentence.folded(place)):
            continue
        words = sentence.together(place, _LONGEST)
        if words and (found := _look(words)):
            used, filter_ = found
            sentence.claim(_with_preposition(sentence, place), place + used, filter_)


def find_set_off_orientation(sentence: Sentence) -> None:
    """Claim `landscape` and the like where they stand alone behind a comma."""
    for place in range(1, len(sentence)):
        orientation = _ORIENTATIONS.get(sentence.folded(place))
        if orientation and sentence.is_set_off(place) and sentence.is_edge(place + 1):
            sentence.claim(place, place + 1, OrientationFilter(orientation))


def _may_begin(word: str) -> bool:
    return word in _STARTS or bool(_GERMAN_TONES.fullmatch(word))


def _look(words: Sequence[str]) -> tuple[int, Filter] | None:
    return _colour(words) or _orientation(words) or _rights(words)


def _colour(words: Sequence[str]) -> tuple[int, Filter] | None:
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first in _MOSTLY | _COLOUR and second in _COLOURS:
        return 2, ColourFilter(_COLOURS[second])
    if first in _COLOURS and second in _TONES:
        return 2, ColourFilter(_COLOURS[first])
    tones = _GERMAN_TONES.fullmatch(first)
    if tones and tones[1] in _COLOURS:
        return 1, ColourFilter(_COLOURS[tones[1]])
    return None


def _orientation(words: Sequence[str]) -> tuple[int, Filter] | None:
    orientation = _ORIENTATIONS.get(words[0])
    if orientation is None:
        return None
    if words[0] in _GERMAN_FORMATS:
        return 1, OrientationFilter(orientation)
    return (2, OrientationFilter(orientation)) if words[1:2] and words[1] in _FORMAT else None


def _rights(words: Sequence[str]) -> tuple[int, Filter] | None:
    for said in _FREE:
        if tuple(words[: len(said)]) == said:
            return len(said), RightsFilter("free")
    return None


def _with_preposition(sentence: Sentence, place: int) -> int:
    """Return where the preposition begins that belongs to what was found."""
    for words in _IN:
        start = place - len(words)
        said = tuple(sentence.folded(at) for at in range(max(start, 0), place))
        if start >= 0 and said == words and not sentence.is_set_off(place):
            return start
    return place
