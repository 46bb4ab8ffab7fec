"""How the index is asked for a query in words.

Text fields are found by words in every form that `words` gives and, with less weight, by stems; a
word that occurs nowhere is looked for under those that it may be a typo of. Keyword fields are
found by whole values. Fields of trigrams are found by words and, with less weight, by parts of
words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from types import MappingProxyType
from typing import Literal, TypeAlias

import tantivy

from museion.search.lexical_fields import EVERY_FIELD, SAYS_FIELD, Field, trigrams
from museion.search.typos import corrections
from museion.search.word_query import WordPhrase, WordQuery, parse_phrase
from museion.search.words import FEWEST_LETTERS_OF_A_PART, Word, stem

Said: TypeAlias = Literal["words", "phrase", "prefix", "any"]
"""How a field says something: `LexicalIndex.ids_with` explains them."""

_STEM_SHARE = 0.5
"""Weight of a stem beside that of the word as written, so that the written form wins."""
_PART_SHARE = 0.5
_TYPO_SHARES = MappingProxyType({1: 0.5, 2: 0.3})
_MOST_CORRECTED = 5
"""A text in a language that the archive has no words of should not cost a second."""
_INFLECTIONS = 3
_FEWEST_ANSWERS = 10_000
"""So many may hold words of which the index keeps no count: stems, parts, values."""
_FEWEST_LETTERS_TO_COMPLETE = 2
_MOST_COMPLETIONS = 32


def corrected(
    query: WordQuery,
    fields: Mapping[str, Field],
    schema: tantivy.Schema,
    searcher: tantivy.Searcher,
    is_word: Callable[[str], bool],
) -> WordQuery:
    """Return a query with what its words may be typos of, for the first few that occur nowhere.

    Those that are words, whether they occur or not, are no typos.
    """
    kinds = fields.values()
    strange = (
        word
        for word in query.words
        if not is_word(word.folded) and not _occurs(word, query, kinds, schema, searcher)
    )
    found = {
        word.folded: nearest
        for word in islice(strange, _MOST_CORRECTED)
        if (nearest := corrections(word.folded, fields, schema, searcher))
    }
    return replace(query, corrections=found)


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
    required = [phrase_in_any(each, kinds, schema, ()) for each in query.phrases]
    refused = [phrase_in_any(each, kinds, schema, query.languages) for each in unwanted]
    if not required and not refused:
        return best
    clauses = [(tantivy.Occur.Should if required else tantivy.Occur.Must, best)]
    clauses += [(tantivy.Occur.Must, each) for each in required]
    clauses += [(tantivy.Occur.MustNot, each) for each in refused]
    return tantivy.Query.boolean_query(clauses)


def likely_answers(query: WordQuery, searcher: tantivy.Searcher) -> int:
    """Return about how many records hold one of the words, in any way; rather too many."""
    near = (each.word for nearest in query.corrections.values() for each in nearest)
    forms = chain(near, *(word.forms for word in query.words))
    counts = (searcher.doc_freq(EVERY_FIELD, form) for form in set(forms))
    return _INFLECTIONS * sum(counts) + _FEWEST_ANSWERS


def phrase_in_any(
    phrase: WordPhrase, fields: Iterable[Field], schema: tantivy.Schema, languages: Iterable[str]
) -> tantivy.Query:
    """Return what asks for records in which one field holds the phrase, or is it.

    Args:
        phrase: of at least one word.
        fields: where to look.
        schema: of the index.
        languages: a single word is found in its inflections in these, too.
    """
    inflected = tuple(languages)
    return _either(
        tantivy.Query.boost_query(clause, field.weight)
        for field in fields
        for clause in _phrase_in(phrase, field, schema, inflected)
    )


def said_in_field(
    field: Field, said: str, how: Said, schema: tantivy.Schema, *, languages: tuple[str, ...]
) -> tantivy.Query | None:
    """Return what asks for records of which one field says something; None for nothing said.

    `LexicalIndex.ids_with` says what the arguments mean.
    """
    if how == "any":
        return tantivy.Query.term_query(schema, SAYS_FIELD, field.name, "basic")
    phrase = parse_phrase(said)
    if not phrase.words:
        return None
    if how == "prefix":
        return _begun_in(phrase, field, schema)
    if how == "phrase" or field.kind == "keyword":
        return phrase_in_any(phrase, [field], schema, ())
    alone = [WordPhrase((word,), word.folded) for word in phrase.words]
    return tantivy.Query.boolean_query(
        [(tantivy.Occur.Must, phrase_in_any(each, [field], schema, languages)) for each in alone]
    )


def _begun_in(phrase: WordPhrase, field: Field, schema: tantivy.Schema) -> tantivy.Query:
    """Return what asks for a field that holds words, of which the last may go on."""
    if field.kind == "keyword":
        return tantivy.Query.regex_query(schema, field.words_field, _going_on(phrase.value))
    if len(phrase.words) == 1:
        return _either(
            tantivy.Query.regex_query(schema, field.words_field, _going_on(form))
            for form in phrase.words[0].forms
        )
    *words, last = [word.folded for word in phrase.words]
    run = [*map(re.escape, words), _going_on(last)]
    return tantivy.Query.regex_phrase_query(schema, field.words_field, run)  # type: ignore[arg-type]  # list[str] is one


def _going_on(start: str) -> str:
    return re.sub(r"([^\w\s])", r"\\\1", start) + ".*"


def _any_of(
    query: WordQuery, fields: Iterable[Field], schema: tantivy.Schema, searcher: tantivy.Searcher
) -> tantivy.Query:
    """Return what asks for records with any of the words or values, ranked by BM25."""
    # NOTE: one flat disjunction of terms; only then does tantivy skip blocks that cannot win.
    terms = [each for field in fields for each in _terms(query, field, searcher)]
    parts = [each for field in fields for each in _parts(query, field, schema)]
    found = [
        tantivy.Query.boost_query(
            tantivy.Query.term_query(schema, name, term, index_option="freq"), weight
        )
        for name, term, weight in terms
        if searcher.doc_freq(name, term)
    ]
    return _either([*found, *parts])


def _terms(
    query: WordQuery, field: Field, searcher: tantivy.Searcher
) -> Iterator[tuple[str, str, float]]:
    """Yield inverted field, term and weight of everything that may be found in a field."""
    if field.kind == "keyword":
        yield from ((field.words_field, value, field.weight) for value in query.values)
        return
    forms = dict.fromkeys(form for word in query.words for form in word.forms)
    yield from ((field.words_field, form, field.weight) for form in forms)
    if field.kind == "trigrams":
        return
    stemmed = dict.fromkeys(each for word in query.words for each in _stems(word, query, field))
    yield from ((*each, field.weight * _STEM_SHARE) for each in stemmed)
    for each in (each for nearest in query.corrections.values() for each in nearest):
        yield field.words_field, each.word, field.weight * _TYPO_SHARES[each.edits]
    if query.completes and len(begun := query.words[-1].folded) >= _FEWEST_LETTERS_TO_COMPLETE:
        longer = searcher.terms_with_prefix(field.words_field, begun, limit=_MOST_COMPLETIONS)
        share = field.weight * _STEM_SHARE
        yield from ((field.words_field, term, share) for term, _ in longer if term not in forms)


def _stems(word: Word, query: WordQuery, field: Field) -> Iterator[tuple[str, str]]:
    """Yield inverted field and term of a word's stems in the languages of query and field."""
    for language in field.languages:
        if language in query.languages:
            yield field.stems_field(language), stem(word.folded, language)


