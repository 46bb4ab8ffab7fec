"""Media types in words: `videos of a dog`, `beach photos`, `nur Videos`."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from museion.search.analysis.meanings import AnyOf
from museion.search.analysis.sentence import Sentence
from museion.search.filters import Filter, TypeFilter

_MANY: Final = MappingProxyType(
    {
        **dict.fromkeys("photos photographs pictures images pics".split(), "photo"),  # noqa: SIM905
        **dict.fromkeys("fotos fotografien bilder bildern aufnahmen".split(), "photo"),  # noqa: SIM905
        **dict.fromkeys("videos films movies clips footage filme filmen".split(), "video"),  # noqa: SIM905
        **dict.fromkeys("recordings tonaufnahmen audios".split(), "sound"),  # noqa: SIM905
        **dict.fromkeys("documents dokumente dokumenten".split(), "document"),  # noqa: SIM905
        "pdfs": "pdf",
    }
)
_ONE: Final = MappingProxyType(
    {
        **dict.fromkeys("photo photograph picture image foto bild".split(), "photo"),  # noqa: SIM905
        "video": "video",
    }
)
_TRAILING = frozenset(
    "photos photographs pictures images pics videos fotos bilder pdfs".split()  # noqa: SIM905
)
_OF = frozenset("of von vom showing".split())  # noqa: SIM905
_FROM = frozenset("from with aus mit".split())  # noqa: SIM905
_ONLY = frozenset("only just nur bloss".split())  # noqa: SIM905
_BEFORE = frozenset(
    "a an the all some any my our ein eine das die alle meine unsere only just nur".split()  # noqa: SIM905
)
_AND = frozenset("and or und oder &".split())  # noqa: SIM905
_NOT_BEHIND = frozenset(
    """
    of at with from for in on to by and or no the a an two three many her his their von mit aus
    watching drawing painting viewing taking making holding showing looking filming shooting
    recording editing
    """.split()  # noqa: SIM905
)
"""Behind one of these, `photos` is something that is seen."""


def media_type(word: str) -> Filter | None:
    """Return the filter that the plural of a word for assets stands for, None for other words."""
    kind = _MANY.get(word)
    return TypeFilter(kind) if kind else None


def find_media_types(sentence: Sentence) -> None:
    """Claim the words that say of which type an asset shall be."""
    for place in range(len(sentence)):
        if not sentence.folded(place):
            continue
        end, meaning = _types_at(sentence, place)
        if meaning is None:
            continue
        start = _beginning(sentence, place)
        if sentence.folded(end) in _OF | _FROM and not sentence.is_edge(end):
            if sentence.is_edge(start) or _is_shown(sentence, place):
                keeps = sentence.folded(end) in _FROM
                sentence.claim(start, end if keeps else end + 1, meaning)
        elif sentence.folded(place) in _MANY:
            _claim_alone(sentence, start, place, end, meaning)


def _types_at(sentence: Sentence, place: int) -> tuple[int, Filter | AnyOf | None]:
    """Return the place behind the types that are named, and what they mean."""
    word = sentence.folded(place)
    first, last = _MANY.get(word), _MANY.get(sentence.folded(place + 2))
    if first and last and first != last and sentence.folded(place + 1) in _AND:
        return place + 3, AnyOf((TypeFilter(first), TypeFilter(last)))
    listed = _MANY.get(sentence.folded(place + 1))
    if first and listed and first != listed and sentence.is_set_off(place + 1):
        return place + 2, AnyOf((TypeFilter(first), TypeFilter(listed)))
    kind = first or _ONE.get(word)
    return place + 1, TypeFilter(kind) if kind else None


def _claim_alone(
    sentence: Sentence, start: int, place: int, end: int, meaning: Filter | AnyOf
) -> None:
    """Claim types that stand by themselves, or last behind what they show."""
    last = end + 1 if sentence.folded(end) in _ONLY else end
    if not sentence.is_edge(last):
        return
    if sentence.is_edge(start):
        sentence.claim(start, last, meaning)
    elif _is_shown(sentence, place):
        sentence.claim(place, last, meaning)


def _is_shown(sentence: Sentence, place: int) -> bool:
    """Tell whether a word behind others means assets: `beach photos`, not `a pile of photos`."""
    return sentence.folded(place) in _TRAILING and sentence.folded(place - 1) not in _NOT_BEHIND


def _beginning(sentence: Sentence, place: int) -> int:
    """Return where the articles begin that stand before a type."""
    while sentence.folded(place - 1) in _BEFORE and not sentence.is_set_off(place):
        place -= 1
    return place
