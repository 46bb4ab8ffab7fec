"""Where the words of a query stand in a text, and the passage of a long one that shows most.

Words are marked as they were found: in any spelling and inflection, as the beginning of a longer
word, or within one. Places count the characters of the text as it is, so that a screen may cut it
there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from museion.base.errors import InvalidInput
from museion.search.languages import DEFAULT_LANGUAGES, languages_of
from museion.search.words import FEWEST_LETTERS_OF_A_PART, Word, fold, split_words, stem

Span: TypeAlias = tuple[int, int]
"""Begin and end of a run of characters."""

_MARKED = re.compile("[^\\W_][^\\W_\u0300-\u036f]*(?:[\u0300-\u036f]+[^\\W_\u0300-\u036f]*)*")
"""A word as it is written, with the accents that stand behind their letters."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A passage of a text.

    Attributes:
        text: the passage, from the beginning of a word to the end of one.
        start: where in the whole text it begins, in characters.
        spans: what to mark in the passage, in order.
        is_whole: nothing was cut off.
    """

    text: str
    start: int
    spans: tuple[Span, ...]
    is_whole: bool


def highlight(
    text: str,
    words: Iterable[str],
    *,
    begun: str | None = None,
    within: bool = False,
    languages: Sequence[str] = DEFAULT_LANGUAGES,
) -> list[Span]:
    """Return where words stand in a text, in order, without overlaps.

    Args:
        text: what to look through; its length costs about a microsecond a word.
        words: of the query, as `LexicalHit.matched` tells them, and those in its `corrected`.
        begun: the beginning of a word, which is marked in longer ones.
        within: mark words of four letters and more also where they are part of longer ones, and
            across spaces, as a field of trigrams is found.
        languages: that the text may be in.

    Example:
        >>> highlight("Zwei Häuser am Fluß", ["haus", "fluss"])
        [(5, 11), (15, 19)]
    """
    sought = [word for each in words for word in split_words(each)]
    written = [(match.span(), split_words(match[0])) for match in _MARKED.finditer(text)]
    spoken = languages_of([word for _, each in written for word in each], languages)
    fits = _Fits(sought, fold(begun) if begun else None, spoken)
    spans = [span for span, each in written if any(map(fits, each))]
    if within:
        spans += _parts(written, sought)
    return list(_joined(sorted(spans)))


def snippet(
    text: str,
    words: Iterable[str],
    length: int = 200,
    *,
    within: bool = False,
    languages: Sequence[str] = DEFAULT_LANGUAGES,
) -> Snippet:
    """Return the passage of a text in which most different words of a query stand.

    Of equally good passages the first is taken; without any word, the beginning.

    Args:
        text: what to look through.
        words: of the query, as for `highlight`.
        length: in characters, at least 1; the passage is shorter where a word would be cut, and a
            single longer word is cut.
        within: as for `highlight`.
        languages: that the text may be in.

    Raises:
        InvalidInput: `length` is below 1.
    """
    if length < 1:
        raise InvalidInput(f"Expected a length of at least 1; came {length}.", remedy="Raise it.")
    spans = highlight(text, words, within=within, languages=languages)
    if len(text) <= length:
        return Snippet(text, 0, tuple(spans), is_whole=True)
    start, end = _best_window(text, spans, length)
    here = [(a - start, min(b, end) - start) for a, b in spans if start <= a < end]
    return Snippet(text[start:end], start, tuple(here), is_whole=False)


class _Fits:
    """Tells whether a written word is one of those sought."""

    def __init__(self, sought: Iterable[Word], begun: str | None, languages: Sequence[str]) -> None:
        words = list(sought)
        self._forms = {form for word in words for form in word.forms}
        self._roots = [(each, {stem(w.folded, each) for w in words}) for each in languages]
        self._begun = begun

    def __call__(self, written: Word) -> bool:
        if not self._forms.isdisjoint(written.forms):
            return True
        if self._begun and written.folded.startswith(self._begun):
            return True
        return any(stem(written.folded, each) in roots for each, roots in self._roots)


def _parts(written: Sequence[tuple[Span, Sequence[Word]]], sought: Iterable[Word]) -> list[Span]:
    """Return where sought words stand within others, or across the gap between two."""
    letters: list[str] = []
    places: list[Span] = []
    for (start, end), words in written:
        joined = "".join(word.folded for word in words)
        letters.append(joined)
        one_each = len(joined) == end - start
        places += [
            (start + n, start + n + 1) if one_each else (start, end) for n in range(len(joined))
        ]
    whole = "".join(letters)
    found = (
        (match.start(), match.end() - 1)
        for form in {form for word in sought for form in word.forms}
        if len(form) >= FEWEST_LETTERS_OF_A_PART
        for match in re.finditer(re.escape(form), whole)
    )
    return [(places[first][0], places[last][1]) for first, last in found]


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield spans in order, those that overlap as one."""
    waiting: Span | None = None
    for start, end in spans:
        if waiting and start < waiting[1]:
            waiting = (waiting[0], max(end, waiting[1]))
            continue
        if waiting:
            yield waiting
        waiting = (start, end)
    if waiting:
        yield waiting


def _best_window(text: str, spans: Sequence[Span], length: int) -> Span:
    """Return the passage with most different words marked, some text before the first of them."""
    best, most = (0, 0), 0
    for first, (start, _) in enumerate(spans):
        inside = list(_up_to(start + length, spans, first))
        different = len({fold(text[a:b]) for a, b in inside})
        if different > most:
            best, most = (start, max((b for _, b in inside), default=start)), different
    room = max(0, length - (best[1] - best[0]))
    start = max(0, min(best[0] - room // 3, len(text) - length)) if most else 0
    return _at_words(text, start, start + length, best if most else (start, start))


def _up_to(end: int, spans: Sequence[Span], first: int) -> Iterator[Span]:
    for place in range(first, len(spans)):
        if spans[place][1] > end:
            return
        yield spans[place]


def _at_words(text: str, start: int, end: int, kept: Span) -> Span:
    """Return a passage without half words at its ends, as far as `kept` allows."""
    if start and not text[start - 1].isspace():
        after = next((n for n in range(start, kept[0]) if text[n].isspace()), None)
        start = start if after is None else after + 1
    if end < len(text) and not text[end].isspace():
        before = next((n for n in range(end, kept[1], -1) if text[n - 1].isspace()), None)
        end = end if before is None else before - 1
    return start, max(end, start + 1)
