"""Negation in words: `without people`, `no adults`, `not at night`, `ohne Menschen`, `keine Autos`.

Signs and names that hold such a word stay words: `no smoking sign`, `doctors without borders`.
"""

from __future__ import annotations

from dataclasses import replace

from museion.search.analysis.lexing import words_of
from museion.search.analysis.meanings import (
    AllOf,
    AnyOf,
    Excluded,
    Like,
    Meaning,
    Not,
    Phrase,
    Text,
    Without,
)
from museion.search.analysis.media_types import media_type
from museion.search.analysis.sentence import Sentence
from museion.search.filters import Filter
from museion.search.words import STOP_WORDS

_WITHOUT = frozenset("without ohne except ausser".split())  # noqa: SIM905
_NO = frozenset("no kein keine keinen keiner keinem".split())  # noqa: SIM905
_NOT = frozenset("not nicht".split())  # noqa: SIM905
_NEGATIONS = _WITHOUT | _NO | _NOT
_JOINTS = frozenset("but and with aber und mit".split())  # noqa: SIM905
_ARTICLES = frozenset(
    "a an the any some der die das den dem ein eine einen einem einer jegliche".split()  # noqa: SIM905
)
_PREPOSITIONS = frozenset("at in on by of with bei in im am auf mit from".split())  # noqa: SIM905
_OR = frozenset("or nor oder noch".split())  # noqa: SIM905
_AND = frozenset("and und".split())  # noqa: SIM905
_PLURALS = frozenset("people men women children menschen leute kinder personen".split())  # noqa: SIM905
_MOST_WORDS = 4
_SIGNS = frozenset("sign signs schild schilder poster".split())  # noqa: SIM905
_SAID_OF_SIGNS = frozenset(
    """
    entry way entrance exit longer one man mans man's doubt idea durchgang durchfahrt eingang
    einfahrt ausgang zutritt ausfahrt ahnung borders limits grenzen cause
    """.split()  # noqa: SIM905
)
_BEFORE_NOT = frozenset(
    """
    do does did is are was were to or why if can will may me could should would must am bitte
    ist sind war
    """.split()  # noqa: SIM905
)
_BEHIND_NOT = frozenset(
    """
    only far yet to even just so much many all sure for here there my your found available nur
    mehr
    """.split()  # noqa: SIM905
)


def find_negations(sentence: Sentence) -> None:
    """Claim the words that say what shall not be; findings behind such a word are negated."""
    for place in range(len(sentence)):
        if sentence.folded(place) in _NEGATIONS and not sentence.words[place].closes:
            _find_one(sentence, place)


def _find_one(sentence: Sentence, place: int) -> None:
    behind = _noun_behind(sentence, place)
    start = place
    if sentence.folded(place - 1) in _JOINTS and not sentence.is_set_off(place):
        start -= 1
    if finding := sentence.finding(behind):
        opposite = _opposite(finding.meaning)
        if opposite is not None and finding.start == behind:
            sentence.claim(start, finding.end, opposite)
    elif not _says_something_else(sentence, place, behind):
        _claim_nouns(sentence, start, behind)


def _noun_behind(sentence: Sentence, place: int) -> int:
    """Return where that begins which a word negates: behind prepositions and articles."""
    behind = place + 1
    while sentence.folded(behind) in _PREPOSITIONS | _ARTICLES:
        behind += 1
    return behind


def _claim_nouns(sentence: Sentence, start: int, place: int) -> None:
    """Claim a noun with what belongs to it, and those that `or` joins to it; each is a part."""
    end = _end_of_noun(sentence, place)
    if end == place:
        return
    nouns = [(start, place, end)]
    while (following := _next_noun(sentence, place, end)) is not None:
        place = following
        end, start = _end_of_noun(sentence, place), nouns[-1][2]
        nouns.append((start, place, end))
    for first, noun, last in nouns:
        said = words_of(" ".join(sentence.words[at].core for at in range(noun, last)))
        if filter_ := _negated_type(sentence, noun, last):
            sentence.claim(first, last, filter_)
        else:
            sentence.claim(first, last, Without(said))


def _negated_type(sentence: Sentence, start: int, end: int) -> Filter | None:
    filter_ = media_type(sentence.folded(start)) if end - start == 1 else None
    return replace(filter_, negated=True) if filter_ else None


def _next_noun(sentence: Sentence, start: int, end: int) -> int | None:
    """Return where another noun begins that the same word negates."""
    if sentence.is_set_off(end):
        return None
    joint = sentence.folded(end)
    is_plural = sentence.folded(end - 1) in _PLURALS or sentence.folded(end - 1).endswith("s")
    if joint not in _OR and not (joint in _AND and is_plural):
        return None
    following = end + 1
    while sentence.folded(following) in _ARTICLES:
        following += 1
    if sentence.folded(following) in _NEGATIONS:
        return None
    return following if _end_of_noun(sentence, following) > following else None


def _end_of_noun(sentence: Sentence, start: int) -> int:
    """Return the place behind a noun: at a comma, a small word, or something understood."""
    end = start
    while end < start + _MOST_WORDS and _is_content(sentence, end):
        end += 1
        if sentence.is_set_off(end):
            break
    return end


def _is_content(sentence: Sentence, place: int) -> bool:
    word = sentence.folded(place)
    return bool(word) and bool(sentence.words[place].core) and not _is_small(word)


def _is_small(word: str) -> bool:
    return word in STOP_WORDS | _NEGATIONS | _OR | _JOINTS | _PREPOSITIONS | _ARTICLES


def _says_something_else(sentence: Sentence, place: int, behind: int) -> bool:
    """Tell whether the word is part of a sign, a name or a figure of speech."""
    word, noun = sentence.folded(place), sentence.folded(behind)
    if noun in _SAID_OF_SIGNS or not noun or noun[0].isdigit():
        return True
    if word in _NO:
        end = _end_of_noun(sentence, behind)
        return noun.endswith("ing") or sentence.folded(end - 1) in _SIGNS
    if word in _NOT:
        before = sentence.folded(place - 1)
        # A German verb may stand before its `nicht`, so there it must stand alone.
        is_free = word == "not" or sentence.is_edge(place) or behind > place + 1
        return before in _BEFORE_NOT or noun in _BEHIND_NOT or not is_free
    return False


def _opposite(meaning: Meaning) -> Meaning | None:
    match meaning:
        case AllOf() | AnyOf():
            return Not(meaning)
        case Text() | Phrase() | Excluded() | Without() | Like() | Not():
            return None
        case filter_:
            return replace(filter_, negated=not filter_.negated)
