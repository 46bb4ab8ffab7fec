"""What screens read: display order, layout, months, single assets, completions."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from small_archive import Telling, ingested, renditions

from museion.archive.asset import UnknownAsset
from museion.archive.catalog.errors import CatalogDamaged
from museion.archive.catalog.reader import Catalog, NoCatalog
from museion.archive.events import EnrichmentFailed
from museion.archive.suggesting import suggest
from museion.base.errors import InvalidInput


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[Telling]:
    with closing(Telling(tmp_path)) as telling:
        yield telling


def _tell_days(telling: Telling, *days: str) -> None:
    for day in days:
        telling.tell_asset(day, capture_time=f"{day}T12:00:00")


def _names(catalog: Catalog, *, offset: int = 0, limit: int = 100) -> list[str]:
    return [asset.filename for asset in catalog.page(offset=offset, limit=limit)]


def test_the_newest_capture_time_comes_first(telling: Telling) -> None:
    _tell_days(telling, "2020-01-02", "2024-05-06", "1999-12-31", "2020-01-03")

    assert _names(telling.catalog) == ["2024-05-06", "2020-01-03", "2020-01-02", "1999-12-31"]


def test_an_asset_without_a_capture_time_stands_where_it_came_in(telling: Telling) -> None:
    _tell_days(telling, "2020-01-01", "2030-01-01")
    telling.tell(ingested("now.jpg"), time_ms=1_750_000_000_000)  # June 2025

    assert _names(telling.catalog) == ["2030-01-01", "now.jpg", "2020-01-01"]


def test_equal_times_show_the_later_arrival_first(telling: Telling) -> None:
    telling.tell(*(ingested(f"{number}.jpg") for number in range(5)))

    assert _names(telling.catalog) == [f"{number}.jpg" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_pages_of_any_size_together_are_everything(telling: Telling, size: int) -> None:
    _tell_days(telling, *(f"20{number:02}-01-01" for number in range(10)))
    whole = _names(telling.catalog)

    paged = [
        name
        for offset in range(0, 10, size)
        for name in _names(telling.catalog, offset=offset, limit=size)
    ]

    assert paged == whole
    assert _names(telling.catalog, offset=10) == []


def test_the_layout_tells_each_aspect_in_two_bytes(telling: Telling) -> None:
    """In display order, thousandths, kept within what a grid can draw."""
    for name, width, height in [("wide", 9000, 10), ("tall", 10, 9000), ("normal", 300, 200)]:
        born = ingested(name)
        telling.tell(born, *renditions(born.asset_id, width=width, height=height))
    telling.tell(ingested("unknown"))

    content = telling.catalog.layout()

    assert content == b"".join(n.to_bytes(2, "little") for n in (1000, 1500, 100, 10_000))


def test_months_say_where_they_begin(telling: Telling) -> None:
    _tell_days(telling, "2020-01-01", "2020-01-31", "2019-12-31", "2024-02-29")

    months = [(each.month, each.count, each.offset) for each in telling.catalog.months()]

    assert months == [("2024-02", 1, 0), ("2020-01", 2, 1), ("2019-12", 1, 3)]


def test_months_of_the_first_and_the_last_year_are_told(telling: Telling) -> None:
    _tell_days(telling, "0001-01-01", "9999-12-31")

    assert [each.month for each in telling.catalog.months()] == ["9999-12", "0001-01"]


def test_what_cannot_be_shown_is_in_no_list_but_can_be_asked_for(telling: Telling) -> None:
    _tell_days(telling, "2020-01-01")
    broken = ingested("broken.jpg")
    failure = EnrichmentFailed(asset_id=broken.asset_id, processor="renditions", reason="Cut.")
    telling.tell(broken, failure)

    catalog = telling.catalog
    assert _names(catalog) == ["2020-01-01"]
    assert catalog.count() == catalog.counts().assets == len(array("H", catalog.layout())) == 1
    assert catalog.summaries([broken.asset_id]) == {}
    assert catalog.detail(broken.asset_id).failures[0].reason == "Cut."


@pytest.mark.parametrize("length", [4, 10, 24])
def test_an_asset_is_found_by_the_beginning_of_its_id_or_digest(
    telling: Telling, length: int
) -> None:
    born = ingested("a.jpg")
    telling.tell(born)

    assert telling.catalog.find_id(born.asset_id[:length]) == born.asset_id
    assert telling.catalog.find_id(born.digest[:length]) == born.asset_id


@pytest.mark.parametrize("start", ["", "abc", "zzzz", "%", "____", "\0", "a.jpg"])
def test_a_beginning_that_names_no_single_asset_is_refused(telling: Telling, start: str) -> None:
    telling.tell(ingested("a.jpg"))

    with pytest.raises(UnknownAsset):
        telling.catalog.find_id(start)


def test_two_assets_with_the_same_beginning_are_none(telling: Telling) -> None:
    telling.tell(ingested("same 1"), ingested("same 2"))

    with pytest.raises(UnknownAsset):
        telling.catalog.find_id("73616d65")  # "same" in the digests of both


@pytest.mark.parametrize("asked", [os.fsdecode(b"caf\xe9"), "\ud800"])
def test_a_text_with_broken_characters_is_bad_input(telling: Telling, asked: str) -> None:
    with pytest.raises(InvalidInput):
        telling.catalog.find_id(asked)


def test_a_number_beyond_all_rows_is_bad_input(telling: Telling) -> None:
    with pytest.raises(InvalidInput):
        telling.catalog.page(offset=10**30)


def test_a_catalog_that_was_never_written_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NoCatalog, match="Ingest something"):
        Catalog(tmp_path / "catalog.sqlite")


def test_a_damaged_catalog_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"no database" * 1000)

    with (
        closing(Catalog(tmp_path / "catalog.sqlite")) as catalog,
        pytest.raises(CatalogDamaged, match="builds it anew"),
    ):
        catalog.counts()


def test_completions_are_filters_and_values_that_exist(telling: Telling) -> None:
    telling.tell_asset("a", keywords=("Harbour", "red slide"), camera_model="NIKON D750")

    def completed(typed: str) -> list[str]:
        return [each.text for each in suggest(telling.catalog, typed)]

    assert completed("dog tag:har") == ["tag:Harbour"]
    assert completed("tag:RED") == ['tag:"red slide"']
    assert completed("camera:d75") == ['camera:"NIKON D750"']
    assert completed("ra") == ["rating:"]
    assert completed("harb") == ["tag:Harbour"]
    assert completed("") == completed("dog ") == completed("tag:") == []
    assert completed("camera:%") == completed("tag:_") == []
