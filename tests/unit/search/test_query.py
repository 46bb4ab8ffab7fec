"""What is typed into the search box means what people expect."""

from __future__ import annotations

import datetime

import pytest

from museion.base.errors import InvalidInput
from museion.search.filters import Filter
from museion.search.query import (
    BadFilter,
    CameraFilter,
    CollectionFilter,
    ColourFilter,
    FieldFilter,
    NamedPlaceFilter,
    NumberFilter,
    OrientationFilter,
    PersonFilter,
    PlaceFilter,
    Query,
    RatingFilter,
    RightsFilter,
    SizeFilter,
    TagFilter,
    TimeFilter,
    TypeFilter,
    parse_query,
)


def test_the_parts_of_a_query_come_apart() -> None:
    query = parse_query('two kids "red slide" -adults type:photo in summer -"no entry" rating:4')

    assert query.text == "two kids in summer"
    assert query.phrases == ("red slide",)
    assert query.excluded == ("adults", "no entry")
    assert query.filters == (TypeFilter("photo"), RatingFilter(4, 4))
    assert query.semantic_text == "two kids red slide in summer"


def test_chips_are_in_the_order_typed_with_their_labels() -> None:
    query = parse_query("kids TYPE:jpg -tag:dull place-near:wien,5km")

    assert [(chip.kind, chip.typed, chip.label) for chip in query.chips] == [
        ("text", "kids", "kids"),
        ("type", "TYPE:jpg", "jpeg"),
        ("tag", "-tag:dull", "not tag dull"),
        ("place", "place-near:wien,5km", "within 5 km of Vienna"),
    ]


def test_a_query_of_filters_only_has_no_text() -> None:
    assert parse_query("type:video after:2020").text == ""
    assert parse_query("  ") == Query()


VIENNA = (48.20849, 16.37208)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("type:photo", TypeFilter("photo")),
        ("type:JPG", TypeFilter("jpeg")),
        ("type:audio", TypeFilter("sound")),
        ("-type:raw", TypeFilter("raw", negated=True)),
        ("after:2020", TimeFilter(after=datetime.date(2020, 1, 1))),
        ("after:2020-5", TimeFilter(after=datetime.date(2020, 5, 1))),
        ("before:2020-05-03", TimeFilter(before=datetime.date(2020, 5, 3))),
        ("-before:2020", TimeFilter(before=datetime.date(2020, 1, 1), negated=True)),
        ("camera:nikon", CameraFilter("nikon")),
        ('camera:"Canon  EOS R5"', CameraFilter("Canon EOS R5")),
        ("place-near:48.2,16.37", PlaceFilter(48.2, 16.37)),
        ("place-near:-33.86,151.2,2.5km", PlaceFilter(-33.86, 151.2, 2.5)),
        ("place-near:48.2,16.37,500m", PlaceFilter(48.2, 16.37, 0.5)),
        ("place-near:Vienna", PlaceFilter(*VIENNA, name="Vienna")),
        ("place-near:wien,10", PlaceFilter(*VIENNA, 10, name="Vienna")),
        (
            'place-near:"new york",10km',
            PlaceFilter(40.71427, -74.00597, 10, name="New York City"),
        ),
        ("rating:4", RatingFilter(4, 4)),
        ("rating:>=3", RatingFilter(3, 5)),
        ("rating:>3", RatingFilter(4, 5)),
        ("rating:≤2", RatingFilter(0, 2)),
        ("rating:<2", RatingFilter(0, 1)),
        ("rating:3..5", RatingFilter(3, 5)),
        ("rating:2..", RatingFilter(2, 5)),
        ("rating:3+", RatingFilter(3, 5)),
        ("collection:Sports", CollectionFilter("Sports")),
        ('-collection:"My Trip"', CollectionFilter("My Trip", negated=True)),
        ("size:<50MB", SizeFilter(high=50_000_000)),
        ("size:>=10kb", SizeFilter(low=10_000)),
        ("size:1MB..5MB", SizeFilter(1_000_000, 5_000_000)),
        ("size:2000", SizeFilter(2000, 2000)),
        ("tag:beach", TagFilter("beach")),
        ("date:2020", TimeFilter(datetime.date(2020, 1, 1), datetime.date(2021, 1, 1))),
        ("date:2020-02", TimeFilter(datetime.date(2020, 2, 1), datetime.date(2020, 3, 1))),
        ('person:"Ada Lovelace"', PersonFilter("Ada Lovelace")),
        ("-place:Vienna", NamedPlaceFilter("Vienna", negated=True)),
        ("orientation:Portrait", OrientationFilter("portrait")),
        ("color:gray", ColourFilter("grey")),
        ("rights:free", RightsFilter("free")),
        ("title:Slide", FieldFilter("title", "slide")),
        ('caption:"Red, Slide*"', FieldFilter("caption", "red slide*")),
        ("keyword:*", FieldFilter("keyword", "*")),
        ("width:>=4000", NumberFilter("width", 4000, None)),
        ("height:<4000", NumberFilter("height", None, 3999)),
        ("iso:100..400", NumberFilter("iso", 100, 400)),
        ("megapixels:12.5+", NumberFilter("megapixels", 12.5, None)),
        ("duration:1:30", NumberFilter("duration", 90, 90)),
        ("duration:<=2min", NumberFilter("duration", None, 120)),
        ('-tag:"red slide"', TagFilter("red slide", negated=True)),
    ],
)
def test_a_filter_means_what_it_says(typed: str, meant: Filter) -> None:
    assert parse_query(typed).filters == (meant,)


