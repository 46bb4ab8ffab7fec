"""The lexical index and the conditions on the catalog are two ways to what a field says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from small_archive import Telling, events_of, ingested

from museion.archive.catalog.conditions import condition_of
from museion.archive.finding.facets import AssetFacets
from museion.archive.finding.said import said
from museion.archive.finding.selecting import Selector
from museion.archive.indexing import Indexes
from museion.models.embedded import EMBEDDED
from museion.models.registry import built_in_checkpoint
from museion.search.query import parse_query

_TITLES = (
    "Two RED slides",
    "redslide",
    "slide: red",
    "Café am Großen Müllerweg",
    "CAFE AM GROSSEN MUELLERWEG",
    "Łódź – Œuvre",
    "Москва весной",
    "Reds, slid down; the slide",
    "100% *",
    "don't [x] ?",
    "a-b-c d_e",
)
_FILTERS = (
    *("title:red", "title:slide", "title:slide*", 'title:"red slide*"', 'title:"slide red"'),
    *("title:cafe", "title:CAFÉ", "title:caf*", "title:müllerweg", "title:muellerweg"),
    *("title:mullerweg", "title:müller*", "title:großen", "title:grossen", 'title:"am großen"'),
    *("title:lodz", "title:oeuvre", "title:МОСКВА", "title:100", "title:don", 'title:"b c d"'),
    *("-title:slide", "-title:cafe", 'title:"the sli*"', "caption:leash", "caption:leash*"),
    *("creator:zoe", 'creator:"ng bob"', "credit:agency", "keyword:slide", 'keyword:"red sl*"'),
    *("filename:img", "filename:477.jpg", "filename:47*", "keyword:nothing"),
)


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    telling = Telling(tmp_path_factory.mktemp("said"))
    for number, title in enumerate(_TITLES):
        telling.tell_asset(
            f"IMG_47{number}.jpg",
            title=title,
            caption=("A dog on a leash.", "Two leashes", "")[number % 3],
            creator=("Zoë Ng", "Bob") if number % 2 else ("Ann",),
            credit="Agency" if number % 4 else "",
            keywords=("red slide", "harbour") if number % 5 else (),
        )
    telling.tell_asset("plain.jpg")
    yield telling
    telling.close()


@pytest.fixture(scope="module")
def indexes(telling: Telling, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexes]:
    indexes = Indexes.open(tmp_path_factory.mktemp("index"), built_in_checkpoint(EMBEDDED))
    lexical, _ = indexes.projections(telling.catalog)
    names = [f"IMG_47{number}.jpg" for number in range(len(_TITLES))]
    lexical.apply(events_of([ingested(name) for name in names], telling.projection.position))
    yield indexes
    indexes.close()


@pytest.mark.parametrize("typed", _FILTERS)
def test_a_field_says_the_same_in_the_index_and_in_the_catalog(
    telling: Telling, indexes: Indexes, typed: str
) -> None:
    (filter_,) = parse_query(typed).filters
    facets = AssetFacets(telling.catalog, indexes.numbers)
    found = said(indexes.lexical, filter_, facets.numbers)
    assert found is not None
    shown = {str(each.id) for each in telling.catalog.page()}
    by_index = shown - set(found.ids()) if filter_.negated else set(found.ids())
    assert by_index == telling.catalog.ids(condition_of(filter_))
    assert typed == "keyword:nothing" or by_index


@pytest.mark.parametrize("is_loaded", [False, True])
@pytest.mark.parametrize("typed", [*_FILTERS, "title:*", "-caption:*"])
def test_a_listing_keeps_what_a_field_says(
    telling: Telling, indexes: Indexes, typed: str, is_loaded: bool
) -> None:
    facets = AssetFacets(telling.catalog, indexes.numbers)
    if is_loaded:
        facets.load()
    selector = Selector(telling.catalog, indexes.lexical, facets)
    query = parse_query(typed)
    (filter_,) = query.filters
    expected = telling.catalog.ids(condition_of(filter_))
    assert telling.catalog.ids(selector.listed(query)) == expected
    allowed = selector.allowed(query)
    assert allowed is not None
    assert set(allowed.ids()) == expected
