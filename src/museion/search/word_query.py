"""A query in words: what it looks for, how the index is asked, and what of it a record answers.

Text fields are found by words in every form that `words` gives and, with less weight, by stems.
Keyword fields are found by whole values: what was typed between two spaces, up to four of these in
a row, a phrase, or the whole text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import tantivy

from museion.search.lexical_fields import Field, Seen, folded_value
from museion.search.words import Word, content_words, split_words, stem, stems

_STEM_SHARE = 0.5
"""Weight of a stem beside that of the word as written, so that the written form wins."""

_LONGEST_RUN = 4
_FEWEST_LETTERS_TO_COMPLETE = 2
_MOST_COMPLETIONS = 32
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
    """

    words: tuple[Word, ...]
    values: Mapping[str, frozenset[str]]
    phrases: tuple[WordPhrase, ...]
    completes: bool

    @property
    def is_empty(self) -> bool:
        """Nothing is looked for."""
        return not (self.words or self.values or self.phrases)


@dataclass(frozen=True, slots=True)
class Answered:
    """What of a query a record answers; see `LexicalHit`."""

    matched: Mapping[str, tuple[str, ...]]
    coverage: float
    is_exact: bool


def parse_words(text: str, phrases: Iterable[str], *, completes: bool) -> WordQuery:
    """Take apart a text of which any word will do, and phrases that must all occur."""
    words = tuple(dict.fromkeys(content_words(split_words(text))))
    parsed = (parse_phrase(phrase) for phrase in phrases)
    return WordQuery(
        words,
        _possible_values(text),
        tuple(phrase for phrase in parsed if phrase.words),
        completes and text[-1:].isalnum() and bool(words),
    )


def parse_phrase(text: str) -> WordPhrase:
    """Take apart a phrase; one without a word asks for nothing."""
    return WordPhrase(tuple(split_words(text)), folded_value(text))


def whole_question(
    query: WordQuery,
    unwanted: Iterable[WordPhrase],
    fields: Iterable[Field],
    schema: tantivy.Schema,
    searcher: tantivy.Searcher,
) -> tantivy.Query:
    """Return what asks for records that answer a query and hold nothing unwanted."""
    kinds = list(fields)
    best = _any_of(query, kinds, schema, searcher)
    required = [phrase_in_any(each, kinds, schema, inflected=False) for each in query.phrases]
    refused = [phrase_in_any(each, kinds, schema, inflected=True) for each in unwanted]
    if not required and not refused:
        return best
    clauses = [(tantivy.Occur.Should if required else tantivy.Occur.Must, best)]
    clauses += [(tantivy.Occur.Must, each) for each in required]
    clauses += [(tantivy.Occur.MustNot, each) for each in refused]
    return tantivy.Query.boolean_query(clauses)


def phrase_in_any(
    phrase: WordPhrase, fields: Iterable[Field], schema: tantivy.Schema, *, inflected: bool
) -> tantivy.Query:
    """Return what asks for records in which one field holds the phrase, or is it.

    Args:
        phrase: of at least one word.
        fields: where to look.
        schema: of the index.
        inflected: a single word is found in its other inflections too.
    """
    return _either(
        tantivy.Query.boost_query(clause, field.weight)
        for field in fields
        for clause in _phrase_in(phrase, field, schema, inflected=inflected)
    )


def answer(query: WordQuery, seen: Seen, fields: Iterable[Field]) -> Answered:
    """Tell which words of a query a record holds, and where."""
    asked = [word.folded for word in query.words]
    in_phrases = [word.folded for phrase in query.phrases for word in phrase.words]
    matched: dict[str, tuple[str, ...]] = {}
    certain: set[str] = set()
    found: set[str] = set()
    for field in fields:
        whole, begun = _found(query, seen.get(field.name, ()), field)
        if here := whole | begun:
            order = dict.fromkeys((*asked, *in_phrases))
            matched[field.name] = tuple(word for word in order if word in here)
        found |= whole | begun
        certain |= whole if field.is_certain else set()
    coverage = sum(word in found for word in asked) / len(asked) if asked else 1.0
    return Answered(matched, coverage, certain.issuperset(asked))


