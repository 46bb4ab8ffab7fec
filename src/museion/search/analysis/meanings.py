"""What the parts of a query mean, as values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from museion.search.filters import Filter


@dataclass(frozen=True, slots=True)
class Text:
    """Words to be understood by their meaning, with single spaces.

    Attributes:
        kept: places of the words that were typed with a backslash, so that they stay words;
            equality does not see them.
    """

    text: str
    kept: tuple[int, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that must stand one after the other."""

    text: str


@dataclass(frozen=True, slots=True)
class Excluded:
    """A word or phrase that must not occur."""

    text: str


@dataclass(frozen=True, slots=True)
class Without:
    """What must not be seen: neither may a word say it, nor should the picture look like it."""

    text: str


@dataclass(frozen=True, slots=True)
class Like:
    """Nearer to a picture of the archive; negated, farther from it."""

    asset_id: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A word that must occur, in any inflection; only in groups."""

    text: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of two or more must hold."""

    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of two or more must hold."""

    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A word, a phrase or a group must not hold; filters know themselves that they are negated."""

    operand: Word | Phrase | AllOf | AnyOf


Operand: TypeAlias = Word | Phrase | Filter | AllOf | AnyOf | Not
Group: TypeAlias = AllOf | AnyOf | Not
Meaning: TypeAlias = Text | Phrase | Excluded | Without | Like | Filter | Group


def wanted_words(operand: Operand) -> Iterator[str]:
    """Yield the words and phrases of a group that speak for an asset, in the order typed."""
    match operand:
        case Word(text) | Phrase(text):
            yield text
        case AllOf(operands) | AnyOf(operands):
            for each in operands:
                yield from wanted_words(each)
        case _:
            return


def group_label(operand: Operand) -> str:
    """Return a group for people, in English."""
    match operand:
        case Word(text):
            return text
        case Phrase(text):
            return f"“{text}”"
        case Not(inner):
            return f"not {_in_parentheses(inner)}"
        case AllOf(operands):
            return " and ".join(_in_parentheses(each) for each in operands)
        case AnyOf(operands):
            return " or ".join(_in_parentheses(each) for each in operands)
        case filter_:
            return f"not {filter_.says}" if filter_.negated else filter_.says


def _in_parentheses(operand: Operand) -> str:
    label = group_label(operand)
    return f"({label})" if isinstance(operand, AllOf | AnyOf) else label
