"""AND, OR, NOT and parentheses: tokens of a query to groups, and what stands outside of them.

NOT binds closest, then AND, then OR. Outside of parentheses an operator joins what stands directly
beside it, a word, a phrase, a filter or parentheses: `cat OR dog on a beach` is a group of two and
the text `on a beach`. Within parentheses, neighbours without an operator must all hold. Parentheses
are a group only where an operator stands in or beside them; others are punctuation, and so is an
operator that has nothing to join.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from museion.search.analysis.lexing import Token, words_of
from museion.search.analysis.meanings import AllOf, AnyOf, Not, Operand, Phrase, Word
from museion.search.filters import Filter

Reader: TypeAlias = Callable[[Token], Filter]
"""Returns the filter of a token; raises `BadFilter`."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What operators and parentheses join, and where it stands in the query."""

    operand: Operand
    start: int
    end: int


def joined(tokens: Sequence[Token], read_filter: Reader) -> Iterator[Token | Joined]:
    """Yield what operators join, and all other tokens as they are, in order.

    Raises:
        BadFilter: a filter within a group has a value that it does not take.
    """
    return _Grammar(tokens, read_filter).items()


class _Grammar:
    """Reads tokens once from left to right; places are indexes of tokens."""

    def __init__(self, tokens: Sequence[Token], read_filter: Reader) -> None:
        self._tokens = tokens
        self._read_filter = read_filter
        self._closing = _pairs(tokens)
        self._begins = self._where_operands_begin()

    def items(self) -> Iterator[Token | Joined]:
        place = 0
        while place < len(self._tokens):
            operand, after = self._chain(place) if self._joins(place) else (None, place)
            if operand is None:
                yield self._tokens[place]
                place += 1
            else:
                yield Joined(operand, self._tokens[place].start, self._tokens[after - 1].end)
                place = after

    def _where_operands_begin(self) -> list[bool]:
        """Tell for each place whether an operand begins there; one more for the end."""
        begins = [False] * (len(self._tokens) + 1)
        for place in range(len(self._tokens) - 1, -1, -1):
            token = self._tokens[place]
            if token.kind == "operator":
                begins[place] = token.text == "NOT" and begins[place + 1]
            elif token.kind == "open":
                begins[place] = place in self._closing
            elif token.kind != "close":
                begins[place] = token.kind == "filter" or bool(token.core)
        return begins

    def _joins(self, place: int) -> bool:
        """Tell whether operators or grouping parentheses have something to join here."""
        token = self._tokens[place]
        if not self._begins[place]:
            return False
        if token.kind in ("open", "operator"):
            return True
        return self._is_joint(place + 1)

    def _is_joint(self, place: int) -> bool:
        """Tell whether AND or OR stands here, with an operand behind."""
        if place >= len(self._tokens) or not self._begins[place + 1]:
            return False
        token = self._tokens[place]
        return token.kind == "operator" and token.text != "NOT"

    def _chain(self, place: int) -> tuple[Operand | None, int]:
        """Read operands between explicit operators; return their group and the place behind."""
        choices: list[Operand | None] = []
        together: list[Operand | None] = []
        while True:
            operand, place = self._negatable(place)
            together.append(operand)
            if not self._is_joint(place):
                break
            if self._tokens[place].text == "OR":
                choices.append(_all_of(together))
                together = []
            place += 1
        return _any_of([*choices, _all_of(together)]), place

    def _negatable(self, place: int) -> tuple[Operand | None, int]:
        negative = False
        while self._tokens[place].kind == "operator":
            negative = not negative
            place += 1
        operand, after = self._operand(place)
        return (_negated(operand) if negative and operand else operand), after

    def _operand(self, place: int) -> tuple[Operand | None, int]:
        token = self._tokens[place]
        if token.kind != "open":
            return self._leaf(token), place + 1
        operand, after = self._inside(place + 1, self._closing[place])
        return (_negated(operand) if token.minus and operand else operand), after

    def _inside(self, place: int, end: int) -> tuple[Operand | None, int]:
        """Read what parentheses hold; operators that join nothing are passed over."""
        choices: list[Operand | None] = []
        together: list[Operand | None] = []
        while place < end:
            if self._begins[place] and self._tokens[place].kind != "close":
                operand, place = self._negatable(place)
                together.append(operand)
                continue
            token = self._tokens[place]
            if token.kind == "operator" and token.text == "OR" and together:
                choices.append(_all_of(together))
                together = []
            place += 1
        return _any_of([*choices, _all_of(together)]), end + 1

    def _leaf(self, token: Token) -> Operand:
        if token.kind == "filter":
            return self._read_filter(token)
        if token.kind == "phrase":
            return Not(Phrase(token.text)) if token.minus else Phrase(token.text)
        if token.kind == "word" and token.text.startswith("-") and token.text[1:2] != "-":
            return Not(_word(token))
        return _word(token)


def _word(token: Token) -> Word | Phrase:
    """Return what a word asks for; one with quotes or parentheses within is several."""
    words = words_of(token.core)
    return Phrase(words) if " " in words else Word(words)


def _pairs(tokens: Sequence[Token]) -> dict[int, int]:
    """Return where parentheses that are groups open -> where they close."""
    closing: dict[int, int] = {}
    opened: list[int] = []
    has_operator: list[bool] = []
    for place, token in enumerate(tokens):
        if token.kind == "open":
            opened.append(place)
            has_operator.append(token.minus or _is_operator(tokens, place - 1))
        elif token.kind == "close":
            start, holds = opened.pop(), has_operator.pop()
            if holds or _is_operator(tokens, place + 1, but="NOT"):
                closing[start] = place
                if has_operator:
                    has_operator[-1] = True
        elif token.kind == "operator" and has_operator:
            has_operator[-1] = True
    return closing


def _is_operator(tokens: Sequence[Token], place: int, *, but: str = "") -> bool:
    if not 0 <= place < len(tokens):
        return False
    return tokens[place].kind == "operator" and tokens[place].text != but


def _all_of(operands: Sequence[Operand | None]) -> Operand | None:
    parts = [
        part
        for each in operands
        if each is not None
        for part in (each.operands if isinstance(each, AllOf) else (each,))
    ]
    return AllOf(tuple(parts)) if len(parts) > 1 else next(iter(parts), None)


def _any_of(operands: Sequence[Operand | None]) -> Operand | None:
    parts = [
        part
        for each in operands
        if each is not None
        for part in (each.operands if isinstance(each, AnyOf) else (each,))
    ]
    return AnyOf(tuple(parts)) if len(parts) > 1 else next(iter(parts), None)


def _negated(operand: Operand) -> Operand:
    match operand:
        case Not(inner):
            return inner
        case Word() | Phrase() | AllOf() | AnyOf():
            return Not(operand)
        case filter_:
            return replace(filter_, negated=not filter_.negated)
