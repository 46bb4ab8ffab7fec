r"""What someone typed into the one search box, taken apart into what is meant.

    a dog "red slide" -leash type:photo after:2020

is the text `a dog`, the phrase `red slide`, without `leash`, and two filters (`filter_syntax` lists
them all). A minus excludes a word, a phrase or a filter. Quotes may be straight or curly; one that
is not closed reaches to the end. `name:value` with a name that is no filter is text, and so is a
filter's name without a value: `ratio 16:9`, `Re: hello`, `type: unknown`.

    two kids on a red slide last summer, no adults, landscape

is the text `two kids on a red slide` and three more parts in plain words, English or German: when
it was taken, what must not be seen (`without:adults`), and the orientation. What is quoted, and
words behind a backslash, are not understood but looked for: `\summer \2023`.

`AND`, `OR`, `NOT` and parentheses join words, phrases and filters to groups (`analysis.grammar`);
their words must occur as words. `like:ID` asks for pictures near to one, `-like:ID` for others.

A query prints to a text that parses to a query of the same meaning: each part in its explicit form,
words for times that move on with the days kept as words. It is how searches are stored.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field

from museion.search.analysis.chips import Chip, chip_kind, chip_of, offered_chip
from museion.search.analysis.known import Known, KnownValues
from museion.search.analysis.meanings import (
    AllOf,
    AnyOf,
    Excluded,
    Group,
    Like,
    Meaning,
    Not,
    Operand,
    Phrase,
    Text,
    Without,
    Word,
    wanted_words,
)
from museion.search.analysis.parts import parts_of
from museion.search.analysis.printing import print_meaning
from museion.search.analysis.speaking import as_spoken
from museion.search.filters import (
    BadFilter,
    CameraFilter,
    CollectionFilter,
    ColourFilter,
    FieldFilter,
    Filter,
    NamedPlaceFilter,
    NumberFilter,
    OrientationFilter,
    PersonFilter,
    PlaceFilter,
    RatingFilter,
    RightsFilter,
    SizeFilter,
    TagFilter,
    TimeFilter,
    TypeFilter,
)

__all__ = [
    "AllOf",
    "AnyOf",
    "BadFilter",
    "CameraFilter",
    "Chip",
    "CollectionFilter",
    "ColourFilter",
    "Excluded",
    "FieldFilter",
    "Filter",
    "Group",
    "Known",
    "KnownValues",
    "Like",
    "Meaning",
    "NamedPlaceFilter",
    "Not",
    "NumberFilter",
    "Operand",
    "OrientationFilter",
    "Part",
    "PersonFilter",
    "Phrase",
    "PlaceFilter",
    "Query",
    "RatingFilter",
    "RightsFilter",
    "SizeFilter",
    "TagFilter",
    "Text",
    "TimeFilter",
    "TypeFilter",
    "Without",
    "Word",
    "parse_query",
    "print_query",
    "wanted_words",
]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a query: what is meant, and how it was typed (which equality does not see).

    Attributes:
        in_words: plain words were understood as this, nothing explicit was typed.
    """

    meaning: Meaning
    typed: str = field(compare=False)
    in_words: bool = field(default=False, compare=False)

    @property
    def written(self) -> str:
        """The explicit form: it means the same wherever it stands."""
        return print_meaning(self.meaning)


@dataclass(frozen=True, slots=True)
class Query:
    """A query taken apart, its parts in the order typed; take a part out to edit it.

    Attributes:
        parts: all that is meant.
        offers: filters that words of the text could mean, left out where there is doubt. Their
            `written` form in place of `typed` makes them parts.
    """

    parts: tuple[Part, ...] = ()
    offers: tuple[Chip, ...] = field(default=(), compare=False)

    @property
    def filters(self) -> tuple[Filter, ...]:
        """All that must hold (or must not, where negated), besides the groups."""
        return tuple(part.meaning for part in self.parts if not isinstance(part.meaning, _OTHERS))

    @property
    def groups(self) -> tuple[Group, ...]:
        """What operators and parentheses joined; all must hold."""
        meanings = (part.meaning for part in self.parts)
        return tuple(each for each in meanings if isinstance(each, AllOf | AnyOf | Not))

    @property
    def phrases(self) -> tuple[str, ...]:
        """Phrases that must all occur."""
        return tuple(p.meaning.text for p in self.parts if isinstance(p.meaning, Phrase))

    @property
    def excluded(self) -> tuple[str, ...]:
        """Words and phrases of which none may occur."""
        return tuple(p.meaning.text for p in self.parts if isinstance(p.meaning, Excluded))

    @property
    def without(self) -> tuple[str, ...]:
        """What must not be seen: no word may say it, and no picture should look like it."""
        return tuple(p.meaning.text for p in self.parts if isinstance(p.meaning, Without))

    @property
    def likes(self) -> tuple[Like, ...]:
        """Pictures that hits should be near to, or far from."""
        return tuple(p.meaning for p in self.parts if isinstance(p.meaning, Like))

    @property
    def text(self) -> str:
        """The semantic rest in the order typed, without phrases; empty if there is none."""
        return " ".join(p.meaning.text for p in self.parts if isinstance(p.meaning, Text))

    @property
    def semantic_text(self) -> str:
        """The text with phrases and the words of groups in their places: what to embed."""
        return as_spoken(" ".join(word for part in self.parts for word in _speaking(part.meaning)))

    @property
    def lexical_text(self) -> str:
        """The text with the words of groups in their places: what to rank by words."""
        rest = (part.meaning for part in self.parts if not isinstance(part.meaning, Phrase))
        return " ".join(word for meaning in rest for word in _speaking(meaning))

    @property
    def chips(self) -> tuple[Chip, ...]:
        """The parts as a screen shows them, in the order typed."""
        return tuple(
            chip_of(each.meaning, each.typed, in_words=each.in_words) for each in self.parts
        )


