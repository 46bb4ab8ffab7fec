"""Filters of words, looks and numbers keep exactly what they say, and groups what they join."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from small_archive import Telling

from museion.archive.catalog.conditions import all_of, condition_of, condition_of_group
from museion.archive.events import ColoursFound, ColourShare
from museion.search.analysis.lexing import DEEPEST_NESTING
from museion.search.query import parse_query

_KNOWN: dict[str, dict[str, Any]] = {
    "IMG_4711.JPG": {
        "width": 6000,
        "height": 4000,
        "title": "Café, two RED slides",
        "city": "Sankt Pölten",
        "country": "Österreich",
        "iso": 3200,
        "copyright": "© Ann. All rights reserved.",
        "keywords": ("Ada Lovelace", "red slide"),
    },
    "b.jpg": {
        "width": 3000,
        "height": 4000,
        "title": "redslide",
        "city": "Pölten",
        "persons": "Bob",
        "rights": "CC BY-SA 4.0",
        "iso": 100,
        "capture_time": "1987-06-01T10:00:00",
    },
    "c.jpg": {
        "width": 1000,
        "height": 1010,
        "title": "slide: red",
        "rights": "CC BY-NC 4.0",
        "lens": "EF24-70mm f/2.8L",
        "creator": ("Zoë Ng",),
    },
    "d.jpg": {"rights_url": "https://creativecommons.org/licenses/by/4.0/", "title": "100% *"},
    "film.mp4": {"width": 1920, "height": 1080, "duration_s": 89.7, "title": "  "},
}
_ALL = set(_KNOWN)
_WORDS = {"dog": {"IMG_4711.JPG", "b.jpg"}, "cat": {"b.jpg", "c.jpg"}, "big dog": {"b.jpg"}}


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    with closing(Telling(tmp_path_factory.mktemp("filters"))) as telling:
        ids = {name: telling.tell_asset(name, **metadata) for name, metadata in _KNOWN.items()}
        colours = (ColourShare("red", 0.5), ColourShare("grey", 0.1))
        telling.tell(ColoursFound(asset_id=ids["b.jpg"], colours=colours))
        yield telling


def _kept(telling: Telling, typed: str) -> set[str]:
    """Return what a query of filters and groups keeps; words are found as `_WORDS` says."""
    query = parse_query(typed, understands=False)
    assert not query.text
    ids = {asset.filename: asset.id for asset in telling.catalog.page()}

    def containing(phrase: str, /, *, inflected: bool = False) -> set[str]:
        assert inflected == (" " not in phrase), "words in any inflection, phrases as they are"
        return {ids[name] for name in _WORDS.get(phrase, ())}

    condition = all_of(
        [
            *(condition_of(each) for each in query.filters),
            *(condition_of_group(each, containing) for each in query.groups),
        ]
    )
    return {asset.filename for asset in telling.catalog.page(condition=condition)}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("orientation:landscape", {"IMG_4711.JPG", "film.mp4"}),
        ("orientation:portrait", {"b.jpg"}),
        ("orientation:square", {"c.jpg"}),
        ("colour:red", {"b.jpg"}),
        ("color:grey", set()),
        ('place:"sankt polten"', {"IMG_4711.JPG"}),
        ("place:ÖSTERREICH", {"IMG_4711.JPG"}),
        ("place:Pölten", {"b.jpg"}),
        ('person:"ada lovelace"', {"IMG_4711.JPG"}),
        ("person:Bob", {"b.jpg"}),
        ("rights:free", {"b.jpg", "d.jpg"}),
        ("rights:restricted", {"IMG_4711.JPG", "c.jpg"}),
        ("rights:unknown", {"film.mp4"}),
        ("title:cafe", {"IMG_4711.JPG"}),
        ("title:slide", {"c.jpg"}),
        ("title:slide*", {"IMG_4711.JPG", "c.jpg"}),
        ('title:"red slide*"', {"IMG_4711.JPG"}),
        ('title:"slide red"', {"c.jpg"}),
        ("title:100", {"d.jpg"}),
        ("title:*", {"IMG_4711.JPG", "b.jpg", "c.jpg", "d.jpg"}),
        ("creator:zoe", {"c.jpg"}),
        ("city:polten", {"IMG_4711.JPG", "b.jpg"}),
        ("filename:IMG_4711.jpg", {"IMG_4711.JPG"}),
        ("filename:img*", {"IMG_4711.JPG"}),
        ("lens:24-70*", set()),
        ("lens:70mm", {"c.jpg"}),
        ("keyword:slide", {"IMG_4711.JPG"}),
        ("keyword:lov*", {"IMG_4711.JPG"}),
        ("keyword:*", {"IMG_4711.JPG"}),
        ("copyright:ann", {"IMG_4711.JPG"}),
        ("width:>=3000", {"IMG_4711.JPG", "b.jpg"}),
        ("width:>3000", {"IMG_4711.JPG"}),
        ("height:1000..1100", {"c.jpg", "film.mp4"}),
        ("megapixels:12", {"b.jpg"}),
        ("megapixels:<2.5", {"c.jpg", "film.mp4"}),
        ("duration:90", {"film.mp4"}),
        ("duration:<1:30", {"film.mp4"}),
        ("duration:>2min", set()),
        ("iso:>=1600", {"IMG_4711.JPG"}),
        ("iso:..200", {"b.jpg"}),
        ("date:1980s", {"b.jpg"}),
        ("date:1985..1987", {"b.jpg"}),
        ("date:1988", set()),
        ("title:slide OR person:Bob", {"b.jpg", "c.jpg"}),
        ("(orientation:portrait OR orientation:square) -rights:free", {"c.jpg"}),
        ("dog OR cat", {"IMG_4711.JPG", "b.jpg", "c.jpg"}),
        ("dog AND cat", {"b.jpg"}),
        ("(dog cat)  OR duration:>60", {"b.jpg", "film.mp4"}),
        ('"big dog" OR cat', {"b.jpg", "c.jpg"}),
        ("NOT (dog OR cat)", {"d.jpg", "film.mp4"}),
        ("(dog AND NOT cat)", {"IMG_4711.JPG"}),
        ("dog AND cat OR title:100", {"b.jpg", "d.jpg"}),
    ],
)
def test_a_filter_or_group_keeps_what_it_says(telling: Telling, typed: str, kept: set[str]) -> None:
    assert _kept(telling, typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        *("orientation:square", "colour:red", "place:pölten", "person:bob", "rights:restricted"),
        *("title:slide", "title:*", "keyword:slide", "creator:*", "width:>2000", "megapixels:12"),
        *("duration:<60", "iso:100", "date:1987", "lens:*"),
    ],
)
def test_a_negated_filter_keeps_all_the_others(telling: Telling, typed: str) -> None:
    kept, others = _kept(telling, typed), _kept(telling, f"-{typed}")

    assert kept | others == _ALL
    assert not kept & others


def test_no_text_of_a_query_becomes_part_of_a_statement_or_pattern(telling: Telling) -> None:
    for evil in ("'); DROP TABLE asset; --", "[a-z]", "?", "x' OR '1'='1", "*a*", "]"):
        for name in ("title", "place", "person", "keyword"):
            typed = f'{name}:"a {evil}"'
            assert _kept(telling, typed) == set()
    assert telling.catalog.counts().assets == len(_ALL)


def test_the_deepest_group_can_be_asked(telling: Telling) -> None:
    """SQLite takes expressions up to some depth only."""
    typed = 'title:"a b c d e"'
    for number in range(DEEPEST_NESTING):
        typed = f"NOT (tag:t{number} {'OR' if number % 2 else 'AND'} {typed})"

    assert _kept(telling, f"{typed} -place-near:48,16") <= _ALL
