"""Words that a mistyped one may stand for, among the words that an index holds.

Distance counts letters added, left out, exchanged, and neighbours swapped. It may be 1 for words of
four letters or more, 2 for eight or more; shorter words, and what has digits in it, are taken as
they are typed: there one letter makes another word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import tantivy

from museion.search.lexical_fields import EVERY_FIELD, Field, read_record

_LETTERS_FOR = ((8, 2), (4, 1))
_END_OF_ALPHABETS = "\u0530"
"""Latin, Greek and Cyrillic lie below; scripts whose signs are no letters above."""
_MOST_CORRECTIONS = 4
_MOST_ROUNDS = 4
_RECORDS_A_ROUND = 24


@dataclass(frozen=True, slots=True)
class Correction:
    """A word that the index holds, and how many edits lead to it."""

    word: str
    edits: int


def most_edits(word: str) -> int:
    """Return how many edits a folded word may be away from what was meant; 0 takes it as typed."""
    if not word.isalpha() or max(word) >= _END_OF_ALPHABETS:
        return 0
    return next((edits for letters, edits in _LETTERS_FOR if len(word) >= letters), 0)


def edits_between(one: str, other: str, most: int) -> int | None:
    """Return how many edits make one word the other, None if more than `most`.

    Source: Damerau's edits, each place edited once ("optimal string alignment").
    """
    if abs(len(one) - len(other)) > most or len(set(one) ^ set(other)) > 2 * most:
        return None  # the usual case, told without counting
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, beside in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != beside))
            if i > 1 and j > 1 and letter == other[j - 2] and beside == one[i - 2]:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
    return row[-1] if row[-1] <= most else None


def corrections(
    word: str, fields: Mapping[str, Field], schema: tantivy.Schema, searcher: tantivy.Searcher
) -> tuple[Correction, ...]:
    """Return the up to four likeliest words of the index for one that it does not hold.

    Nearer ones come first, then those that begin alike, then the more frequent. Words further away
    than the nearest are left out. Asks the index up to eight times.
    """
    for edits in range(1, most_edits(word) + 1):
        found = set(_near(word, edits, fields, schema, searcher))
        if found:
            return tuple(
                Correction(each, edits)
                for each in sorted(
                    found,
                    key=lambda other: (
                        other[0] != word[0],
                        -searcher.doc_freq(EVERY_FIELD, other),
                        other,
                    ),
                )
            )[:_MOST_CORRECTIONS]
    return ()


def _near(
    word: str,
    edits: int,
    fields: Mapping[str, Field],
    schema: tantivy.Schema,
    searcher: tantivy.Searcher,
) -> Iterator[str]:
    """Yield words within a distance: those of a few records, then of a few without these words."""
    near = tantivy.Query.fuzzy_term_query(schema, EVERY_FIELD, word, edits)
    clauses = [(tantivy.Occur.Must, near)]
    told: set[str] = set()
    for _ in range(_MOST_ROUNDS):
        question = tantivy.Query.boolean_query(clauses)
        hits = searcher.search(question, _RECORDS_A_ROUND, count=False).hits
        held = {each for _, address in hits for each in _words(searcher.doc(address), fields)}
        new = {each for each in held - told if edits_between(word, each, edits) is not None}
        if not new:
            return
        yield from new
        told |= new
        clauses += [
            (tantivy.Occur.MustNot, tantivy.Query.term_query(schema, EVERY_FIELD, each, "basic"))
            for each in new
        ]


def _words(record: tantivy.Document, fields: Mapping[str, Field]) -> Iterator[str]:
    for name, words in read_record(record)[1].words.items():
        if fields[name].kind == "text":
            yield from words.split("\n")
