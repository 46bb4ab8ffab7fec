"""What of a query in words a record answers, and where: the reason behind a lexical hit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from museion.search.lexical_fields import Field, Seen
from museion.search.word_query import WordQuery
from museion.search.words import stem, stems


@dataclass(frozen=True, slots=True)
class Answered:
    """What of a query a record answers; `LexicalHit` says what the attributes mean."""

    matched: Mapping[str, tuple[str, ...]]
    coverage: float
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A query made ready to be held against many records.

    Attributes:
        words: folded words that count for coverage.
        sought: each folded word, also of phrases, with all its forms and its stem.
        values: whole values of keyword fields, each with the folded words it stands for.
        begun: the last word, if it may be completed.
        fields: in the order declared.
    """

    words: tuple[str, ...]
    sought: Mapping[str, tuple[tuple[str, ...], str]]
    values: Mapping[str, frozenset[str]]
    begun: str | None
    fields: tuple[Field, ...]

    @classmethod
    def of(cls, query: WordQuery, fields: Iterable[Field]) -> Self:
        """Make a query ready."""
        phrases = [word for phrase in query.phrases for word in phrase.words]
        values = {p.value: frozenset(word.folded for word in p.words) for p in query.phrases}
        return cls(
            tuple(word.folded for word in query.words),
            {w.folded: (w.forms, stem(w.folded)) for w in (*query.words, *phrases)},
            {**values, **query.values},
            query.words[-1].folded if query.completes else None,
            tuple(fields),
        )

    def answered_by(self, seen: Seen) -> Answered:
        """Tell which words a record holds, and where."""
        matched: dict[str, tuple[str, ...]] = {}
        found: set[str] = set()
        certain: set[str] = set()
        for field in self.fields:
            held = seen.get(field.name)
            if not held:
                continue
            whole = self._values_in(held) if field.kind == "keyword" else self._words_in(held)
            here = whole | self._begun_in(held) if field.kind == "text" else whole
            if here:
                matched[field.name] = tuple(word for word in self.sought if word in here)
                found |= here
                certain |= whole if field.is_certain else set()
        covered = sum(word in found for word in self.words)
        coverage = covered / len(self.words) if self.words else 1.0
        return Answered(matched, coverage, certain.issuperset(self.words))

    def _words_in(self, held: Sequence[str]) -> set[str]:
        """Return the words held in any form or inflection."""
        written = frozenset(held)
        roots: set[str] | None = None
        whole = set()
        for word, (forms, root) in self.sought.items():
            if not written.isdisjoint(forms):
                whole.add(word)
                continue
            if roots is None:
                roots = stems(held)
            if root in roots:
                whole.add(word)
        return whole

    def _values_in(self, held: Sequence[str]) -> set[str]:
        """Return the words for which values stand that are both held and asked for."""
        return {word for value in held for word in self.values.get(value, ())}

    def _begun_in(self, held: Sequence[str]) -> set[str]:
        """Return the last word if it begins one that is held."""
        begun = self.begun
        if begun is None or not any(word.startswith(begun) for word in held):
            return set()
        return {begun}
