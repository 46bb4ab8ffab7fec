"""The parts of a query as a screen shows them."""

from __future__ import annotations

from dataclasses import dataclass

from museion.search.analysis.known import Offer
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
    group_label,
)
from museion.search.analysis.printing import as_words, print_meaning
from museion.search.filters import filter_kind, filter_label


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of a query as a screen shows it.

    Attributes:
        kind: text, phrase, excluded, without, like, group, or the filter's kind.
        typed: the part as it was typed; the chips' texts, with spaces between, are the query.
        label: what to show.
        written: the explicit form of what was typed, to edit or to keep.
        as_words: what to type in place of `typed` so that it is no more than words; empty where
            plain words were not understood as something else.
    """

    kind: str
    typed: str
    label: str
    written: str = ""
    as_words: str = ""


def chip_of(meaning: Meaning, typed: str, *, in_words: bool) -> Chip:
    """Return the chip of a part.

    Args:
        meaning: of the part.
        typed: the part as it was typed.
        in_words: plain words were understood as this.
    """
    kind, label = _shown(meaning)
    return Chip(kind, typed, label, print_meaning(meaning), as_words(typed) if in_words else "")


def chip_kind(meaning: Meaning) -> str:
    """Return the kind of a part's chip."""
    return _shown(meaning)[0]


def offered_chip(text: str, offer: Offer) -> Chip:
    """Return the chip of a filter that words of a query could mean."""
    typed = text[offer.start : offer.end]
    filter_ = offer.filter
    return Chip(filter_kind(filter_), typed, filter_label(filter_), print_meaning(filter_))


def _shown(meaning: Meaning) -> tuple[str, str]:  # noqa: PLR0911 (a case for each meaning)
    """Return kind and label of a chip."""
    match meaning:
        case Text(text):
            return "text", text
        case Phrase(text):
            return "phrase", f"“{text}”"
        case Excluded(text):
            return "excluded", f"not {text}"
        case Without(text):
            return "without", f"without {text}"
        case Like(asset_id, negated):
            return "like", f"{'unlike' if negated else 'like'} {asset_id}"
        case AllOf() | AnyOf() | Not():
            return "group", group_label(meaning)
        case filter_:
            return filter_kind(filter_), filter_label(filter_)
