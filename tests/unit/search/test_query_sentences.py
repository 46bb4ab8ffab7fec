"""What plain words mean, sentence by sentence, and what has to stay words."""

from __future__ import annotations

import datetime

import pytest
from typed_queries import SomeNames

from museion.search.query import Query, TimeFilter, Without, parse_query, print_query

TODAY = datetime.date(2026, 11, 26)


def _query(typed: str) -> Query:
    return parse_query(typed, known=SomeNames(), today=TODAY)


def _explicit(typed: str) -> str:
    return print_query(_query(typed), known=SomeNames())


def test_each_part_of_a_sentence_becomes_a_chip_and_the_rest_stays_text() -> None:
    query = _query("two kids on a red slide last summer, no adults, landscape")

    assert query.text == "two kids on a red slide"
    assert query.semantic_text == "two kids on a red slide"
    assert query.without == ("adults",)
    assert [(chip.kind, chip.typed, chip.label) for chip in query.chips] == [
        ("text", "two kids on a red slide", "two kids on a red slide"),
        ("time", "last summer,", "last summer"),
        ("without", "no adults,", "without adults"),
        ("orientation", "landscape", "landscape format"),
    ]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (
            "two kids on a red slide last summer, no adults, landscape",
            'two kids on a red slide date:"last summer" without:adults orientation:landscape',
        ),
        ("videos of dogs", "type:video dogs"),
        ("dog videos", "dog type:video"),
        ("photos, videos", "(type:photo OR type:video)"),
        ("photos from Vienna", "type:photo place:Vienna"),
        (
            "wedding photos in Vienna last summer",
            'wedding type:photo place:Vienna date:"last summer"',
        ),
        ("beach July 2023", "beach date:2023-07"),
        ("beach 2023", "beach date:2023"),
        ("Christmas 2019", "Christmas date:2019"),
        ("people dancing, 1980s", "people dancing date:1980s"),
        ("in the 80s", "date:1980s"),
        ("disco in the eighties", "disco date:1980s"),
        ("harbour between 1985 and 1990", "harbour date:1985..1990"),
        ("harbour from 2019 to 2021", "harbour date:2019..2021"),
        ("since 2020 sunsets", "after:2020 sunsets"),
        ("before 1950 portraits", "before:1950 portraits"),
        ("photos taken last week", 'type:photo date:"last week"'),
        ("yesterday", "date:yesterday"),
        ("sunset yesterday", "sunset date:yesterday"),
        ("fall 2023 leaves", 'date:"autumn 2023" leaves'),
        ("skiing winter 2023/24", 'skiing date:"winter 2023"'),
        ("goals on July 4, 2023", "goals date:2023-07-04"),
        ("goals on 4 July 2023", "goals date:2023-07-04"),
        ("kids playing 3 weeks ago", 'kids playing date:"3 weeks ago"'),
        ("last 3 months", 'date:"last 3 months"'),
        ("beach without people", "beach without:people"),
        ("a street without cars at night", "a street without:cars at night"),
        ("city, no people, no cars", "city without:people without:cars"),
        ("beach with no people", "beach without:people"),
        ("sky not at night", "sky without:night"),
        ("without people or cars on a beach", "without:people without:cars on a beach"),
        ("no videos, dog", "-type:video dog"),
        ("dog, not last summer", 'dog -date:"last summer"'),
        ("mountains, portrait format", "mountains orientation:portrait"),
        ("a tower, portrait", "a tower orientation:portrait"),
        ("clouds in landscape orientation", "clouds orientation:landscape"),
        ("mostly red flowers", "colour:red flowers"),
        ("flowers in red tones", "flowers colour:red"),
        ("colour blue door", "colour:blue door"),
        ("public domain maps", "rights:free maps"),
        ("Ada Lovelace giving a speech", 'person:"Ada Lovelace" giving a speech'),
        (
            "Ada Lovelace in Vienna without people",
            'person:"Ada Lovelace" place:Vienna without:people',
        ),
        ("vienna slide", "place:Vienna slide"),
        ("tagged beach dogs", "tag:beach dogs"),
        ("#beach dogs", "tag:beach dogs"),
        ("taken with canon dogs", "camera:Canon dogs"),
        ("nikon d750 birds", 'camera:"NIKON D750" birds'),
        ("from the collection Sports goals", "collection:Sports goals"),
        ("only videos", "type:video"),
        ("show, videos only", "show type:video"),
        ("photos and videos of dogs", "(type:photo OR type:video) dogs"),
        ("the 80s", "date:1980s"),
        ("new york", 'place:"New York"'),
        ("a photo of a dog", "type:photo a dog"),
        ("vacation in nice", "vacation place:Nice"),
        ("Vienna, beach, last summer", 'place:Vienna beach date:"last summer"'),
        ("kids (summer 2023)", 'kids date:"summer 2023"'),
        ("boats, square", "boats orientation:square"),
        ("old photos of vienna", "old type:photo \\vienna"),
        ("a portrait, no background, square", "a portrait without:background orientation:square"),
        ("not blurry", "without:blurry"),
        ("Nice in summer 2019", 'Nice date:"summer 2019"'),
        ("birthday 12.05.2019", "birthday date:2019-05-12"),
        ("2023-07-04 parade", "date:2023-07-04 parade"),
        ("sunset, vertical", "sunset orientation:portrait"),
        ("people not smiling", "people without:smiling"),
        ("children without shoes, 1970s", "children without:shoes date:1970s"),
        ("black and white, 1950s", "black and white date:1950s"),
    ],
)
def test_english_is_understood(typed: str, meant: str) -> None:
    assert _explicit(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (
            "Kinder auf einer Rutsche letzten Sommer, ohne Erwachsene, Querformat",
            'Kinder auf einer Rutsche date:"last summer" without:Erwachsene orientation:landscape',
        ),
        ("Videos von Hunden", "type:video Hunden"),
        ("Fotos aus Wien", "type:photo aus Wien"),
        ("in den 80ern", "date:1980s"),
        ("zwischen 1985 und 1990", "date:1985..1990"),
        ("Hafen im Juli 2023", "Hafen date:2023-07"),
        ("Strand ohne Menschen", "Strand without:Menschen"),
        ("Strand ohne Menschen und Autos", "Strand without:Menschen without:Autos"),
        ("Straße, keine Autos", "Straße without:Autos"),
        ("nicht bei Nacht", "without:Nacht"),
        ("Blumen in Rottönen", "Blumen colour:red"),
        ("überwiegend rot", "colour:red"),
        ("im Hochformat", "orientation:portrait"),
        ("seit 2020", "after:2020"),
        ("vor 1950", "before:1950"),
        ("vor drei Jahren", 'date:"3 years ago"'),
        ("gestern", "date:yesterday"),
        ("letzte Woche Fußball", 'date:"last week" Fußball'),
        ("nur Videos", "type:video"),
        ("Bilder vom 4. Juli 2023", "type:photo date:2023-07-04"),
        ("von 2019 bis 2021", "date:2019..2021"),
        ("Ernte im Herbst 2022", 'Ernte date:"autumn 2022"'),
        ("heuer", 'date:"this year"'),
        ("gemeinfreie Karten", "rights:free Karten"),
    ],
)
def test_german_is_understood(typed: str, meant: str) -> None:
    assert _explicit(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "two kids on a red slide",
        "fall leaves",
        "may day",
        "second hand",
        "march of the penguins",
        "new york style pizza",
        "a mountain landscape",
        "portrait of a man",
        "landscape",
        "no smoking sign",
        "no parking",
        "doctors without borders",
        "do not enter",
        "to be or not to be",
        "forget me not",
        "the last supper",
        "spring water",
        "summer dress",
        "class of 1984",
        "blade runner 2049",
        "IMG 2019",
        "USA Today newspaper",
        "stack of photos",
        "people watching videos",
        "film noir poster",
        "video game",
        "a red slide",
        "black and white",
        "Dr. No",
        "nice beach",
        "rose garden",
        "map of Vienna",
        "Vienna Philharmonic",
        "this may be art",
        "the last week of school",
        "between two trees",
        "before sunrise",
        "2000 people in 2000 m",
        "room 1984",
        "1980s style kitchen",
        "Ärzte ohne Grenzen",
        "kein Zutritt",
        "sailing boats at sea",
        "beach dog",
        "red slide",
        "Sports",
        "canon",
        "square, boats",
        "the girl with a pearl earring",
        "cats and dogs",
        "don't look now",
    ],
)
def test_what_may_mean_something_else_stays_words(typed: str) -> None:
    query = _query(typed)

    assert query.text == typed
    assert len(query.parts) == 1


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ('"summer 2023" "no people"', ""),
        (r"\summer \2023", "summer 2023"),
        (r"\Vienna", "Vienna"),
        (r"\no people", "no people"),
        (r"boats, \landscape", "boats, landscape"),
        (r"\videos \of dogs", "videos of dogs"),
    ],
)
def test_what_is_quoted_or_behind_a_backslash_is_not_understood(typed: str, text: str) -> None:
    query = _query(typed)

    assert query.text == text
    assert not query.filters
    assert not query.without


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("two kids on a red slide", ['tag:"red slide"']),
        ("new york style pizza", ['place:"New York"']),
        ("nice beach", ["place:Nice", "tag:beach"]),
        ("rose garden", ["person:Rose"]),
        ("Sports", ["collection:Sports"]),
        ("canon", ["camera:Canon"]),
        ("tagged beach", []),
        ("Berlin 2019 concert", ["date:2019"]),
        ("IMG 2019 x", []),
    ],
)
def test_a_name_that_may_be_a_word_is_offered(typed: str, offered: list[str]) -> None:
    assert [chip.written for chip in _query(typed).offers] == offered


def test_names_are_only_understood_where_the_archive_has_them() -> None:
    assert parse_query("Ada Lovelace in Vienna", today=TODAY).text == "Ada Lovelace in Vienna"


def test_words_that_move_with_the_days_are_kept_and_read_anew() -> None:
    stored = print_query(_query("letzten Sommer"))

    assert stored == 'date:"last summer"'
    assert parse_query(stored, today=datetime.date(2030, 1, 1)).filters == (
        TimeFilter(datetime.date(2029, 6, 1), datetime.date(2029, 9, 1), named="last summer"),
    )


def test_classic_search_understands_no_plain_words() -> None:
    typed = "videos of Vienna last summer, no adults rating:5"
    query = parse_query(typed, known=SomeNames(), today=TODAY, understands=False)

    assert query.text == "videos of Vienna last summer, no adults"
    assert len(query.filters) == 1


def test_a_negation_that_is_typed_explicitly_means_the_same() -> None:
    assert [part.meaning for part in _query("without:people").parts] == [Without("people")]
    assert _query("without:people") == _query("without people")
