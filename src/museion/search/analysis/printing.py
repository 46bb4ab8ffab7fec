"""The parts of a query as text, each in its explicit form."""

from __future__ import annotations

from museion.search.analysis.lexing import tokens_of, words_of
from museion.search.analysis.meanings import (
    AllOf,
    AnyOf,
    Excluded,
    Like,
    Meaning,
    Not,
    Operand,
    Phrase,
    Text,
    Without,
    Word,
)
from museion.search.filter_syntax import is_filter_name, print_filter
from museion.search.filter_values import quoted


def is_name(name: str) -> bool:
    """Tell whether `name:` begins a part with a value: a filter, `like:` or `without:`."""
    return name in ("like", "without") or is_filter_name(name)


def print_meaning(  # noqa: PLR0911 (a case for each meaning)
    meaning: Meaning, *, keeps_all: bool = False
) -> str:
    """Return the explicit form of a part.

    Args:
        meaning: of the part.
        keeps_all: put a backslash before every word of a text, not only before those that had one.
    """
    match meaning:
        case Text(text, kept):
            return _text(text, range(len(text.split(" "))) if keeps_all else kept)
        case Phrase(text):
            return f'"{text}"'
        case Excluded(text):
            return _excluded(text)
        case Without(text):
            return f"without:{quoted(text)}"
        case Like(asset_id, negated):
            return f"{'-' if negated else ''}like:{asset_id}"
        case AllOf() | AnyOf():
            return f"({_group(meaning)})"
        case Not():
            return _operand(meaning)
        case filter_:
            return print_filter(filter_)


def as_words(typed: str) -> str:
    """Return what was typed so that all of its words stay words."""
    return " ".join(f"\\{word}" for word in typed.split())


def _excluded(text: str) -> str:
    return f"-{text}" if _is_plain(f"-{text}") else f'-"{text}"'


def _text(text: str, kept: range | tuple[int, ...]) -> str:
    words = text.split(" ")
    return " ".join(f"\\{word}" if place in kept else word for place, word in enumerate(words))


def _group(group: AllOf | AnyOf) -> str:
    joint = " AND " if isinstance(group, AllOf) else " OR "
    return joint.join(_operand(each) for each in group.operands)


def _operand(operand: Operand) -> str:
    match operand:
        case Word(text):
            return text if _is_plain(text) else f"\\{text}"
        case Phrase(text):
            return f'"{text}"'
        case Not(Word(text)) if _is_plain(f"-{text}"):
            return f"-{text}"
        case Not(inner):
            return f"NOT {_operand(inner)}"
        case AllOf() | AnyOf():
            return f"({_group(operand)})"
        case filter_:
            return print_filter(filter_)


def _is_plain(typed: str) -> bool:
    """Tell whether a text is one word, with or without a minus, wherever it stands."""
    tokens = list(tokens_of(typed, is_name=is_name))
    word = typed.removeprefix("-")
    if len(tokens) != 1 or tokens[0].kind != "word" or words_of(word) != word:
        return False
    return tokens[0].text == typed and not typed.startswith("--")
