"""A query in words: what it looks for, and how the index is asked.

Text fields are found by words in every form that `words` gives and, with less weight, by stems.
Keyword fields are found by whole values: what was typed between two spaces, up to four of these in
a row, a phrase, or the whole text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import tantivy

from museion.search.lexical_fields import Field, folded_value
from museion.search.words import Word, content_words, split_words, stem

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
