"""A filter keeps exactly what it says; negated it keeps the rest, also what is not known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from small_archive import Telling

from museion.archive.catalog.conditions import TooManyFilters, all_of, condition_of
from museion.search.filters import TYPES
from museion.search.query import BadFilter, parse_query

_KNOWN: dict[str, dict[str, Any]] = {
    "vienna": {
        "capture_time": "2020-05-01T00:00:00",
        "camera_model": "NIKON D750",
        "rating": 5,
        "latitude": 48.2082,
        "longitude": 16.3738,
        "keywords": ("Harbour", "red slide"),
    },
    "sydney": {
        "capture_time": "2020-12-31T23:59:59",
        "camera_model": "ILCE-7M3",
        "rating": 0,
        "latitude": -33.8688,
        "longitude": 151.2093,
        "keywords": ("harbour",),
    },
    "fiji": {"latitude": -17.7, "longitude": 179.9, "rating": 3},
    "half known": {"latitude": 48.2},
    "unknown": {},
}
_ALL = set(_KNOWN)


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    with closing(Telling(tmp_path_factory.mktemp("filters"))) as telling:
        for name, metadata in _KNOWN.items():
            telling.tell_asset(name, **metadata)
        telling.tell_asset("film", kind="video", media_type="video/mp4")
        telling.tell_asset("drawing", kind="vector", media_type="image/svg+xml")
        telling.tell_asset("negative", kind="raw", media_type="image/x-nikon-nef")
        yield telling


def _kept(telling: Telling, query: str, among: set[str] = _ALL) -> set[str]:
    condition = all_of(condition_of(each) for each in parse_query(query).filters)
    names = {asset.filename for asset in telling.catalog.page(condition=condition)}
    assert telling.catalog.count(condition) == len(names)
    assert len(telling.catalog.ids(condition)) == len(names)
    assert len(telling.catalog.layout(condition)) == 2 * len(names)
    assert sum(month.count for month in telling.catalog.months(condition)) == len(names)
    return names & among


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("after:2020-05-01", {"vienna", "sydney"}),
        ("after:2020-05-02", {"sydney"}),
        ("before:2021", {"vienna", "sydney"}),
        ("before:2020-12-31", {"vienna"}),
        ("after:2020 before:2020-06", {"vienna"}),
        ("camera:nikon", {"vienna"}),
        ("camera:7m3", {"sydney"}),
        ("camera:%", set()),
        ("camera:_", set()),
        ("rating:5", {"vienna"}),
        ("rating:0", {"sydney"}),
        ("rating:>=3", {"vienna", "fiji"}),
        ("rating:0..3", {"sydney", "fiji"}),
        ("tag:harbour", {"vienna", "sydney"}),
        ("tag:HARBOUR", {"vienna", "sydney"}),
        ('tag:"red slide"', {"vienna"}),
        ("tag:harb", set()),
        ("place-near:48.2,16.4", {"vienna"}),
        ("place-near:48.2,16.4,1km", set()),
        ("place-near:-17.7,-179.9,50km", {"fiji"}),
        ("place-near:Sydney", {"sydney"}),
        ("camera:nikon rating:5 tag:harbour", {"vienna"}),
        ("camera:nikon rating:0", set()),
    ],
)
def test_a_filter_keeps_what_it_says(telling: Telling, query: str, kept: set[str]) -> None:
    assert _kept(telling, query) == kept


@pytest.mark.parametrize(
    "query",
    [
        *("after:2020-05-02", "before:2020-12-31", "camera:nikon", "rating:5", "rating:0"),
        *("tag:harbour", "place-near:48.2,16.4", "type:photo", "type:jpeg", "type:video"),
    ],
)
def test_a_negated_filter_keeps_all_the_others(telling: Telling, query: str) -> None:
    """So both together are everything, and what has no value is among the others."""
    everything = {asset.filename for asset in telling.catalog.page()}

    kept, others = _kept(telling, query, everything), _kept(telling, f"-{query}", everything)

    assert kept | others == everything
    assert not kept & others


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("photo", {"negative", *_ALL}),
        ("image", _ALL),
        ("raw", {"negative"}),
        ("video", {"film"}),
        ("mp4", {"film"}),
        ("svg", {"drawing"}),
        ("vector", {"drawing"}),
        ("jpg", _ALL),
        ("webm", set()),
    ],
)
def test_types_are_kinds_or_formats(telling: Telling, kind: str, kept: set[str]) -> None:
    everything = {asset.filename for asset in telling.catalog.page()}

    assert _kept(telling, f"type:{kind}", everything) == kept


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_that_can_be_typed_can_be_asked_for(telling: Telling, kind: str) -> None:
    _kept(telling, f"type:{kind} -type:{kind}")


def test_many_filters_are_refused_and_equal_ones_count_once(telling: Telling) -> None:
    assert _kept(telling, "rating:5 " * 500) == {"vienna"}
    with pytest.raises(TooManyFilters, match="at most 100"):
        _kept(telling, " ".join(f"tag:t{number}" for number in range(101)))


@pytest.mark.parametrize("query", ["rating:9", "type:nothing", "after:yesterday"])
def test_a_value_that_makes_no_sense_is_refused(telling: Telling, query: str) -> None:
    with pytest.raises(BadFilter):
        _kept(telling, query)


def test_no_text_of_a_query_becomes_part_of_a_statement(telling: Telling) -> None:
    for evil in ("'); DROP TABLE asset; --", '" OR 1=1', "\0", "x' OR '1'='1"):
        assert _kept(telling, f'camera:"{evil.replace(chr(34), "")}"') <= set()
    assert telling.catalog.counts().assets == 8
