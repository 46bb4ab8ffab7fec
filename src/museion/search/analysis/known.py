"""Names that exist in the archive, found among the words of a query.

When in doubt, words stay words: they still find what has the name, and more. The name is offered
then, as a filter that a user may choose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, Protocol, TypeAlias

from museion.search.analysis.sentence import Sentence
from museion.search.filters import (
    CameraFilter,
    CollectionFilter,
    Filter,
    NamedPlaceFilter,
    PersonFilter,
    TagFilter,
)

LONGEST_NAME = 6
"""Words that are looked at when a name is looked up."""

KnownKind: TypeAlias = Literal["person", "place", "tag", "collection", "camera"]

_FILTERS: Final[MappingProxyType[str, Callable[[str], Filter]]] = MappingProxyType(
    {
        "person": PersonFilter,
        "place": NamedPlaceFilter,
        "tag": TagFilter,
        "collection": CollectionFilter,
        "camera": CameraFilter,
    }
)
_ARTICLES = frozenset("the der die das den dem des".split())  # noqa: SIM905
_WHERE = frozenset("in from at aus".split())  # noqa: SIM905
_ABOUT = frozenset("of von to nach like called wie namens".split())  # noqa: SIM905
_LIKE_IT = frozenset("style styled stil school type era look art".split())  # noqa: SIM905
_ALSO_WORDS = frozenset(
    """
    nice reading bath split orange mobile turkey china jordan chad essen halle hof march wells
    battle sale bar cork lens tours hull van linz sitting georgia florence victoria paris rose
    mark will may april june july august summer grace hope joy art bill frank rob faith daisy
    lily ivy iris ruby pearl amber jade olive ginger angel star sky river rain stone king queen
    prince baker cook fisher hunter miller smith taylor carter mason page wolf fuchs bach koch
    bauer vogel stein berg wald busch klein gross lang kurz schwarz weiss braun
    """.split()  # noqa: SIM905
)
"""Names that are words of other things too: understood with a capital letter, or where one says
`in`."""
_MARKS: Final = MappingProxyType(
    {
        "tag": (("tagged", "with"), ("tagged", "as"), ("tagged",), ("tag",), ("schlagwort",)),
        "collection": (
            *(("in", "the", "collection"), ("from", "the", "collection"), ("in", "collection")),
            *(("from", "collection"), ("collection",), ("in", "der", "sammlung"), ("sammlung",)),
            *(("aus", "der", "sammlung"), ("in", "the", "album"), ("album",)),
        ),
        "camera": (
            *(("taken", "with", "a"), ("taken", "with"), ("shot", "with"), ("shot", "on")),
            *(("taken", "on"), ("aufgenommen", "mit"), ("camera",), ("kamera",)),
        ),
    }
)
"""Kind -> words in front of a name that leave no doubt, the longest first."""
_BEFORE_CAMERAS = frozenset("with by on mit".split())  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Known:
    """A name that exists in the archive, as it is written there."""

    kind: KnownKind
    value: str


class KnownValues(Protocol):
    """The names that exist in an archive."""

    def longest(self, words: Sequence[str]) -> tuple[int, Known] | None:
        """Return the name that the first words are, and how many of them; the longest there is.

        Args:
            words: as typed, without punctuation around them; at least one.
        """
        ...


@dataclass(frozen=True, slots=True)
class Offer:
    """Words, from `start` up to `end`, that could be a filter, and were left words."""

    start: int
    end: int
    filter: Filter


def find_known(sentence: Sentence, known: KnownValues) -> list[Offer]:
    """Claim names in a sentence that leave no doubt; return those that do."""
    offers: list[Offer] = []
    place = 0
    while place < len(sentence):
        end = sentence.end_of(place, LONGEST_NAME)
        words = [sentence.words[at].core for at in range(place, end)]
        found = known.longest(words) if words and words[0] else None
        if found is None:
            place += 1
            continue
        used, name = found
        filter_ = _FILTERS[name.kind](name.value)
        start = _DECIDE[name.kind](sentence, place, place + used)
        if start is None or not sentence.claim(start, place + used, filter_):
            offers.append(Offer(place, place + used, filter_))
        place += used
    return offers


def _person(sentence: Sentence, start: int, end: int) -> int | None:
    """Return where the words begin that a person is named with, None if it may be no person."""
    if end - start == 1 and sentence.folded(start) in _ALSO_WORDS:
        return start if sentence.words[start].is_capitalised and start > 0 else None
    return start


def _place(sentence: Sentence, start: int, end: int) -> int | None:
    """As `_person`: a place stays words where it is only part of a longer name or comparison."""
    before = start - 1 if sentence.folded(start - 1) in _ARTICLES else start
    if sentence.folded(before - 1) in _WHERE and not sentence.is_set_off(before):
        return None if _goes_on(sentence, end, _LIKE_IT) else before - 1
    if sentence.folded(before - 1) in _ABOUT or before != start:
        return None
    if _goes_on(sentence, end, _LIKE_IT) or _is_longer_name(sentence, start, end):
        return None
    only_a_name = end - start > 1 or sentence.folded(start) not in _ALSO_WORDS
    return start if only_a_name else None


def _camera(sentence: Sentence, start: int, end: int) -> int | None:
    """As `_person`: the maker alone may be a fruit."""
    marked = _marked(sentence, start, "camera")
    if marked is not None:
        return marked
    said = " ".join(each.core for each in sentence.words[start:end])
    if end - start == 1 and not any(letter.isdigit() for letter in said):
        return None
    return start - 1 if sentence.folded(start - 1) in _BEFORE_CAMERAS else start


def _tag(sentence: Sentence, start: int, _: int) -> int | None:
    """As `_person`: a tag is said to be one, by a word or `#`."""
    if sentence.words[start].typed.startswith("#"):
        return start
    return _marked(sentence, start, "tag")


def _collection(sentence: Sentence, start: int, _: int) -> int | None:
    """As `_person`: a collection is said to be one."""
    return _marked(sentence, start, "collection")


_DECIDE: Final[MappingProxyType[str, Callable[[Sentence, int, int], int | None]]] = (
    MappingProxyType(
        {
            "person": _person,
            "place": _place,
            "camera": _camera,
            "tag": _tag,
            "collection": _collection,
        }
    )
)


def _marked(sentence: Sentence, start: int, kind: str) -> int | None:
    for mark in _MARKS[kind]:
        first = start - len(mark)
        said = tuple(sentence.folded(at) for at in range(max(first, 0), start))
        if first >= 0 and said == mark:
            return first
    return None


def _goes_on(sentence: Sentence, end: int, words: frozenset[str]) -> bool:
    return sentence.folded(end) in words and not sentence.is_set_off(end)


def _is_longer_name(sentence: Sentence, start: int, end: int) -> bool:
    """Tell whether the word before or behind is capitalised, too: `Vienna Philharmonic`."""
    if not sentence.words[start].is_capitalised or sentence.is_set_off(end):
        return False
    return sentence.is_free(end) and sentence.words[end].is_capitalised
