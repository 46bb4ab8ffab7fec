"""Times found among the words of a query."""

from __future__ import annotations

import datetime

from museion.search.analysis.dates import LONGEST_DATE, FoundDate, date_at, may_begin_date
from museion.search.analysis.known import Offer
from museion.search.analysis.sentence import Sentence
from museion.search.filters import TimeFilter

_FEWEST_LETTERS = 3
_NO_YEAR_BEHIND = frozenset(
    """
    of no nr number model route version size room type class line page chapter no. nummer seite
    zimmer linie modell version typ img dsc
    """.split()  # noqa: SIM905
)
"""Behind one of these, four digits are no year."""
_NO_YEAR_BEFORE = frozenset(
    """
    m metres meters meter km feet ft euro euros dollars people persons years jahre jahren uhr
    px pixels percent grams gram kg hours watt volt
    """.split()  # noqa: SIM905
)
"""Before one of these, four digits are a number of things."""
_NO_TIME_BEFORE = frozenset("of style styled stil look era inspired themed".split())  # noqa: SIM905


def find_times(sentence: Sentence, today: datetime.date) -> list[Offer]:
    """Claim the words that say when an asset was taken; return numbers that may be years, too."""
    offers: list[Offer] = []
    place = 0
    while place < len(sentence):
        may_begin = may_begin_date(sentence.folded(place))
        words = sentence.together(place, LONGEST_DATE) if may_begin else []
        found = date_at(words, today) if words else None
        if found is None:
            place += 1
            continue
        end = place + found.used
        if _is_meant(sentence, place, found):
            sentence.claim(place, end, _filter(found))
            place = end
            continue
        if found.sureness == "number" and _may_be_a_year(sentence, place, end):
            offers.append(Offer(place, end, _filter(found)))
        place += 1
    return offers


def _filter(found: FoundDate) -> TimeFilter:
    return TimeFilter(found.span.first, found.span.after_last, named=found.span.named)


def _is_meant(sentence: Sentence, place: int, found: FoundDate) -> bool:
    """Tell whether words that can be a time are one here."""
    end = place + found.used
    if not _may_end_here(sentence, end):
        return False
    match found.sureness:
        case "sure":
            return True
        case "day":
            first = sentence.words[place]
            return (place == 0 or not first.is_capitalised) and (
                sentence.is_edge(end) or sentence.is_edge(place)
            )
        case _:
            return sentence.is_edge(end) and _may_be_a_year(sentence, place, end)


def _may_end_here(sentence: Sentence, end: int) -> bool:
    """Tell whether the word behind leaves a time what it is: `1980s style` is none."""
    behind = "" if sentence.is_set_off(end) else sentence.folded(end)
    is_number = sentence.words[end - 1].core.isdigit()
    return behind not in _NO_TIME_BEFORE and not (is_number and behind in _NO_YEAR_BEFORE)


def _may_be_a_year(sentence: Sentence, place: int, end: int) -> bool:
    """Tell whether a number is a year rather than part of a name or a count."""
    if not _may_end_here(sentence, end):
        return False
    if sentence.is_edge(place):
        return True
    before = sentence.words[place - 1].core
    is_plain = before.isalpha() and not before.isupper() and len(before) >= _FEWEST_LETTERS
    return is_plain and sentence.folded(place - 1) not in _NO_YEAR_BEHIND
