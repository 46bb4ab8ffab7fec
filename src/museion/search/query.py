"""What someone typed into the one search box, taken apart into what is meant.

    a dog "red slide" -leash type:photo after:2020

is the text `a dog`, the phrase `red slide`, without `leash`, and two filters (`filter_syntax` lists
them all). A minus excludes a word, a phrase or a filter. Quotes may be straight or curly; one that
is not closed reaches to the end. `name:value` with a name that is no filter is text, and so is a
filter's name without a value: `ratio 16:9`, `Re: hello`, `type: unknown`.

A query prints to a text that parses to a query of the same meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from museion.search.filter_syntax import is_filter_name, parse_filter, print_filter
from museion.search.filters import (
    BadFilter,
    CameraFilter,
    CollectionFilter,
    Filter,
    PlaceFilter,
    RatingFilter,
    SizeFilter,
    TagFilter,
    TimeFilter,
    TypeFilter,
    filter_kind,
    filter_label,
)

__all__ = [
    "BadFilter",
    "CameraFilter",
    "Chip",
    "CollectionFilter",
    "Excluded",
    "Filter",
    "Part",
    "Phrase",
    "PlaceFilter",
    "Query",
    "RatingFilter",
    "SizeFilter",
    "TagFilter",
    "Text",
    "TimeFilter",
    "TypeFilter",
    "parse_query",
    "print_query",
]

_QUOTES = '"“”„'
_QUOTED = re.compile(f"[{_QUOTES}]([^{_QUOTES}]*)[{_QUOTES}]?")
_FILTER = re.compile(r"(-?)([a-z-]+):(?=\S)", re.IGNORECASE)
_TOKEN = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Text:
    """Words to be understood, with single spaces."""

    text: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that must stand one after the other."""

    text: str


@dataclass(frozen=True, slots=True)
class Excluded:
    """A word or phrase that must not occur."""

    text: str


Meaning: TypeAlias = Text | Phrase | Excluded | Filter


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a query: what is meant, and how it was typed (which equality does not see)."""

    meaning: Meaning
    typed: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of a query as a screen shows it.

    Attributes:
        kind: text, phrase, excluded, or the filter's kind.
        typed: the part as it was typed.
        label: what to show.
    """

    kind: str
    typed: str
    label: str


@dataclass(frozen=True, slots=True)
class Query:
    """A query taken apart, its parts in the order typed; take a part out to edit it."""

    parts: tuple[Part, ...] = ()

    @property
    def filters(self) -> tuple[Filter, ...]:
        """All that must hold (or must not, where negated)."""
        meanings = (part.meaning for part in self.parts)
        return tuple(m for m in meanings if not isinstance(m, (Text, Phrase, Excluded)))

    @property
    def phrases(self) -> tuple[str, ...]:
        """Phrases that must all occur."""
        return tuple(p.meaning.text for p in self.parts if isinstance(p.meaning, Phrase))

    @property
    def excluded(self) -> tuple[str, ...]:
        """Words and phrases of which none may occur."""
        return tuple(p.meaning.text for p in self.parts if isinstance(p.meaning, Excluded))

    @property
    def text(self) -> str:
        """The semantic rest in the order typed, without phrases; empty if there is none."""
        return " ".join(p.meaning.text for p in self.parts if isinstance(p.meaning, Text))

    @property
    def semantic_text(self) -> str:
        """The semantic rest with the words of the phrases in their places: what to embed."""
        wanted = (p.meaning for p in self.parts)
        return " ".join(m.text for m in wanted if isinstance(m, (Text, Phrase)))

    @property
    def chips(self) -> tuple[Chip, ...]:
        """The parts as a screen shows them, in the order typed."""
        return tuple(_chip(part) for part in self.parts)


def parse_query(text: str) -> Query:
    """Take apart what someone typed; every text is a query, save for filters with bad values.

    Example:
        >>> query = parse_query('two dogs type:photo -"red ball"')
        >>> query.text, query.excluded, query.filters
        ('two dogs', ('red ball',), (TypeFilter(kind='photo', negated=False),))

    Raises:
        BadFilter: a filter's value is not one that it takes; says what it takes.
    """
    return Query(tuple(_joined_texts(_parts(text))))


def print_query(query: Query) -> str:
    """Return a text that parses to a query with the same parts, in the shortest written form."""
    return " ".join(_print(part.meaning) for part in query.parts)


def _parts(text: str) -> Iterator[Part]:
    place = 0
    while token := _TOKEN.search(text, place):
        start = token.start()
        meaning, place = _next(text, start)
        if meaning is not None:
            yield Part(meaning, text[start:place])


def _next(text: str, start: int) -> tuple[Meaning | None, int]:
    """Return what begins at `start`, and where it ends; None stands for empty quotes."""
    if (named := _FILTER.match(text, start)) and is_filter_name(named[2].lower()):
        value, end = _value(text, named.end())
        return parse_filter(named[2].lower(), value, negated=bool(named[1])), end
    minus = text.startswith("-", start)
    if quoted := _QUOTED.match(text, start + minus):
        words = " ".join(quoted[1].split())
        kind = Excluded if minus else Phrase
        return kind(words) if _says_something(words) else None, quoted.end()
    end = _end_of_token(text, start)
    token = text[start:end]
    if minus and not token.startswith("--") and _says_something(token):
        return Excluded(token[1:]), end
    return Text(token), end


def _value(text: str, start: int) -> tuple[str, int]:
    """Return a filter's value: quoted, quoted and more behind a comma, or up to the next space."""
    quoted = _QUOTED.match(text, start)
    if quoted is None:
        end = _end_of_token(text, start)
        return text[start:end], end
    if not text.startswith(",", quoted.end()):
        return quoted[1], quoted.end()
    end = _end_of_token(text, quoted.end())
    return quoted[1] + text[quoted.end() : end], end


def _end_of_token(text: str, start: int) -> int:
    token = _TOKEN.match(text, start)
    assert token is not None, "a token begins where no space is"
    return token.end()


def _says_something(words: str) -> bool:
    return any(letter.isalnum() for letter in words)


def _joined_texts(parts: Iterator[Part]) -> Iterator[Part]:
    """Join neighbouring words into one part."""
    waiting: Part | None = None
    for part in parts:
        if not isinstance(part.meaning, Text):
            if waiting:
                yield waiting
            waiting = None
            yield part
        elif waiting is None or not isinstance(waiting.meaning, Text):
            waiting = part
        else:
            joined = Text(f"{waiting.meaning.text} {part.meaning.text}")
            waiting = Part(joined, f"{waiting.typed} {part.typed}")
    if waiting:
        yield waiting


def _print(meaning: Meaning) -> str:
    match meaning:
        case Text(text):
            return text
        case Phrase(text):
            return f'"{text}"'
        case Excluded(text):
            bare = f"-{text}"
            return bare if _next(bare, 0) == (meaning, len(bare)) else f'-"{text}"'
        case _:
            return print_filter(meaning)


def _chip(part: Part) -> Chip:
    match part.meaning:
        case Text(text):
            return Chip("text", part.typed, text)
        case Phrase(text):
            return Chip("phrase", part.typed, f"“{text}”")
        case Excluded(text):
            return Chip("excluded", part.typed, f"not {text}")
        case filter_:
            return Chip(filter_kind(filter_), part.typed, filter_label(filter_))
