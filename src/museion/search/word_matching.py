"""What of a query in words a record answers, and where: the reason behind a lexical hit."""

from __future__ import annotations

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
        initials: letters with which a word begins that answers it.
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
        self.initials = frozenset(word[0] for word in starts)

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
            elif held[0] == word[0]:  # a stem keeps the first letter
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
        self._order = {name: place for place, name in enumerate(self._fields)}

    def answered_by(self, seen: Seen) -> Answered:
        """Tell which words a record holds, and where."""
        matched: dict[str, tuple[str, ...]] = {}
        corrected: dict[str, set[str]] = {}
        found: set[str] = set()
        certain: set[str] = set()
        whole: set[str] = set()
        for name in sorted(seen.words, key=self._order.__getitem__):
            field = self._fields[name]
            here = self._found_in(seen.words[name], field, seen)
            if here is None:
                continue
            matched[name] = tuple(word for word in self._fits.sought if word in here.any_way)
            found |= here.any_way
            whole |= here.whole
            certain |= here.whole if field.is_certain else set()
            for fit in here.corrected:
                corrected.setdefault(fit.word, set()).add(fit.corrected or "")
        covered = sum(word in found for word in self._words)
        coverage = covered / len(self._words) if self._words else 1.0
        told = {word: tuple(sorted(words)) for word, words in corrected.items()}
        is_exact = certain.issuperset(self._words) and whole.issuperset(self._fits.sought)
        return Answered(matched, told, coverage, is_exact)

    def _found_in(self, held: Sequence[str], field: Field, seen: Seen) -> _Found | None:
        if field.kind == "keyword":
            whole = {word for value in held for word in self._values.get(value, ())}
            return _Found(whole, whole) if whole else None
        fits = self._fits
        initials = fits.initials
        here = [fit for each in held if each[0] in initials for fit in fits[each]]
        if field.kind == "trigrams":
            whole = {fit.word for fit in here if fit.languages is None}
            any_way = whole | self._parts_of(held, whole)
            return _Found(whole, any_way) if any_way else None
        return self._in_text(here, field, seen) if here else None

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

    def _parts_of(self, held: Sequence[str], whole: Set[str]) -> set[str]:
        """Return the words that stand within longer ones."""
        return {
            word
            for word, forms in self._fits.sought.items()
            if word not in whole
            and any(
                len(form) >= FEWEST_LETTERS_OF_A_PART and any(form in each for each in held)
                for form in forms
            )
        }