@pytest.mark.parametrize(
    "text",
    [
        *("ratio 16:9", "http://x.org/a?b=c", "Re: hello", "Artist: unknown", "a:b"),
        *("type: photo", "tag:", "rock -", "sci-fi", "--verbose", "- dash", 'size 5"', ":", "-:"),
    ],
)
def test_what_only_looks_like_a_filter_stays_text(text: str) -> None:
    query = parse_query(text)
    assert (query.text, query.filters, query.excluded) == (text, (), ())


@pytest.mark.parametrize("text", ['"red slide', "“red slide", '"red  slide"', "„red slide“"])
def test_quotes_may_be_curly_and_unclosed(text: str) -> None:
    assert parse_query(text).phrases == ("red slide",)


def test_a_quoted_filter_is_a_phrase() -> None:
    query = parse_query('"type:photo" -"tag:x"')
    assert (query.phrases, query.excluded, query.filters) == (("type:photo",), ("tag:x",), ())


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("type:spreadsheet", "one of image"),
        ("after:yesterday", "2020-05-03"),
        ("after:2020-13", "2020-05-03"),
        ("before:2021-02-29", "a day that exists"),
        ("after:0000", "2020-05-03"),
        ('camera:""', "Canon EOS"),
        ("place-near:91,0", "degrees north"),
        ("place-near:0,181", "degrees east"),
        ("place-near:Atlantis-Upon-Nowhere", "coordinates or a city"),
        ("place-near:Barcelna", "perhaps Barcelona"),
        ("place-near:,10km", "coordinates or a city"),
        ("place-near:Vienna,0km", "a radius from 1 m"),
        ("place-near:Vienna,99999km", "a radius from 1 m"),
        ("rating:6", "stars from 0 to 5"),
        ("rating:5..3", "the lower first"),
        ("rating:good", "rating:3..5"),
        ("rating:<0", "stars from 0 to 5"),
        ("orientation:diagonal", "one of landscape"),
        ("colour:mauve", "one of black"),
        ("rights:expired", "one of free"),
        ("width:wide", "a whole number"),
        ("iso:400..100", "the smaller first"),
        ("duration:long", "2min"),
        ("title:!", "up to 12 words"),
        ('person:""', "Ada Lovelace"),
        ("like:a/b", "the id of an asset"),
        ("without:!", "what must not be seen"),
        ('tag:" "', "red slide"),
    ],
)
def test_a_bad_value_is_told_with_what_was_expected_and_an_example(typed: str, hint: str) -> None:
    with pytest.raises(BadFilter) as told:
        parse_query(f"dog {typed}")

    name = typed.partition(":")[0]
    assert isinstance(told.value, InvalidInput)
    assert told.value.name == name
    assert f"The filter {name}:" in str(told.value)
    assert f"Write it like {name}:" in str(told.value)
    assert hint in str(told.value)


def test_a_point_lies_within_a_place_or_not() -> None:
    near_date_line = PlaceFilter(0, 179.9, radius_km=50)

    assert near_date_line.covers(0, -179.9)
    assert not near_date_line.covers(0, 179)
