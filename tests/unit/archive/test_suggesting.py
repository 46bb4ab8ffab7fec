"""What the search box offers while someone types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from small_archive import Telling

from museion.archive.known_values import CatalogNames
from museion.archive.suggesting import suggest
from museion.search.filter_syntax import filter_names
from museion.search.query import parse_query


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("suggesting")


@pytest.fixture(scope="module")
def telling(folder: Path) -> Iterator[Telling]:
    with closing(Telling(folder)) as telling:
        telling.tell_asset("a", city="New York", country="Norway", keywords=("newt", "red slide"))
        telling.tell_asset("b", camera_model="NIKON D750", persons="Ada Lovelace")
        yield telling


@pytest.fixture(scope="module", params=["kept names", "the catalog alone"])
def names(
    request: pytest.FixtureRequest, telling: Telling, folder: Path
) -> Iterator[CatalogNames | None]:
    if request.param == "the catalog alone":
        yield None
        return
    with closing(CatalogNames(folder / "catalog.sqlite")) as names:
        yield names


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("orie", ["orientation:"]),
        ("dog -orie", ["orientation:"]),
        ("type:vi", ["type:video"]),
        ("orientation:", ["orientation:landscape", "orientation:portrait", "orientation:square"]),
        ("colour:bl", ["colour:black", "colour:blue"]),
        ("rights:f", ["rights:free"]),
        ("two kids yest", ["date:yesterday"]),
        ("date:last s", ["size:"]),
        ('date:"last s', ['date:"last spring"', 'date:"last summer"']),
        ("gest", ["date:yesterday"]),
        ("new", ['place:"New York"', "tag:newt"]),
        ("place:no", ["place:Norway"]),
        ('place:"new y', ['place:"New York"']),
        ("ada", ['person:"Ada Lovelace"']),
        ("-tag:red", ['tag:"red slide"']),
        ("keyword:ne", ["keyword:newt"]),
        ("camera:nik", ['camera:"NIKON D750"']),
        ("", []),
        ("dog ", []),
        ("xyz:ab", []),
    ],
)
def test_a_word_that_was_begun_is_completed(
    telling: Telling, names: CatalogNames | None, typed: str, offered: list[str]
) -> None:
    found = suggest(telling.catalog, typed, names=names)

    assert [each.text for each in found] == offered


def test_every_filter_is_completed(telling: Telling) -> None:
    for name in filter_names():
        offered = [each.text for each in suggest(telling.catalog, name)]
        assert f"{name}:" in offered


@pytest.mark.parametrize("start", ["t", "date:", "type:", "new", "last", "d", "colour:"])
def test_what_is_completed_with_a_value_can_be_asked(
    telling: Telling, names: CatalogNames | None, start: str
) -> None:
    for each in suggest(telling.catalog, start, names=names):
        if not each.text.endswith(":"):
            assert len(parse_query(each.text).filters) == 1
