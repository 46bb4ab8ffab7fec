"""The names of an archive are recognised in queries, and only those that may be shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from small_archive import Telling

from museion.archive.asset import CollectionId
from museion.archive.events import AssetTrashed, CollectionMade
from museion.archive.known_values import CatalogNames
from museion.search.query import Known, parse_query, print_query


class _Clock:
    """A clock that stands until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[Telling]:
    with closing(Telling(tmp_path)) as telling:
        yield telling


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def names(telling: Telling, tmp_path: Path, clock: _Clock) -> Iterator[CatalogNames]:
    with closing(CatalogNames(tmp_path / "catalog.sqlite", clock=clock)) as names:
        yield names


def _made(name: str) -> CollectionMade:
    return CollectionMade(collection_id=CollectionId(f"{name:a<16}"), by="ann", name=name)


def test_names_of_all_kinds_are_known(telling: Telling, names: CatalogNames) -> None:
    telling.tell_asset("a", city="Sankt Pölten", country="Austria", keywords=("Red Slide",))
    telling.tell_asset("b", camera_make="NIKON CORPORATION", camera_model="NIKON D750")
    telling.tell_asset("c", persons="Ada Lovelace")
    telling.tell(_made("Sports"))

    found = {
        typed: names.longest(typed.split())
        for typed in (
            *("sankt pölten", "austria in summer", "red slide here", "nikon d750 birds"),
            *("D750", "nikon", "ada lovelace giving", "sports", "graz", "the red slide"),
        )
    }

    assert found == {
        "sankt pölten": (2, Known("place", "Sankt Pölten")),
        "austria in summer": (1, Known("place", "Austria")),
        "red slide here": (2, Known("tag", "Red Slide")),
        "nikon d750 birds": (2, Known("camera", "NIKON D750")),
        "D750": (1, Known("camera", "D750")),
        "nikon": (1, Known("camera", "NIKON")),
        "ada lovelace giving": (2, Known("person", "Ada Lovelace")),
        "sports": (1, Known("collection", "Sports")),
        "graz": None,
        "the red slide": None,
    }


def test_a_query_is_understood_with_the_names_of_the_archive(
    telling: Telling, names: CatalogNames
) -> None:
    telling.tell_asset("a", city="Vienna", keywords=("slide",))

    query = parse_query("kids on a slide in vienna", known=names)

    assert print_query(query) == "kids on a slide place:Vienna"
    assert [chip.written for chip in query.offers] == ["tag:slide"]


def test_the_longest_name_wins(telling: Telling, names: CatalogNames) -> None:
    telling.tell_asset("a", city="York", keywords=("New York",))
    telling.tell_asset("b", city="New")

    assert names.longest(["New", "York"]) == (2, Known("tag", "New York"))
    assert names.longest(["New", "shoes"]) == (1, Known("place", "New"))


def test_a_new_name_is_known_some_time_after_it_came(
    telling: Telling, names: CatalogNames, clock: _Clock
) -> None:
    telling.tell_asset("a", city="Vienna")
    assert names.longest(["Vienna"])

    telling.tell_asset("b", city="Graz", keywords=("slide",))

    assert names.longest(["Graz"]) is None
    assert names.longest(["slide"]) == (1, Known("tag", "slide"))
    clock.now += 60
    assert names.longest(["Graz"]) == (1, Known("place", "Graz"))


def test_names_of_what_is_in_the_trash_are_not_known(telling: Telling, names: CatalogNames) -> None:
    asset_id = telling.tell_asset("a", city="Vienna", keywords=("slide",))
    telling.tell(AssetTrashed(asset_id=asset_id, by="ann"))

    assert names.longest(["Vienna"]) is None
    assert names.longest(["slide"]) is None
