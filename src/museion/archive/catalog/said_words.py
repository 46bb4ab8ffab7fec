"""Conditions that a column says certain words, without help from outside of SQLite.

Letters are compared without case and accents: each letter of a pattern is the class of all letters
that fold to it. Up to three characters that are no letters or digits may divide two words.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import Final

from museion.archive.catalog.condition import Condition
from museion.search.filters import ANYTHING
from museion.search.words import fold

_LETTERS = range(0x20, 0x250)
"""Characters that may fold to another: Latin letters with all that Europe puts on them."""
_BETWEEN: Final = (
    "[^0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff\u2c00-\u2fff\u3040-\ud7ff\uf900-\ufdff]"
)
"""What GLOB takes for one character that divides words."""
_BETWEEN_PLAIN: Final = "[^0-9a-z]"
"""The same among lower-case ASCII."""
_WIDEST_GAP: Final = 3
_WORDS_AT_ONCE: Final = 3
"""Of more words, each so many that follow each other are looked for."""


def saying(column: str, words: str) -> Condition:
    """Return the condition that a column says words, one after the other.

    Args:
        column: its name; it comes from the code.
        words: folded, with single spaces; with a `*` behind, the last may go on; `*` alone asks
            for any text.
    """
    if words == ANYTHING:
        return Condition(f"trim(coalesce({column}, '')) <> ''", ())
    said = words.removesuffix(ANYTHING).split()
    goes_on = words.endswith(ANYTHING)
    longest = max(said, key=len)
    holds_all = " AND ".join([f"instr(lower({column}), ?)"] * len(said))
    plain = _said(f"lower({column})", said, between=_BETWEEN_PLAIN, goes_on=goes_on)
    alike = [pattern(word) for word in said]
    folded = _said(column, alike, between=_BETWEEN, goes_on=goes_on)
    # Most columns are plain ASCII and need no classes of letters; the first comparison of each
    # kind is quick and decides most rows.
    return Condition(
        f"CASE WHEN length(CAST({column} AS BLOB)) = length({column})"
        f" THEN CASE WHEN {holds_all} THEN {plain.sql} ELSE 0 END"
        f" WHEN {column} GLOB ? THEN {folded.sql} ELSE 0 END",
        (*said, *plain.arguments, f"*{pattern(longest)}*", *folded.arguments),
    )


def _said(value: str, words: Sequence[str], *, between: str, goes_on: bool) -> Condition:
    gathered = [
        list(_patterns(run, between=between, goes_on=goes_on and last))
        for run, last in _runs(words)
    ]
    glob = f"' ' || {value} || ' ' GLOB ?"
    return Condition(
        " AND ".join(f"({' OR '.join([glob] * len(run))})" for run in gathered),
        tuple(each for run in gathered for each in run),
    )


def _runs(words: Sequence[str]) -> Iterator[tuple[Sequence[str], bool]]:
    """Yield words that follow each other, and whether the last of all is among them."""
    last = max(len(words) - _WORDS_AT_ONCE, 0)
    for start in range(last + 1):
        yield words[start : start + _WORDS_AT_ONCE], start == last


def _patterns(words: Sequence[str], *, between: str, goes_on: bool) -> Iterator[str]:
    """Yield what GLOB takes for words with all gaps that may divide them."""
    end = "*" if goes_on else f"{between}*"
    for gaps in product(range(1, _WIDEST_GAP + 1), repeat=len(words) - 1):
        rest = "".join(between * gap + word for gap, word in zip(gaps, words[1:], strict=True))
        yield f"*{between}{words[0]}{rest}{end}"


def whole_pattern(text: str) -> str:
    """Return what GLOB takes for a text and all spellings that fold to the same."""
    return pattern(fold(text))


def pattern(folded: str) -> str:
    """Return what GLOB takes for a folded text within another."""
    return "".join(_class(letter) for letter in folded)


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
