"""`make demo-sites`, with few photos: what it shows is so, at every site, also in their logs."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from running_site import run_museion
from sample_library import LIBRARY

sys.path[:0] = [str(Path(__file__).parent.parent.parent)]

from examples.sites import story  # noqa: E402 (the path comes first)
from examples.sites.places import Place, Sites  # noqa: E402

PHOTOS_A_SITE = 3
COMPUTED = (
    "museion.metadata-extracted",
    "museion.embedding-computed",
    "museion.labels-computed",
    "museion.fingerprint-computed",
)
DISCLOSED = "museion.asset-disclosed"
NAMES = (*story.TRIANGLE, story.LEAF)


@dataclass(frozen=True, slots=True)
class Played:
    """The sites after the story, stopped, and what they said while they were served.

    Attributes:
        apart, healed, settled: by site, what it says of the asset that two sites changed.
        overviews, conflicts, counts: by site, while one conflict waited.
    """

    folder: Path
    apart: dict[str, Any]
    healed: dict[str, Any]
    settled: dict[str, Any]
    overviews: dict[str, Any]
    conflicts: dict[str, list[Any]]
    counts: dict[str, int]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return asyncio.run(_play(tmp_path_factory.mktemp("four-sites")))


def test_three_sites_are_a_triangle_with_a_leaf_that_takes_a_part(played: Played) -> None:
    ids = {name: overview["id"] for name, overview in played.overviews.items()}
    links = {
        (link["target"], link["source"], link["filtered"])
        for link in played.overviews["Vienna"]["links"]
    }

    triangle = {
        (ids[one], ids[other], False)
        for one in story.TRIANGLE
        for other in story.TRIANGLE
        if one != other
    }
    leaf = {(ids[story.LEAF], ids["Vienna"], True), (ids["Vienna"], ids[story.LEAF], False)}
    assert links == triangle | leaf


def test_photos_of_two_sites_are_at_all_and_the_leaf_has_its_part(played: Played) -> None:
    whole = 2 * PHOTOS_A_SITE

    assert played.counts == {"Vienna": whole, "Graz": whole, "Linz": whole, story.LEAF: 3}


def test_while_the_line_is_cut_each_site_sees_its_own_change_only(played: Played) -> None:
    told = {name: (view["caption"], view["tags"]) for name, view in played.apart.items()}

    assert told["Vienna"] == (story.ANNA, ["vienna"])
    assert told["Graz"] == (story.BERT, ["graz"])
    assert told["Linz"][1] == []


def test_after_healing_tags_are_merged_and_one_conflict_is_equal_everywhere(
    played: Played,
) -> None:
    for name in story.TRIANGLE:
        assert played.healed[name]["tags"] == ["graz", "vienna"], name
        assert played.healed[name]["said"] == played.healed["Vienna"]["said"], name
        (conflict,) = played.conflicts[name]
        assert {each["value"] for each in conflict["versions"]} == {story.ANNA, story.BERT}
        assert conflict == played.conflicts["Vienna"][0], name


def test_what_one_site_settles_is_settled_at_all(played: Played) -> None:
    for name in story.TRIANGLE:
        assert played.settled[name]["caption"] == story.ANNA, name
        assert played.settled[name]["conflicts"] == [], name


def test_every_event_of_the_triangle_is_in_each_log_once(played: Played) -> None:
    logs = {name: _events(played.folder / name) for name in story.TRIANGLE}

    for name, events in logs.items():
        assert len({row["event_id"] for row in events}) == len(events), name
        assert _for_all(events) == _for_all(logs["Vienna"]), name


def test_what_is_said_to_the_leaf_alone_stays_with_its_neighbour(played: Played) -> None:
    """An asset that becomes part of what the leaf takes is disclosed to it, and to no other."""
    disclosed = {
        name: [row for row in _events(played.folder / name) if row["type"] == DISCLOSED]
        for name in NAMES
    }

    assert len(disclosed[story.LEAF]) == played.counts[story.LEAF]
    assert _by_id(disclosed[story.LEAF]).keys() == _by_id(disclosed["Vienna"]).keys()
    assert disclosed["Graz"] == disclosed["Linz"] == []


def test_what_one_site_computed_is_not_computed_again_elsewhere(played: Played) -> None:
    """Each kind of result is there once for each picture, and made where that came in."""
    events = _events(played.folder / "Linz")
    origins = {
        row["aggregate_id"]: _origin(row)
        for row in events
        if row["type"] == "museion.asset-ingested"
    }

    for kind in COMPUTED:
        made = [row for row in events if row["type"] == kind]
        assert Counter(row["aggregate_id"] for row in made) == Counter(dict.fromkeys(origins, 1))
        assert all(_origin(row) == origins[row["aggregate_id"]] for row in made), kind


def test_blobs_follow_the_policy_everything(played: Played) -> None:
    blobs = {name: _blobs(played.folder / name) for name in story.TRIANGLE}

    assert blobs["Graz"] == blobs["Vienna"]
    assert blobs["Linz"] == blobs["Vienna"]
    assert _blobs(played.folder / story.LEAF) < blobs["Vienna"]


async def _play(folder: Path) -> Played:
    photos = sorted(LIBRARY.glob("*.jpg"))
    shares = (photos[:PHOTOS_A_SITE], photos[PHOTOS_A_SITE : 2 * PHOTOS_A_SITE])
    async with Sites.open(_places(folder)) as sites:
        await story.connect(sites, _not_said)
        await story.fill(sites, shares, _not_said)
        counts = await story.counts(sites)
        asset = await story.work_apart(sites, _not_said)
        apart = await _views(sites, asset)
        conflict, _ = await story.heal(sites, asset)
        healed = await _views(sites, asset)
        conflicts = {name: await story.conflicts(sites, name) for name in story.TRIANGLE}
        overviews = {name: await sites.get(name, "/api/sites") for name in NAMES}
        await story.settle(sites, conflict, asset)
        settled = await _views(sites, asset)
    return Played(folder, apart, healed, settled, overviews, conflicts, counts)


def _not_said(text: str) -> None:
    """Keep the demo silent."""


async def _views(sites: Sites, asset: str) -> dict[str, Any]:
    return {name: await sites.get(name, f"/api/assets/{asset}") for name in story.TRIANGLE}


def _places(folder: Path) -> list[Place]:
    with ExitStack() as stack:
        doors = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(2 * len(NAMES))
        ]
        ports = [door.getsockname()[1] for door in doors]
    return [
        Place(name, folder / name, *ports[2 * number : 2 * number + 2])
        for number, name in enumerate(NAMES)
    ]


def _events(site: Path) -> list[dict[str, Any]]:
    return run_museion("log", "tail", "--site", site, "--json", "--count", 100_000).rows


def _for_all(events: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    return _by_id([row for row in events if row["type"] != DISCLOSED])


def _by_id(events: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    return {row["event_id"]: (row["type"], row["aggregate_id"], row["time"]) for row in events}


def _origin(row: dict[str, Any]) -> str:
    """Return the log in which an event was written first."""
    origin: str = row["event_id"].split(":")[0]
    return origin


def _blobs(site: Path) -> set[str]:
    return {path.name for path in (site / "blobs").rglob("*") if path.is_file()}
