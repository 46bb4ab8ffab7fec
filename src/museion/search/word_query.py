"""A query in words, taken apart: what it looks for.

Words without those that say too little, phrases, and what may be the whole value of a keyword
field: what was typed between two spaces, up to four of these in a row, or the whole text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from museion.search.languages import DEFAULT_LANGUAGES, languages_of
from museion.search.lexical_fields import folded_value
from museion.search.typos import Correction
from museion.search.words import Word, content_words, split_words

_LONGEST_RUN = 4
_AROUND_WORDS = ".,;:!?()[]{}<>\"'“”„‘’…"


@dataclass(frozen=True, slots=True)
class WordPhrase:
    """Words that must stand one after the other, or be the whole value of a keyword field."""

    words: tuple[Word, ...]
    value: str


@dataclass(frozen=True, slots=True)
class WordQuery:
    """What is looked for.

    Attributes:
        words: without stop words, each once, in the order asked.
        values: what may be the whole value of a keyword field, each with the words it stands for.
        phrases: must all occur.
        completes: the last of `words` may be the beginning of a longer one.
        languages: those that it may be in.
        corrections: for folded words that occur nowhere, what they may be typos of.
    """

    words: tuple[Word, ...]
    values: Mapping[str, frozenset[str]]
    phrases: tuple[WordPhrase, ...]
    completes: bool
    languages: tuple[str, ...] = DEFAULT_LANGUAGES
    corrections: Mapping[str, tuple[Correction, ...]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Nothing is looked for."""
        return not (self.words or self.values or self.phrases)


def parse_words(
    text: str,
    phrases: Iterable[str] = (),
    *,
    completes: bool = False,
    among: tuple[str, ...] = DEFAULT_LANGUAGES,
) -> WordQuery:
    """Take apart a text of which any word will do, and phrases that must all occur.

    Args:
        text: as typed.
        phrases: as typed, without quotes.
        completes: the last word of `text` may be the beginning of a longer one.
        among: languages that it may be in.
    """
    typed = split_words(text)
    words = tuple(dict.fromkeys(content_words(typed)))
    parsed = [phrase for phrase in map(parse_phrase, phrases) if phrase.words]
    spoken = [*typed, *(word for phrase in parsed for word in phrase.words)]
    return WordQuery(
        words,
        _possible_values(text),
        tuple(parsed),
        completes and text[-1:].isalnum() and bool(words),
        languages_of(spoken, among),
    )


def parse_phrase(text: str) -> WordPhrase:
    """Take apart a phrase; one without a word asks for nothing."""
    return WordPhrase(tuple(split_words(text)), folded_value(text))


def _possible_values(text: str) -> dict[str, frozenset[str]]:
    typed = text.split()
    runs = {text}
    for start in range(len(typed)):
        for length in range(1, _LONGEST_RUN + 1):
            runs.add(" ".join(typed[start : start + length]))
    values = ((folded_value(run.strip(_AROUND_WORDS)), run) for run in runs)
    return {value: frozenset(w.folded for w in split_words(run)) for value, run in values if value}
