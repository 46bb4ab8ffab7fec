"""Queries as people and cats on keyboards type them."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from museion.search.query import BadFilter as _BadFilter
from museion.search.query import Known, Query, parse_query

EXPLICIT = (
    *("dog", "Re:", "16:9", "http://x", "type", "type:", '5"', 'a"b', "--", "-", "-!", "🐕"),
    *("type:photo", "-type:jpg", "TYPE:Image", "type:.png"),
    *("after:2020", "before:2020-05", "-after:2020-05-03", "after:0001", "date:2020"),
    *('date:"last summer"', "date:1985..1990", "-date:2020-05", "date:9999", "date:..2020"),
    *('date:"von 1985 bis 1990"', "date:1980s", 'date:"2020..today"', "date:yesterday"),
    *("camera:nikon", 'camera:"Canon EOS"', "camera:“R5", 'camera:"a"b', "-camera:x,y"),
    *("place-near:48.2,16.37", "place-near:-0.0,180,500m", 'place-near:"Graz",10mi'),
    *("rating:4", "rating:>=3", "rating:<2", "rating:..3", "-rating:3..5", "rating:0+"),
    *("tag:beach", 'tag:"red  slide"', "-tag:x", 'tag:"a",b', "tag:-x", "tag:tag:x"),
    *('"a phrase"', '-"not this"', '"', '""', '-""', '"type:photo"', '-"type:photo"', '"-x"'),
    *("-word", "-a:b", "-–", "-„deutsch“", "“curly”", "«x»", "\t", "\u00a0", "\x1c"),
    *("person:Ada", 'place:"New York"', "orientation:square", "colour:red", "-color:grey"),
    *("rights:free", "width:>=100", "megapixels:12.5", "duration:<1min", "-iso:100..200"),
    *("title:x*", 'caption:"Ä b"', "keyword:*", "-credit:*", "filename:IMG_1.jpg"),
    *("like:abcd", "-like:ab-c@12", "without:people", '-without:"the night"'),
    *("\\", "\\\\", "\\type:photo", "\\(", "\\-x", '\\"', "\\AND", "\\2020", "\\summer"),
    *("AND", "OR", "NOT", "(", ")", "-(", "(a", "b)", "(a OR b)", "-(a b)", "NOT NOT"),
    *("tag:x)", '(tag:"x)"', 'tag:a"b)', "-a)", "f(x)", "(x)", "\\)", ")("),
)
PLAIN = (
    *("summer 2023", "last summer", "last", "yesterday", "2019", "in 2019", "since 2020", "since"),
    *("between 1985 and 1990", "between", "and", "letzten Sommer", "in den 80ern", "in", "the"),
    *("July 4, 2023", "July", "4,", "2023", "vor 3 Jahren", "1985-1990", "from", "to", "of"),
    *("videos of", "photos", "photos,", "Videos von", "only", ", landscape", "landscape", ","),
    *("portrait format", "Hochformat", "mostly red", "in red tones", "red", "colour", "public"),
    *("without people", "no adults", "no adults,", "not at night", "ohne Menschen", "keine Autos"),
    *("without", "no", "not", "or cars", "or", "and dogs", "no videos", "not in Vienna", "but"),
    *("Vienna", "vienna", "in Vienna", "new york", "Ada Lovelace", "ada", "nikon d750", "tagged"),
    *("tagged beach", "#beach", "beach", "(2023)", "(last", "summer)", "style", "kids;"),
)


def typed_queries(pieces: Sequence[str]) -> st.SearchStrategy[str]:
    """Return texts of up to ten pieces, with and without spaces between."""
    lists = st.lists(st.sampled_from(pieces) | st.text(max_size=5), max_size=10)
    return lists.flatmap(lambda each: st.sampled_from([" ".join(each), "".join(each)]))


class SomeNames:
    """The names of an archive that has few of them."""

    _NAMES = (
        *(Known("place", "Vienna"), Known("place", "New York"), Known("place", "Nice")),
        *(Known("person", "Ada Lovelace"), Known("person", "Rose"), Known("tag", "beach")),
        *(Known("tag", "red slide"), Known("camera", "NIKON D750"), Known("camera", "Canon")),
        *(Known("collection", "Sports"), Known("place", "Austria")),
    )

    def longest(self, words: Sequence[str]) -> tuple[int, Known] | None:
        """Return the name that the first words are."""
        by_name = {each.value.casefold(): each for each in self._NAMES}
        for used in range(len(words), 0, -1):
            found = by_name.get(" ".join(words[:used]).casefold())
            if found is not None:
                return used, found
        return None


def parsed_or_none(text: str, *, knows: bool = False) -> Query | None:
    """Return a query, None where a filter has a bad value."""
    try:
        return parse_query(text, known=SomeNames() if knows else None)
    except _BadFilter:
        return None
