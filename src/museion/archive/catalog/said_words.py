"""Conditions that a column says certain words, without help from outside of SQLite.

Letters are compared without case and accents: each letter of a pattern is the class of all letters
that fold to it. Punctuation counts as a space.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType

from museion.archive.catalog.condition import Condition
from museion.search.filters import ANYTHING
from museion.search.words import fold

_PUNCTUATION = ".,;:!?-_/()[]{}\"'“”„‘’…–—+&#@*=<>|~\\\n\r\t\u00a0"
_LETTERS = range(0x20, 0x250)
"""Characters that may fold to another: Latin letters with all that Europe puts on them."""


def saying(column: str, words: str) -> Condition:
    """Return the condition that a column says words, one after the other.

    Args:
        column: its name; it comes from the code.
        words: folded, with single spaces; with a `*` behind, the last may go on; `*` alone asks
            for any text.
    """
    if words == ANYTHING:
        return Condition(f"trim(coalesce({column}, '')) <> ''", ())
    goes_on = words.endswith(ANYTHING)
    said = pattern(words.removesuffix(ANYTHING))
    first = pattern(max(words.removesuffix(ANYTHING).split(), key=len, default=""))
    end = "*" if goes_on else " *"
    # The first pattern is quick and decides most rows; the column is taken apart for the others.
    return Condition(
        f"CASE WHEN {column} GLOB ? THEN {_spaced(column)} GLOB ? ELSE 0 END",
        (f"*{first}*", f"* {said}{end}"),
    )


def whole_pattern(text: str) -> str:
    """Return what GLOB takes for a text and all spellings that fold to the same."""
    return pattern(fold(text))


def pattern(folded: str) -> str:
    """Return what GLOB takes for a folded text within another."""
    return "".join(_class(letter) for letter in folded)


@functools.cache
def _spaced(column: str) -> str:
    """Return an expression: the column with a space for all punctuation, and one at both ends."""
    spaced = f"lower({column})"
    for mark in _PUNCTUATION:
        spaced = f"replace({spaced}, char({ord(mark)}), ' ')"
    for _ in range(3):
        spaced = f"replace({spaced}, '  ', ' ')"
    return f"(' ' || {spaced} || ' ')"


def _class(letter: str) -> str:
    alike = _alike().get(letter, letter)
    if len(alike) > 1 or letter in "*?[":
        return f"[{alike}]"
    return letter


@functools.cache
def _alike() -> Mapping[str, str]:
    """Return folded letter -> all letters that fold to it."""
    alike: dict[str, list[str]] = {}
    for number in _LETTERS:
        letter = chr(number)
        folded = fold(letter)
        if len(folded) == 1 and folded.isalnum():
            alike.setdefault(folded, [folded])
            if letter != folded:
                alike[folded].append(letter)
    return MappingProxyType({folded: "".join(letters) for folded, letters in alike.items()})