def _possible_values(text: str) -> dict[str, frozenset[str]]:
    typed = text.split()
    runs = {text}
    for start in range(len(typed)):
        for length in range(1, _LONGEST_RUN + 1):
            runs.add(" ".join(typed[start : start + length]))
    values = ((folded_value(run.strip(_AROUND_WORDS)), run) for run in runs)
    return {value: frozenset(w.folded for w in split_words(run)) for value, run in values if value}


def _any_of(
    query: WordQuery, fields: Iterable[Field], schema: tantivy.Schema, searcher: tantivy.Searcher
) -> tantivy.Query:
    """Return what asks for records with any of the words or values, ranked by BM25."""
    # NOTE: one flat disjunction of terms; only then does tantivy skip blocks that cannot win.
    return _either(
        tantivy.Query.boost_query(
            tantivy.Query.term_query(schema, name, term, index_option="freq"), weight
        )
        for field in fields
        for name, term, weight in _terms(query, field, searcher)
    )


def _terms(
    query: WordQuery, field: Field, searcher: tantivy.Searcher
) -> Iterator[tuple[str, str, float]]:
    """Yield inverted field, term and weight of everything that may be found in a field."""
    if field.kind == "keyword":
        yield from ((field.words_field, value, field.weight) for value in query.values)
        return
    forms = dict.fromkeys(form for word in query.words for form in word.forms)
    yield from ((field.words_field, form, field.weight) for form in forms)
    stemmed = dict.fromkeys(stem(word.folded) for word in query.words)
    yield from ((field.stems_field, root, field.weight * _STEM_SHARE) for root in stemmed)
    if query.completes and len(begun := query.words[-1].folded) >= _FEWEST_LETTERS_TO_COMPLETE:
        longer = searcher.terms_with_prefix(field.words_field, begun, limit=_MOST_COMPLETIONS)
        share = field.weight * _STEM_SHARE
        yield from ((field.words_field, term, share) for term, _ in longer if term not in forms)


def _phrase_in(
    phrase: WordPhrase, field: Field, schema: tantivy.Schema, *, inflected: bool
) -> Iterator[tantivy.Query]:
    words = phrase.words
    if field.kind == "keyword":
        yield tantivy.Query.term_query(schema, field.words_field, phrase.value, "basic")
    elif len(words) > 1:
        for spelling in dict.fromkeys(zip(*((w.folded, w.spelt_out) for w in words), strict=True)):
            yield tantivy.Query.phrase_query(schema, field.words_field, list(spelling))
    else:
        for form in words[0].forms:
            yield tantivy.Query.term_query(schema, field.words_field, form, "freq")
        if inflected:
            root = stem(words[0].folded)
            yield tantivy.Query.term_query(schema, field.stems_field, root, "freq")


def _either(clauses: Iterable[tantivy.Query]) -> tantivy.Query:
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, clause) for clause in clauses])


def _found(query: WordQuery, seen: Sequence[str], field: Field) -> tuple[set[str], set[str]]:
    """Return the words found in a field whole, and those of which only the beginning was asked."""
    if not seen:
        return set(), set()
    held = frozenset(seen)
    if field.kind == "keyword":
        return _standing_for(query, held), set()
    words = {*query.words, *(word for phrase in query.phrases for word in phrase.words)}
    whole = {word.folded for word in words if not held.isdisjoint(word.forms)}
    if missing := {word.folded for word in words} - whole:
        roots = stems(held)
        whole |= {word for word in missing if stem(word) in roots}
    last = query.words[-1].folded if query.completes else None
    begun = {last} if last and any(word.startswith(last) for word in held) else set()
    return whole, begun - whole


def _standing_for(query: WordQuery, values: Set[str]) -> set[str]:
    """Return the words for which the values stand that are both held and asked for."""
    asked = {word for value in values & query.values.keys() for word in query.values[value]}
    phrases = (phrase for phrase in query.phrases if phrase.value in values)
    return asked | {word.folded for phrase in phrases for word in phrase.words}
