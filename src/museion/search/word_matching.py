"""What of a query in words a record answers, and where: the reason behind a lexical hit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from museion.search.lexical_fields import Field, Seen
from museion.search.word_query import FEWEST_LETTERS_OF_A_PART, WordQuery
from museion.search.words import stem, stems


@dataclass(frozen=True, slots=True)
class Answered:
    """What of a query a record answers; `LexicalHit` says what the attributes mean."""

    matched: Mapping[str, tuple[str, ...]]
    corrected: Mapping[str, tuple[str, ...]]
    coverage: float
    is_exact: bool


@dataclass(slots=True)
class _Found:
    """Words of the query found in one field: for certain, in any way, and corrected."""

    whole: set[str]
    any_way: set[str]
    corrected: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A query made ready to be held against many records.

    Attributes:
        words: folded words that count for coverage.
        sought: each folded word, also of phrases, with all its forms.
        roots: by language that the query may be in, the stem of each folded word.
        values: whole values of keyword fields, each with the folded words it stands for.
        corrections: for folded words that occur nowhere, the words that they may be typos of.
        begun: the last word, if it may be completed.
        fields: in the order declared.
    """

    words: tuple[str, ...]
    sought: Mapping[str, tuple[str, ...]]
    roots: Mapping[str, Mapping[str, str]]
    values: Mapping[str, frozenset[str]]
    corrections: Mapping[str, frozenset[str]]
    begun: str | None
    fields: tuple[Field, ...]

    @classmethod
    def of(cls, query: WordQuery, fields: Iterable[Field]) -> Self:
        """Make a query ready."""
        phrases = [word for phrase in query.phrases for word in phrase.words]
        values = {p.value: frozenset(word.folded for word in p.words) for p in query.phrases}
        sought = {w.folded: w.forms for w in (*query.words, *phrases)}
        return cls(
            tuple(word.folded for word in query.words),
            sought,
            {each: {word: stem(word, each) for word in sought} for each in query.languages},
            {**values, **query.values},
            {
                word: frozenset(each.word for each in nearest)
                for word, nearest in query.corrections.items()
            },
            query.words[-1].folded if query.completes else None,
            tuple(fields),
        )

    def answered_by(self, seen: Seen) -> Answered:
        """Tell which words a record holds, and where."""
        matched: dict[str, tuple[str, ...]] = {}
        corrected: dict[str, set[str]] = {}
        found: set[str] = set()
        certain: set[str] = set()
        for field in self.fields:
            held = seen.words.get(field.name)
            if not held:
                continue
            here = self._found_in(held, field, seen)
            if here.any_way:
                matched[field.name] = tuple(word for word in self.sought if word in here.any_way)
                found |= here.any_way
                certain |= here.whole if field.is_certain else set()
            for word, words in here.corrected.items():
                corrected.setdefault(word, set()).update(words)
        covered = sum(word in found for word in self.words)
        coverage = covered / len(self.words) if self.words else 1.0
        told = {word: tuple(sorted(words)) for word, words in corrected.items()}
        return Answered(matched, told, coverage, certain.issuperset(self.sought))

    def _found_in(self, held: Sequence[str], field: Field, seen: Seen) -> _Found:
        if field.kind == "keyword":
            whole = {word for value in held for word in self.values.get(value, ())}
            return _Found(whole, whole, {})
        written = frozenset(held)
        whole = {word for word, forms in self.sought.items() if not written.isdisjoint(forms)}
        if field.kind == "trigrams":
            return _Found(whole, whole | self._parts_of(held, whole), {})
        languages = seen.languages.get(field.name, field.languages)
        in_all, in_any = self._inflected(held, languages, whole)
        corrected = {
            word: tuple(written & nearest)
            for word, nearest in self.corrections.items()
            if not written.isdisjoint(nearest)
        }
        any_way = whole | in_any | corrected.keys() | self._begun_in(held)
        return _Found(whole | in_all, any_way, corrected)

    def _inflected(
        self, held: Sequence[str], languages: Sequence[str], whole: set[str]
    ) -> tuple[set[str], set[str]]:
        """Return words held in another inflection: in all languages of the text, and in any.

        What only one of several languages takes for an inflection may be a word of another.
        """
        others = self.sought.keys() - whole
        spoken = [each for each in languages if each in self.roots]
        if not others or not spoken:
            return set(), set()
        initials = {word[0] for word in others}
        alike = [word for word in held if word[0] in initials]  # a stem keeps the first letter
        each_in = []
        for language in spoken:
            roots, held_roots = self.roots[language], stems(alike, language)
            each_in.append({word for word in others if roots[word] in held_roots})
        return set.intersection(*each_in), set.union(*each_in)

    def _parts_of(self, held: Sequence[str], whole: set[str]) -> set[str]:
        """Return the words that stand within longer ones."""
        return {
            word
            for word, forms in self.sought.items()
            if word not in whole
            and any(
                len(form) >= FEWEST_LETTERS_OF_A_PART and any(form in each for each in held)
                for form in forms
            )
        }

    def _begun_in(self, held: Sequence[str]) -> set[str]:
        """Return the last word if it begins one that is held."""
        begun = self.begun
        if begun is None or not any(word.startswith(begun) for word in held):
            return set()
        return {begun}
