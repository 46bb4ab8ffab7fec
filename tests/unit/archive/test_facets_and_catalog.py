"""Facets in memory and conditions on the catalog are two ways to one answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from small_archive import Telling

from museion.archive.catalog.conditions import condition_of
from museion.archive.events import AssetTrashed, ColoursFound, ColourShare
from museion.archive.finding.facet_filters import selected
from museion.archive.finding.facets import AssetFacets
from museion.search.query import parse_query

_FILTERS = (
    *("type:photo", "type:video", "type:jpeg", "-type:image", "rating:4", "rating:>=3"),
    *("-rating:2", "after:2020", "before:2021-06", "-after:2020", "date:2020..2021"),
    *("camera:canon", "-camera:canon", "camera:x", "tag:harbour", "tag:HARBOUR", "-tag:harbour"),
    *("size:<1KB", "size:>1B", "place-near:Vienna", "-place-near:48.2,16.37,5km", "colour:red"),
    *("-colour:red", "orientation:landscape", "orientation:portrait", "-orientation:square"),
    *("place:Vienna", "place:wien", "-place:ÖSTERREICH", "place:oesterreich", "place:giessen"),
    *("place:Saint-Denis", 'place:"saint denis"', "city:denis", "city:pol*", "-country:austria"),
    *('person:"ada lovelace"', "person:zoe", "-person:Zoë", "person:harbour", "person:nobody"),
    *("width:300", "width:>=200", "height:<101", "-height:200", "megapixels:0", "megapixels:1.."),
    *("duration:90", "duration:89", "duration:>=1min", "-duration:>0", "lens:70mm", "lens:sigma"),
    *("rights:free", "rights:restricted", "rights:unknown", "-rights:free", "copyright:ann"),
    *('copyright:"all rights"', "copyright:oezguer", "-copyright:özgür"),
)


_ALL_OR_NOTHING = (
    *(
        "camera:x",
        "size:<1KB",
        "size:>1B",
        'place:"saint denis"',
        "person:nobody",
        "megapixels:1..",
    ),
    *("megapixels:0", "megapixels:1..", "duration:89"),
)
_SAID: tuple[dict[str, Any], ...] = (
    {"city": "Vienna", "lens": "EF24-70mm f/2.8L"},
    {"city": "Wien", "lens": "SIGMA 50", "duration_s": 89.5},
    {"city": "Gießen", "duration_s": 90.4999},
    {"city": "Saint-Denis", "duration_s": 90.5},
    {"city": "Sankt Pölten", "duration_s": 12.0},
    {"city": ""},
    {},
)
_RIGHTS: tuple[dict[str, Any], ...] = (
    {"rights": "CC BY 4.0"},
    {"rights": "CC BY-NC 4.0", "copyright": "© Ann"},
    {"rights_url": "https://creativecommons.org/publicdomain/zero/1.0/"},
    {"rights_url": "https://rightsstatements.org/vocab/InC/1.0/"},
    {"copyright": "Özgür Ünlü. All rights reserved."},
    {"copyright": "  "},
    {},
)
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
            country=("Austria", "Österreich", "Germany")[number % 3],
            persons=(("Ada Lovelace", "Zoë"), ("ADA LOVELACE",), ("Bob",), ())[number % 4],
            **_RIGHTS[number % 7],
            **_SAID[number % 7],
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
