"""Films are found by their moments, films and sounds by what is said in them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running_site import ServedSite, serving

from museion.archive.asset import AssetId
from museion.archive.events import SpeechRecognised, Utterance, new_event
from museion.node.site import Site
from museion.testing.cut_film_sample import make_cut_film
from museion.testing.media import make_sample
from museion.testing.sound_sample import make_sound

CUT_S = 4.0


@pytest.fixture(scope="module")
def ids() -> dict[str, AssetId]:
    """Return the id of each asset by its file name; filled by `server`."""
    return {}


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, ids: dict[str, AssetId]
) -> Iterator[ServedSite]:
    folder = tmp_path_factory.mktemp("films")
    (folder / "in").mkdir()
    make_cut_film(folder / "in" / "film.mp4", [CUT_S, 3.0])
    make_sound("mp3", folder / "in" / "tone.mp3", notes={"title": "A brass fanfare"})
    make_sample("jpg", folder / "in" / "photo.jpg", seed=5, width=160, height=96)
    asyncio.run(_prepare(folder, ids))
    with serving(folder / "site") as server:
        yield server


async def _prepare(folder: Path, ids: dict[str, AssetId]) -> None:
    async with Site.open(folder / "site", create=True) as site:
        async for each in site.ingest(folder / "in"):
            ids[each.filename] = AssetId(str(each.asset_id))
        said = [
            _said(ids["film.mp4"], Utterance(1.0, 2.0, "Good morning"), Utterance(5.5, 6.5, "hi")),
            _said(ids["tone.mp3"], Utterance(1.25, 2.0, "welcome to the lighthouse")),
        ]
        await site.log.append(
            [new_event(each, emitter_id="test", aggregate_id=each.asset_id) for each in said]
        )
        assert await site.settle() == []


def _said(asset_id: AssetId, *utterances: Utterance) -> SpeechRecognised:
    return SpeechRecognised(asset_id=asset_id, model="test", language="en", utterances=utterances)


def test_a_film_is_found_once_with_the_moments_that_fit_best(
    server: ServedSite, ids: dict[str, AssetId]
) -> None:
    film = ids["film.mp4"]
    # The frame of the second scene looks like nothing so much as the second scene.
    picture = httpx.get(f"{server.url}/api/assets/{film}/frame", params={"at": 5.5}, timeout=60)
    answer = httpx.post(f"{server.url}/api/search/like", content=picture.content, timeout=60).json()

    found = [hit for hit in answer["hits"] if hit["id"] == film]
    assert len(found) == 1
    best = found[0]["moments"][0]
    assert (best["start_s"], best["end_s"]) == pytest.approx((CUT_S, CUT_S + 3), abs=0.2)
    assert len(found[0]["moments"]) == 2


def test_a_film_is_found_by_what_is_said_at_its_second(
    server: ServedSite, ids: dict[str, AssetId]
) -> None:
    (hit, *_) = server.get("/api/search", q="good morning")["hits"]

    assert hit["id"] == ids["film.mp4"]
    (why,) = [reason for reason in hit["why"] if reason["signal"] == "speech"]
    assert why["second"] == 1.0
    assert "Good morning" in why["passage"]


def test_a_sound_is_found_by_its_words_and_by_what_is_said(
    server: ServedSite, ids: dict[str, AssetId]
) -> None:
    for words in ("brass fanfare", "lighthouse"):
        (hit, *_) = server.get("/api/search", q=words)["hits"]
        assert hit["id"] == ids["tone.mp3"]
    (only,) = server.get("/api/assets", q="type:sound")["items"]
    assert only["duration_s"] == pytest.approx(2.0, abs=0.1)


def test_a_sound_is_ready_without_anything_having_looked_at_its_waveform(
    server: ServedSite, ids: dict[str, AssetId]
) -> None:
    sound = server.get(f"/api/assets/{ids['tone.mp3']}")

    assert (sound["state"], sound["kind"], sound["failures"]) == ("ready", "sound", [])
    assert sound["thumbnail"]
    assert (sound["fingerprint"], sound["spaces"], sound["labels"]) == (None, [], [])


def test_a_film_plays_from_a_second_by_ranges_of_its_bytes(
    server: ServedSite, ids: dict[str, AssetId]
) -> None:
    url = f"{server.url}/api/assets/{ids['film.mp4']}/original"
    part = httpx.get(url, headers={"Range": "bytes=100-199"}, timeout=30)

    assert (part.status_code, len(part.content)) == (206, 100)
