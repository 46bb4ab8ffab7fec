"""How filters are written: `name:value` to value, and back.

| written | means |
|---|---|
| `type:photo` | the kind or format, one of `TYPES` |
| `date:2020` `date:1985..1990` `date:"last summer"` | taken then; words as in plain text |
| `after:2020` `after:2020-05` `after:2020-05-03` | taken on (the first day of) it, or later |
| `before:2020` `before:2020-05` `before:2020-05-03` | taken before (the first day of) it |
| `camera:nikon` `camera:"Canon EOS R5"` | maker or model of the camera contains this |
| `place:Vienna` | the city or country that the metadata name |
| `place-near:48.2,16.37` `place-near:"New York",10km` | taken within a distance, else of 25 km |
| `person:"Ada Lovelace"` | the metadata, a keyword or a tag name the person |
| `rating:4` `rating:>=3` `rating:3..5` | stars, from 0 to 5 |
| `tag:beach` `tag:"red slide"` | has this keyword or tag |
| `collection:Sports` | is in a collection of this name |
| `orientation:landscape` | landscape, portrait or square |
| `colour:red` | a good part of the picture is of this colour, one of `COLOURS` |
| `rights:free` | free, restricted or unknown |
| `size:<50MB` | bytes of the original |
| `width:>=4000` `height:600` `megapixels:12..24` | pixels of the upright picture |
| `duration:<1min` `iso:>=3200` | length of sound or film; sensitivity |
| `title:slide` `caption:"red slide"` `keyword:beach*` `credit:*` | the field says these words |

So `after:2020 before:2021` is the year 2020: `after:` includes the day that it names, `before:`
excludes it. A span given by two dots includes both ends. A minus in front negates.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Final, TypeAlias

from museion.search.analysis.dates import read_span
from museion.search.filters import (
    COLOURS,
    NUMBER_FIELDS,
    ORIENTATIONS,
    RIGHTS_STATES,
    TEXT_FIELDS,
    TYPES,
    BadFilter,
    CameraFilter,
    CollectionFilter,
    ColourFilter,
    FieldFilter,
    Filter,
    NamedPlaceFilter,
    OrientationFilter,
    PersonFilter,
    RightsFilter,
    TagFilter,
    TimeFilter,
    TypeFilter,
)
from museion.search.place_syntax import parse_place
from museion.search.span_syntax import parse_number, parse_rating, parse_size
from museion.search.words import split_words

LONGEST_FIELD_VALUE = 200
MOST_FIELD_WORDS = 12
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_SPELLINGS: Final = MappingProxyType(
    {
        "audio": "sound",
        "color": "colour",
        "doc": "document",
        "gray": "grey",
        "heif": "heic",
        "jpg": "jpeg",
        "movie": "video",
        "picture": "image",
        "quicktime": "mov",
        "tif": "tiff",
    }
)

_Parser: TypeAlias = Callable[[str, str, bool, datetime.date], Filter]


def filter_names() -> tuple[str, ...]:
    """Return the names of all filters, as they are typed before the colon."""
    return tuple(_PARSERS)


def is_filter_name(name: str) -> bool:
    """Tell whether `name:` begins a filter."""
    return _SPELLINGS.get(name, name) in _PARSERS


def parse_filter(
    name: str, value: str, *, negated: bool = False, today: datetime.date | None = None
) -> Filter:
    """Return the filter that is written `name:value`.

    Args:
        name: for which `is_filter_name` is true.
        value: as typed.
        negated: a minus stood in front.
        today: the day from which words such as `yesterday` are counted; else that of the clock.

    Raises:
        BadFilter: the value is not one that the filter takes.
    """
    name = _SPELLINGS.get(name, name)
    return _PARSERS[name](name, " ".join(value.split()), negated, today or datetime.date.today())


def print_filter(filter_: Filter) -> str:
    """Return the shortest written form that means the filter."""
    return f"-{filter_.written}" if filter_.negated else filter_.written


def _parse_type(name: str, value: str, negated: bool, _: datetime.date) -> Filter:
    kind = value.casefold().removeprefix(".")
    return TypeFilter(_one_of(TYPES, name, value, _SPELLINGS.get(kind, kind)), negated)


def _parse_orientation(name: str, value: str, negated: bool, _: datetime.date) -> Filter:
    return OrientationFilter(_one_of(ORIENTATIONS, name, value, value.casefold()), negated)


def _parse_colour(name: str, value: str, negated: bool, _: datetime.date) -> Filter:
    colour = value.casefold()
    return ColourFilter(_one_of(COLOURS, name, value, _SPELLINGS.get(colour, colour)), negated)


def _parse_rights(name: str, value: str, negated: bool, _: datetime.date) -> Filter:
    return RightsFilter(_one_of(RIGHTS_STATES, name, value, value.casefold()), negated)


def _parse_date(name: str, value: str, negated: bool, today: datetime.date) -> Filter:
    span = read_span(value, today)
    if span is None:
        expected = "a year, month, day, a span of them, or words such as these"
        raise BadFilter(name, value, expected=expected, example='"last summer"')
    return TimeFilter(span.first, span.after_last, negated, span.named)


def _parse_after(name: str, value: str, negated: bool, _: datetime.date) -> Filter:
    return TimeFilter(after=_first_day(name, value), negated=negated)


def _parse_before(name: str, value: str, negated: bool, _: datetime.date) -> Filter:
    return TimeFilter(before=_first_day(name, value), negated=negated)


def _parse_camera(name: str, value: str, negated: bool, _: datetime.date) -> Filter:
    return CameraFilter(_filled(name, value, "words of a camera's name", '"Canon EOS"'), negated)


def _parse_person(name: str, value: str, negated: bool, _: datetime.date) -> Filter:
    return PersonFilter(_filled(name, value, "the name of a person", '"Ada Lovelace"'), negated)


def _parse_named_place(name: str, value: str, negated: bool, _: datetime.date) -> Filter:
    return NamedPlaceFilter(_filled(name, value, "a city or country", "Vienna"), negated)


def _parse_tag(name: str, value: str, negated: bool, _: datetime.date) -> Filter:
    return TagFilter(_filled(name, value, "a tag", '"red slide"'), negated)


def _parse_collection(name: str, value: str, negated: bool, _: datetime.date) -> Filter:
    return CollectionFilter(_filled(name, value, "the name of a collection", "Sports"), negated)


def _parse_field(name: str, value: str, negated: bool, _: datetime.date) -> Filter:
    """Return a field filter; what is no letter, digit or last star says nothing."""
    goes_on = "*" if value.endswith("*") else ""
    said = split_words(value)
    words = " ".join(word.folded for word in said) + goes_on
    if not words or len(value) > LONGEST_FIELD_VALUE or len(said) > MOST_FIELD_WORDS:
        expected = f"up to {MOST_FIELD_WORDS} words, or * for any"
        raise BadFilter(name, value, expected=expected, example='"red slide"')
    return FieldFilter(name, words, negated)


def _without_today(parse: Callable[[str, str, bool], Filter]) -> _Parser:
    return lambda name, value, negated, _: parse(name, value, negated)


_PARSERS: Final[MappingProxyType[str, _Parser]] = MappingProxyType(
    {
        "type": _parse_type,
        "date": _parse_date,
        "after": _parse_after,
        "before": _parse_before,
        "camera": _parse_camera,
        "person": _parse_person,
        "place": _parse_named_place,
        "place-near": _without_today(parse_place),
        "rating": _without_today(parse_rating),
        "tag": _parse_tag,
        "collection": _parse_collection,
        "orientation": _parse_orientation,
        "colour": _parse_colour,
        "rights": _parse_rights,
        "size": _without_today(parse_size),
        **dict.fromkeys(NUMBER_FIELDS, _without_today(parse_number)),
        **dict.fromkeys(TEXT_FIELDS, _parse_field),
    }
)


def _first_day(name: str, value: str) -> datetime.date:
    try:
        if match := _DATE.fullmatch(value):
            return datetime.date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        pass  # no such day; told below with all other values that are no days
    expected = "a year, a month or a day that exists"
    raise BadFilter(name, value, expected=expected, example="2020-05-03")


def _one_of(choices: tuple[str, ...], name: str, value: str, meant: str) -> str:
    if meant not in choices:
        expected = f"one of {', '.join(choices)}"
        raise BadFilter(name, value, expected=expected, example=choices[0])
    return meant


def _filled(name: str, value: str, expected: str, example: str) -> str:
    if not value:
        raise BadFilter(name, value, expected=expected, example=example)
    return value