def parse_query(
    text: str,
    *,
    known: KnownValues | None = None,
    today: datetime.date | None = None,
    understands: bool = True,
) -> Query:
    """Take apart what someone typed; every text is a query, save for filters with bad values.

    Takes time in proportion to the text.

    Example:
        >>> query = parse_query('two dogs type:photo -"red ball"')
        >>> query.text, query.excluded, query.filters
        ('two dogs', ('red ball',), (TypeFilter(kind='photo', negated=False),))

    Args:
        text: what was typed.
        known: names that exist in the archive; without it, only filters name people and so on.
        today: the day from which `last week` is counted; without it, that of the clock.
        understands: look for times, types and so on in plain words; else only what is explicit.

    Raises:
        BadFilter: a filter's value is not one that it takes; says what it takes.
    """
    day = today or datetime.date.today()
    parts, offers = parts_of(text, known=known, today=day, understands=understands)
    return Query(
        tuple(Part(each.meaning, text[each.start : each.end], each.in_words) for each in parts),
        tuple(offered_chip(text, each) for each in offers),
    )


def print_query(query: Query, *, known: KnownValues | None = None) -> str:
    """Return a text that parses to a query with the same parts, each in its explicit form.

    Args:
        query: to print.
        known: what it will be parsed with; a query that is stored is parsed without.
    """
    meanings = _joined_texts(part.meaning for part in query.parts)
    texts = [place for place, each in enumerate(meanings) if isinstance(each, Text)]
    kept: set[int] = set()
    for _ in range(_MOST_TRIES):
        printed = _printed(meanings, kept)
        other = _first_other(printed, meanings, known)
        suspects = [place for place in texts if place not in kept]
        if other is None:
            return printed
        if not suspects:
            break
        kept.add(max((place for place in suspects if place <= other), default=suspects[0]))
    return _printed(meanings, set(texts))


_MOST_TRIES = 4
_OTHERS = (Text, Phrase, Excluded, Without, Like, AllOf, AnyOf, Not)


def _speaking(meaning: Meaning) -> Iterator[str]:
    """Yield the words of a part that speak for an asset."""
    if isinstance(meaning, Text):
        yield meaning.text
    elif isinstance(meaning, Phrase | AllOf | AnyOf):
        yield from wanted_words(meaning)


def _joined_texts(meanings: Iterable[Meaning]) -> list[Meaning]:
    """Join texts that stand beside each other because something between was taken out."""
    joined: list[Meaning] = []
    for meaning in meanings:
        last = joined[-1] if joined else None
        if isinstance(meaning, Text) and isinstance(last, Text):
            before = len(last.text.split(" "))
            kept = (*last.kept, *(before + place for place in meaning.kept))
            joined[-1] = Text(f"{last.text} {meaning.text}", kept)
        else:
            joined.append(meaning)
    return joined


def _printed(meanings: Sequence[Meaning], kept: Set[int]) -> str:
    """Return parts in their explicit form; of texts at places that are kept, each word is kept."""
    return " ".join(
        print_meaning(each, keeps_all=place in kept) for place, each in enumerate(meanings)
    )


def _first_other(text: str, meanings: Sequence[Meaning], known: KnownValues | None) -> int | None:
    """Return the first part that a text means otherwise; None where it means all these parts.

    Times are compared as they are written, so it is no matter which day it is.
    """
    try:
        parsed = [_comparable(each.meaning) for each in parse_query(text, known=known).parts]
    except BadFilter:
        return 0
    wanted = [_comparable(each) for each in meanings]
    if parsed == wanted:
        return None
    pairs = zip(parsed, wanted, strict=False)
    return next((place for place, (is_, was) in enumerate(pairs) if is_ != was), len(parsed))


def _comparable(meaning: Meaning) -> tuple[str, str]:
    return chip_kind(meaning), meaning.text if isinstance(meaning, Text) else print_meaning(meaning)
