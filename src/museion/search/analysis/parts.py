"""A typed query as its parts: explicit ones as they say, plain words as they are understood."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from museion.search.analysis.grammar import Joined, joined
from museion.search.analysis.known import KnownValues, Offer
from museion.search.analysis.lexing import Token, tokens_of, words_of
from museion.search.analysis.meanings import Excluded, Like, Meaning, Not, Phrase, Without, Word
from museion.search.analysis.printing import is_name
from museion.search.analysis.sentence import TypedWord
from museion.search.analysis.understanding import Understood, left_alone, understand
from museion.search.filter_syntax import parse_filter
from museion.search.filters import BadFilter, Filter

_ID = re.compile(r"\w[\w-]*(?:@\d+)?", re.ASCII)
_Piece: TypeAlias = Token | Joined | list[TypedWord]


def parts_of(
    text: str, *, known: KnownValues | None, today: datetime.date, understands: bool
) -> tuple[list[Understood], list[Offer]]:
    """Return the parts of a query in order, and what its plain words could mean besides.

    Raises:
        BadFilter: a filter has a value that it does not take.
    """
    tokens = list(tokens_of(text, is_name=is_name))
    parts: list[Understood] = []
    offers: list[Offer] = []
    for piece in _pieces(text, joined(tokens, lambda token: _filter_in_group(token, today))):
        if isinstance(piece, list):
            found, more = (
                understand(piece, known=known, today=today)
                if understands
                else ([left_alone(piece)], [])
            )
            parts += found
            offers += more
        elif isinstance(piece, Joined):
            parts.append(Understood(_outside(piece), piece.start, piece.end))
        else:
            parts.append(Understood(_meaning(piece, today), piece.start, piece.end))
    return parts, offers


def _pieces(text: str, items: Iterable[Token | Joined]) -> Iterator[_Piece]:
    """Yield what stands for itself, and lists of the plain words between."""
    words: list[TypedWord] = []
    for item in items:
        if isinstance(item, Token) and _is_plain(item):
            _append(words, text, item)
            continue
        if words:
            yield words
            words = []
        yield item
    if words:
        yield words


def _is_plain(token: Token) -> bool:
    """Tell whether a token is no more than a word, or part of one."""
    if token.kind == "word":
        return not _excludes(token)
    return token.kind not in ("phrase", "filter")


def _excludes(token: Token) -> bool:
    return token.text.startswith("-") and not token.text.startswith("--") and bool(token.core)


def _append(words: list[TypedWord], text: str, token: Token) -> None:
    """Add a token to words; one without a space before goes on with the last word."""
    typed = text[token.start : token.end]
    is_kept = token.kind == "kept"
    says = token.text if is_kept else typed
    if words and words[-1].end == token.start:
        last = words.pop()
        words.append(
            TypedWord.of(
                last.typed + typed, last.text + says, last.start, is_kept=is_kept or last.is_kept
            )
        )
    else:
        words.append(TypedWord.of(typed, says, token.start, is_kept=is_kept))


def _meaning(token: Token, today: datetime.date) -> Meaning:
    if token.kind == "filter":
        return _named(token, today)
    if token.kind == "phrase":
        return Excluded(token.text) if token.minus else Phrase(token.text)
    return Excluded(words_of(token.core))


def _named(token: Token, today: datetime.date) -> Meaning:
    if token.name == "like":
        if not _ID.fullmatch(token.text):
            expected = "the id of an asset"
            raise BadFilter("like", token.text, expected=expected, example="ID")
        return Like(token.text, token.minus)
    if token.name == "without":
        text = words_of(token.text)
        if not text:
            expected = "what must not be seen"
            raise BadFilter("without", token.text, expected=expected, example="people")
        return Phrase(text) if token.minus else Without(text)
    return parse_filter(token.name, token.text, negated=token.minus, today=today)


def _filter_in_group(token: Token, today: datetime.date) -> Filter:
    if token.name in ("like", "without"):
        expected = "to stand outside of AND, OR, NOT and parentheses"
        example = "ID" if token.name == "like" else "people"
        raise BadFilter(token.name, token.text, expected=expected, example=example)
    return parse_filter(token.name, token.text, negated=token.minus, today=today)


def _outside(piece: Joined) -> Meaning:
    """Return what a group means; of one word or phrase alone, that it must or must not occur."""
    match piece.operand:
        case Word(text):
            return Phrase(text)
        case Not(Word(text) | Phrase(text)):
            return Excluded(text)
        case other:
            return other
