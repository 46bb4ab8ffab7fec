"""What of a query in words a record answers, and where: the reason behind a lexical hit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from museion.search.lexical_fields import Field, Seen
from museion.search.word_query import WordQuery
from museion.search.words import FEWEST_LETTERS_OF_A_PART, stem

_MOST_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Answered:
    """What of a query a record answers; `LexicalHit` says what the attributes mean."""

    matched: Mapping[str, tuple[str, ...]]
    corrected: Mapping[str, tuple[str, ...]]
    coverage: float
    is_exact: bool


class _Fit(NamedTuple):
    """How a word that a record holds answers one of the query.

    Attributes:
        word: of the query, folded.
        languages: in which it is another inflection; None where the word stands as written.
        corrected: the word that is held, if the one of the query may be a typo of it.
    """

    word: str
    languages: frozenset[str] | None
    corrected: str | None = None


class _Fits(dict[str, tuple[_Fit, ...]]):
    """How each word that records hold answers the query; found out once, as most come again.

    Attributes:
        sought: each folded word of the query, also of phrases, with all its forms.
        candidates: returns those of some words, one a line, that begin like one that answers it.
    """

    def __init__(self, query: WordQuery) -> None:
        super().__init__()
        phrases = [word for phrase in query.phrases for word in phrase.words]
        self.sought = {w.folded: w.forms for w in (*query.words, *phrases)}
        self._languages = query.languages
        self._roots = {
            word: {each: stem(word, each) for each in query.languages} for word in self.sought
        }
        self._corrections = {
            word: frozenset(each.word for each in nearest)
            for word, nearest in query.corrections.items()
        }
        self._begun = query.words[-1].folded if query.completes else None
        starts = chain(*self.sought.values(), *self._corrections.values())
        starting = "|".join(sorted({_start(word) for word in starts})) or "(?!)"
        self.candidates = re.compile(f"^(?:{starting}).*", re.MULTILINE).findall

    def __missing__(self, held: str) -> tuple[_Fit, ...]:
        fits = tuple(self._of(held))
        if len(self) < _MOST_REMEMBERED:
            self[held] = fits
        return fits

    def _of(self, held: str) -> Iterator[_Fit]:
        for word, forms in self.sought.items():
            if held in forms:
                yield _Fit(word, None)
            elif held in self._corrections.get(word, ()):
                yield _Fit(word, frozenset(), held)
            elif word == self._begun and held.startswith(word):
                yield _Fit(word, frozenset())
            else:
                roots = self._roots[word]
                alike = frozenset(each for each in roots if stem(held, each) == roots[each])
                if alike:
                    yield _Fit(word, alike)


class _Found(NamedTuple):
    """Words of the query found in one field: whole, in any way, and what for a mistyped one."""

    whole: Set[str]
    any_way: Set[str]
    corrected: Sequence[_Fit] = ()


class Asked:
    """A query made ready to be held against many records."""

    def __init__(self, query: WordQuery, fields: Iterable[Field]) -> None:
        values = {p.value: frozenset(word.folded for word in p.words) for p in query.phrases}
        self._words = tuple(word.folded for word in query.words)
        self._fits = _Fits(query)
        self._languages = frozenset(query.languages)
        self._values = {**values, **query.values}
        self._fields = {field.name: field for field in fields}
        self._kinds = {name: field.kind for name, field in self._fields.items()}
        self._order = {name: place for place, name in enumerate(self._fields)}

    def answered_by(self, seen: Seen) -> Answered:
        """Tell which words a record holds, and where."""
        found_in = {
            name: here
            for name, held in seen.words.items()
            if (here := self._found_in(name, held, seen)) is not None
        }
        whole: set[str] = set()
        certain: set[str] = set()
        found: set[str] = set()
        for name, here in found_in.items():
            found |= here.any_way
            whole |= here.whole
            certain |= here.whole if self._fields[name].is_certain else set()
        covered = sum(word in found for word in self._words)
        return Answered(
            self._in_order(found_in),
            _corrections(fit for here in found_in.values() for fit in here.corrected),
            covered / len(self._words) if self._words else 1.0,
            certain.issuperset(self._words) and whole.issuperset(self._fits.sought),
        )

    def _in_order(self, found_in: Mapping[str, _Found]) -> dict[str, tuple[str, ...]]:
        """Return the words found by field, both in their order."""
        sought = self._fits.sought
        return {
            name: tuple(word for word in sought if word in found_in[name].any_way)
            for name in sorted(found_in, key=self._order.__getitem__)
        }

    def _found_in(self, name: str, held: str, seen: Seen) -> _Found | None:
        """Return what of the query a field holds: words or values, one a line."""
        kind = self._kinds[name]
        if kind == "keyword":
            values = self._values
            whole = {
                word for value in held.split("\n") if value in values for word in values[value]
            }
            return _Found(whole, whole) if whole else None
        fits = self._fits
        here = [fit for each in fits.candidates(held) for fit in fits[each]]
        if kind == "text":
            return self._in_text(here, self._fields[name], seen) if here else None
        whole = {fit.word for fit in here if fit.languages is None}
        any_way = whole | self._parts_of(held, whole)
        return _Found(whole, any_way) if any_way else None

    def _in_text(self, here: Sequence[_Fit], field: Field, seen: Seen) -> _Found | None:
        """Sort out what of the words that fit does so in a language of the text.

        What only one of several languages takes for an inflection may be a word of another.
        """
        spoken = self._languages.intersection(seen.languages.get(field.name, field.languages))
        whole: set[str] = set()
        any_way: set[str] = set()
        for word, languages, _ in here:
            if languages is None or (languages and languages >= spoken):
                whole.add(word)
            elif not languages or languages & spoken:
                any_way.add(word)
        any_way |= whole
        return _Found(whole, any_way, [fit for fit in here if fit.corrected]) if any_way else None

    def _parts_of(self, held: str, whole: Set[str]) -> set[str]:
        """Return the words that stand within longer ones."""
        return {
            word
            for word, forms in self._fits.sought.items()
            if word not in whole
            and any(len(form) >= FEWEST_LETTERS_OF_A_PART and form in held for form in forms)
        }


def _start(word: str) -> str:
    """Return a pattern for the first two letters of a word; its inflections begin alike.

    English makes `dying` of `die`, but in the first letter and in others no language changes any.
    """
    return word[:1] + ("[iy]" if word[1:2] in ("i", "y") else word[1:2])


def _corrections(fits: Iterable[_Fit]) -> dict[str, tuple[str, ...]]:
    """Return the words held in the place of mistyped ones."""
    told: dict[str, set[str]] = {}
    for fit in fits:
        told.setdefault(fit.word, set()).add(fit.corrected or fit.word)
    return {word: tuple(sorted(words)) for word, words in told.items()}
