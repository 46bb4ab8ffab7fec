"""Conditions that a column says certain words, without help from outside of SQLite.

Letters are compared without case and accents: each letter of a pattern is the class of all letters
that fold to it; `ue` also stands for `ü`, and `ss` for `ß`. Up to three characters that are no
letters or digits may divide two words. Accents that are characters of their own are not known here.

`finding.said` answers the same from the lexical index, at once for all assets; this is for single
assets, and for what the index does not know.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import Final

from museion.archive.catalog.condition import Condition
from museion.search.filters import ANYTHING
from museion.search.words import fold

_LETTERS = (*range(0x20, 0x530), *range(0x1E00, 0x2000))
"""Characters that may fold to another: those of Europe, with all that is put on them."""
_TWO_AS_ONE = MappingProxyType({"ae": "äÄæÆ", "oe": "öÖœŒ", "ue": "üÜ", "ss": "ßẞ"})
_TWO = re.compile("|".join(_TWO_AS_ONE))
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
    plain = _said(
        f"lower({column})", [[word] for word in said], between=_BETWEEN_PLAIN, goes_on=goes_on
    )
    holds_longest = [f"*{each}*" for each in patterns(longest)]
    folded = _said(column, [patterns(word) for word in said], between=_BETWEEN, goes_on=goes_on)
    # Most columns are plain ASCII and need no classes of letters; the first comparison of each
    # kind is quick and decides most rows.
    return Condition(
        f"CASE WHEN length(CAST({column} AS BLOB)) = length({column})"
        f" THEN CASE WHEN {holds_all} THEN {plain.sql} ELSE 0 END"
        f" WHEN {_globs(column, len(holds_longest))} THEN {folded.sql} ELSE 0 END",
        (*said, *plain.arguments, *holds_longest, *folded.arguments),
    )


def being(column: str, text: str) -> Condition:
    """Return the condition that a column is a text, whatever their case and accents.

    Args:
        column: its name; it comes from the code.
        text: as typed.
    """
    alike = patterns(fold(text))
    return Condition(_globs(column, len(alike)), tuple(alike))


def patterns(folded: str) -> list[str]:
    """Return what GLOB takes for a folded text within another: one or two spellings."""
    parts = _TWO.split(folded)
    as_two = "".join(map(_class, folded))
    if len(parts) == 1:
        return [as_two]
    ones = [*(f"[{_TWO_AS_ONE[two]}]" for two in _TWO.findall(folded)), ""]
    as_one = (f"{''.join(map(_class, part))}{one}" for part, one in zip(parts, ones, strict=True))
    return [as_two, "".join(as_one)]


def _said(value: str, words: Sequence[Sequence[str]], *, between: str, goes_on: bool) -> Condition:
    """Return the condition that a text says words, each in one of its spellings."""
    gathered = [
        list(_patterns(run, between=between, goes_on=goes_on and last))
        for run, last in _runs(words)
    ]
    padded = f"' ' || {value} || ' '"
    return Condition(
        " AND ".join(f"({_globs(padded, len(run))})" for run in gathered),
        tuple(each for run in gathered for each in run),
    )


def _globs(value: str, count: int) -> str:
    return " OR ".join([f"{value} GLOB ?"] * count)


def _runs(words: Sequence[Sequence[str]]) -> Iterator[tuple[Sequence[Sequence[str]], bool]]:
    """Yield words that follow each other, and whether the last of all is among them."""
    last = max(len(words) - _WORDS_AT_ONCE, 0)
    for start in range(last + 1):
        yield words[start : start + _WORDS_AT_ONCE], start == last


def _patterns(words: Sequence[Sequence[str]], *, between: str, goes_on: bool) -> Iterator[str]:
    """Yield what GLOB takes for words in all spellings, with all gaps that may divide them."""
    end = "*" if goes_on else f"{between}*"
    for spelt in product(*words):
        for gaps in product(range(1, _WIDEST_GAP + 1), repeat=len(words) - 1):
            rest = "".join(between * gap + word for gap, word in zip(gaps, spelt[1:], strict=True))
            yield f"*{between}{spelt[0]}{rest}{end}"


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
