r"""A typed query as tokens: words, quoted phrases, filters, operators, parentheses.

A backslash before a word keeps it a word, whatever it looks like: `\type:photo`, `\AND`, `\may`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

TokenKind: TypeAlias = Literal["word", "kept", "phrase", "filter", "operator", "open", "close"]

DEEPEST_NESTING: Final = 6
"""Parentheses that stand deeper are letters like others: nobody types them, and SQL has a limit."""
OPERATORS = frozenset({"AND", "OR", "NOT"})

QUOTES: Final = '"“”„'
_DIVIDERS: Final = str.maketrans(dict.fromkeys(f"{QUOTES}()", " "))
_QUOTED = re.compile(f"[{QUOTES}]([^{QUOTES}]*)[{QUOTES}]?")
_BEHIND_QUOTED = re.compile(rf",[^\s{QUOTES}]*")
_NAMED = re.compile(r"(-?)([a-z-]+):(?=\S)", re.IGNORECASE)
_TO_SPACE = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a query.

    Attributes:
        kind: what it is.
        text: a word, the words of a phrase with single spaces, a filter's value, an operator.
        start: where it begins in the query.
        end: where it ends.
        name: of a filter, in lower case.
        minus: a minus stood in front of a phrase, a filter or a parenthesis; of a word it is part.
    """

    kind: TokenKind
    text: str
    start: int
    end: int
    name: str = ""
    minus: bool = False

    @property
    def core(self) -> str:
        """The text without punctuation around it and without a minus in front."""
        return core_of(self.text)


def core_of(word: str) -> str:
    """Return a word from its first letter or digit to its last; empty where it has none."""
    start, end = 0, len(word)
    while start < end and not word[start].isalnum():
        start += 1
    while end > start and not word[end - 1].isalnum():
        end -= 1
    return word[start:end]


def words_of(text: str) -> str:
    """Return the words of a text without punctuation around them, single spaces between.

    Quotes and parentheses divide words, so what it returns can stand within both.
    """
    return " ".join(core for each in text.translate(_DIVIDERS).split() if (core := core_of(each)))


def tokens_of(text: str, *, is_name: Callable[[str], bool]) -> Iterator[Token]:
    """Yield the tokens of a text in order; empty quotes are none.

    Args:
        text: what was typed.
        is_name: tells whether a name, in lower case, with a colon behind begins a filter.
    """
    place, depth = 0, 0
    while found := _TO_SPACE.search(text, place):
        token = _token(text, found.start(), depth, is_name)
        depth += (token.kind == "open") - (token.kind == "close")
        place = token.end
        if token.kind != "phrase" or core_of(token.text):
            yield token


def _token(text: str, start: int, depth: int, is_name: Callable[[str], bool]) -> Token:
    if parenthesis := _parenthesis(text, start, depth):
        return parenthesis
    if text.startswith("\\", start) and (end := _end(text, start + 1, depth)) > start + 1:
        return Token("kept", text[start + 1 : end], start, end)
    if (named := _NAMED.match(text, start)) and is_name(named[2].lower()):
        value, end = _value(text, named.end(), depth)
        if value is not None:
            name = named[2].lower()
            return Token("filter", value, start, end, name, minus=bool(named[1]))
    minus = text.startswith("-", start)
    if quoted := _QUOTED.match(text, start + minus):
        words = " ".join(quoted[1].split())
        return Token("phrase", words, start, quoted.end(), minus=minus)
    end = max(_end(text, start, depth), start + 1)
    word = text[start:end]
    return Token("operator" if word in OPERATORS else "word", word, start, end)


def _parenthesis(text: str, start: int, depth: int) -> Token | None:
    minus = text.startswith("-(", start)
    if text.startswith("(", start + minus) and depth < DEEPEST_NESTING:
        return Token("open", "(", start, start + minus + 1, minus=minus)
    if text.startswith(")", start) and depth > 0:
        return Token("close", ")", start, start + 1)
    return None


def _value(text: str, start: int, depth: int) -> tuple[str | None, int]:
    """Return a filter's value: quoted, quoted and more behind a comma, or up to the next space."""
    quoted = _QUOTED.match(text, start)
    if quoted is None:
        end = _end(text, start, depth)
        return (text[start:end] if end > start else None), end
    if behind := _BEHIND_QUOTED.match(text, quoted.end()):
        end = _end(text, behind.start(), depth, last=behind.end())
        return quoted[1] + text[behind.start() : end], end
    return quoted[1], quoted.end()


def _end(text: str, start: int, depth: int, *, last: int | None = None) -> int:
    """Return where a word ends: at a space, or at parentheses that close what others opened."""
    if last is None:
        found = _TO_SPACE.match(text, start)
        last = found.end() if found else start
    closing = last
    while depth and closing > start and text[closing - 1] == ")":
        closing -= 1
    inner = text[start:closing].count("(") - text[start:closing].count(")")
    return min(last, closing + max(inner, 0))
