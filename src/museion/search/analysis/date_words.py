"""The words for times in English and German, folded: without case and accents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType


def _numbered(lines: Iterable[str], *, start: int) -> Mapping[str, int]:
    return MappingProxyType(
        {word: number for number, line in enumerate(lines, start) for word in line.split()}
    )


MONTHS = _numbered(
    (
        *("january januar janner jaenner", "february februar feber", "march marz maerz"),
        *("april", "may mai", "june juni", "july juli", "august", "september"),
        *("october oktober", "november", "december dezember"),
    ),
    start=1,
)
SHORT_MONTHS = _numbered(
    "jan,feb,mar mrz,apr,,jun,jul,aug,sep sept,oct okt,nov,dec dez".split(","),  # noqa: SIM905
    start=1,
)
"""Understood only beside a year."""
WEEKDAYS = _numbered(
    (
        *("monday montag", "tuesday dienstag", "wednesday mittwoch", "thursday donnerstag"),
        *("friday freitag", "saturday samstag sonnabend", "sunday sonntag"),
    ),
    start=0,
)
SEASONS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("spring", "fruhling", "fruehling", "fruhjahr", "fruehjahr"), "spring"),
        **dict.fromkeys(("summer", "sommer"), "summer"),
        **dict.fromkeys(("autumn", "fall", "herbst"), "autumn"),
        "winter": "winter",
    }
)
FIRST_MONTHS: Mapping[str, int] = MappingProxyType(
    {"spring": 3, "summer": 6, "autumn": 9, "winter": 12}
)
"""Season -> its first month, as meteorologists count (north of the equator)."""
UNITS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("day", "days", "tag", "tage", "tagen"), "day"),
        **dict.fromkeys(("week", "weeks", "woche", "wochen"), "week"),
        **dict.fromkeys(("month", "months", "monat", "monate", "monaten", "monats"), "month"),
        **dict.fromkeys(("year", "years", "jahr", "jahre", "jahren", "jahres"), "year"),
        **dict.fromkeys(("weekend", "wochenende", "wochenendes"), "weekend"),
    }
)
LAST = frozenset(
    """
    last past previous letzte letzten letzter letztes letztem vergangene vergangenen
    vergangener vergangenes vergangenem vorige vorigen voriger voriges vorigem
    """.split()  # noqa: SIM905
)
THIS = frozenset("this current diese diesen dieser dieses diesem".split())  # noqa: SIM905
DAYS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("today", "heute"), "today"),
        **dict.fromkeys(("yesterday", "gestern"), "yesterday"),
        "vorgestern": "day before yesterday",
    }
)
NUMBERS = _numbered(
    (
        *("a an one ein eine einem einer einen", "two zwei", "three drei", "four vier"),
        *("five funf fuenf", "six sechs", "seven sieben", "eight acht", "nine neun"),
        *("ten zehn", "eleven elf", "twelve zwolf zwoelf"),
    ),
    start=1,
)
DECADES: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(("twenties", "zwanziger", "zwanzigern"), 1920),
        **dict.fromkeys(("thirties", "dreissiger", "dreissigern"), 1930),
        **dict.fromkeys(("forties", "vierziger", "vierzigern"), 1940),
        **dict.fromkeys(("fifties", "funfziger", "funfzigern", "fuenfziger"), 1950),
        **dict.fromkeys(("sixties", "sechziger", "sechzigern"), 1960),
        **dict.fromkeys(("seventies", "siebziger", "siebzigern"), 1970),
        **dict.fromkeys(("eighties", "achtziger", "achtzigern"), 1980),
        **dict.fromkeys(("nineties", "neunziger", "neunzigern"), 1990),
    }
)
SINCE = frozenset("since seit ab".split())  # noqa: SIM905
AFTER = frozenset("after nach".split())  # noqa: SIM905
BEFORE = frozenset("before vor".split())  # noqa: SIM905
UNTIL = frozenset("until till bis".split())  # noqa: SIM905
RANGES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "between": frozenset({"and"}),
        "zwischen": frozenset({"und"}),
        "from": frozenset({"to", "until", "till", "through"}),
        "von": frozenset({"bis"}),
        "vom": frozenset({"bis"}),
    }
)
"""Word before a span of two times -> words between the two."""
PREPOSITIONS: tuple[tuple[str, ...], ...] = tuple(
    tuple(line.split())
    for line in (
        *("in the year", "from the year", "of the year", "im jahr", "im jahre", "aus dem jahr"),
        *("in the", "from the", "during the", "of the", "over the", "in den", "in der", "in dem"),
        *("aus den", "aus der", "aus dem", "von den", "vom", "von", "am", "im", "in", "from"),
        *("during", "on", "of", "aus", "the", "den", "der", "die"),
    )
)
"""What may stand before a time and belongs to it, the longest first."""
WEAK_PREPOSITIONS = frozenset({"of", "the", "on", "den", "der", "die", "am"})
"""These do not tell that a bare number is a year: `class of 1984`."""
TAKEN = frozenset("taken shot made aufgenommen fotografiert entstanden".split())  # noqa: SIM905
STARTS = frozenset(
    (
        *(words[0] for words in PREPOSITIONS),
        *(TAKEN | SINCE | AFTER | BEFORE | UNTIL | LAST | THIS),
        *RANGES,
        *DAYS,
        *MONTHS,
        *SHORT_MONTHS,
        *SEASONS,
        *NUMBERS,
        *DECADES,
        *("day", "heuer"),
    )
)
"""Words with which a time can begin; others hold a digit."""
