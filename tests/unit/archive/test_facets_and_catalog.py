"""Facets in memory and conditions on the catalog are two ways to one answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from small_archive import Telling

from museion.archive.catalog.conditions import condition_of
from museion.archive.events import AssetTrashed, ColoursFound, ColourShare
from museion.archive.finding.facets import AssetFacets, selected
from museion.search.query import parse_query

_FILTERS = (
    *("type:photo", "type:video", "type:jpeg", "-type:image", "rating:4", "rating:>=3"),
    *("-rating:2", "after:2020", "before:2021-06", "-after:2020", "date:2020..2021"),
    *("camera:canon", "-camera:canon", "camera:x", "tag:harbour", "tag:HARBOUR", "-tag:harbour"),
    *("size:<1KB", "size:>1B", "place-near:Vienna", "-place-near:48.2,16.37,5km", "colour:red"),
    *("-colour:red", "orientation:landscape", "orientation:portrait", "-orientation:square"),
)


_ALL_OR_NOTHING = ("camera:x", "size:<1KB", "size:>1B")
_MEDIA = (("image", "image/jpeg"), ("image", "image/png"), ("video", "video/mp4"))
_SIDES = ((300, 200), (200, 300), (105, 100), (106, 100), (0, 0))
_DAYS = ("2019-12-31T23:59:59", "2020-01-01T00:00:00", "2021-05-31T12:00:00", "2021-06-01T00:00:00")


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    """Assets of many kinds, sizes and days, one in the trash and one in quarantine."""
    telling = Telling(tmp_path_factory.mktemp("facets"))
    for number in range(60):
        kind, media_type = _MEDIA[number % 3]
        width, height = _SIDES[number % 5]
        asset_id = telling.tell_asset(
            f"{number}.jpg",
            kind=kind,
            media_type=media_type,
            width=width,
            height=height,
            rating=number % 6,
            keywords=("Harbour",) if number % 4 == 0 else (),
            camera_model="Canon EOS R5" if number % 7 == 0 else "Nikon",
            capture_time=_DAYS[number % 4],
            latitude=48.2 if number % 2 else 40.0,
            longitude=16.37,
        )
        shares = (ColourShare("red", 0.1 + number % 3 * 0.05), ColourShare("blue", 0.05))
        telling.tell(ColoursFound(asset_id=asset_id, colours=shares))
    telling.tell(AssetTrashed(asset_id=asset_id, by="Ann"))
    yield telling
    telling.close()


@pytest.mark.parametrize("typed", _FILTERS)
def test_a_filter_leaves_the_same_in_memory_and_in_the_catalog(
    telling: Telling, typed: str
) -> None:
    facets = AssetFacets(telling.catalog)
    facets.load()
    (filter_,) = parse_query(typed).filters
    view = facets.view
    assert view is not None
    found = selected(view, filter_)
    assert found is not None
    assert set(found.ids()) == telling.catalog.ids(condition_of(filter_))
    assert typed in _ALL_OR_NOTHING or 0 < found.count < view.all.count