def _parts(query: WordQuery, field: Field, schema: tantivy.Schema) -> Iterator[tantivy.Query]:
    """Yield what finds words of a query within longer ones."""
    for form in (form for word in query.words for form in word.forms):
        if field.kind == "trigrams" and len(form) >= FEWEST_LETTERS_OF_A_PART:
            run = _run_of_letters(form, field, schema)
            yield tantivy.Query.boost_query(run, field.weight * _PART_SHARE)


def _occurs(
    word: Word,
    query: WordQuery,
    fields: Iterable[Field],
    schema: tantivy.Schema,
    searcher: tantivy.Searcher,
) -> bool:
    """Tell whether a word is in any record, in any way in which it is looked for uncorrected."""
    kinds = list(fields)
    alone = WordQuery((word,), {}, (), completes=query.completes and word == query.words[-1])
    alone = replace(alone, languages=query.languages)
    if any(_holds(searcher, schema, EVERY_FIELD, form) for form in word.forms):
        return True
    values = {value: said for value, said in query.values.items() if word.folded in said}
    asked = replace(alone, values=values)
    terms = (each for field in kinds for each in _terms(asked, field, searcher))
    if any(_holds(searcher, schema, name, term) for name, term, _ in terms):
        return True
    parts = [each for field in kinds for each in _parts(alone, field, schema)]
    return bool(parts) and bool(searcher.search(_either(parts), 1, count=False).hits)


def _holds(searcher: tantivy.Searcher, schema: tantivy.Schema, name: str, term: str) -> bool:
    # The count of a term still has records that were removed; asking leaves them out.
    if not searcher.doc_freq(name, term):
        return False
    question = tantivy.Query.term_query(schema, name, term, "basic")
    return bool(searcher.search(question, 1, count=False).hits)


def _phrase_in(
    phrase: WordPhrase, field: Field, schema: tantivy.Schema, languages: tuple[str, ...]
) -> Iterator[tantivy.Query]:
    words = phrase.words
    if field.kind == "keyword":
        yield tantivy.Query.term_query(schema, field.words_field, phrase.value, "basic")
        return
    spellings = dict.fromkeys(zip(*((w.folded, w.spelt_out) for w in words), strict=True))
    for spelling in spellings:
        joined = "".join(spelling)
        if field.kind == "trigrams" and len(joined) >= FEWEST_LETTERS_OF_A_PART:
            yield _run_of_letters(joined, field, schema)
        elif len(spelling) > 1:
            yield tantivy.Query.phrase_query(schema, field.words_field, list(spelling))
        else:
            yield tantivy.Query.term_query(schema, field.words_field, joined, "freq")
    if len(words) == 1 and field.kind == "text":
        for language in (each for each in field.languages if each in languages):
            root = stem(words[0].folded, language)
            yield tantivy.Query.term_query(schema, field.stems_field(language), root, "freq")


def _run_of_letters(joined: str, field: Field, schema: tantivy.Schema) -> tantivy.Query:
    return tantivy.Query.phrase_query(schema, field.trigrams_field, list(trigrams(joined)))


def _either(clauses: Iterable[tantivy.Query]) -> tantivy.Query:
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, clause) for clause in clauses])
