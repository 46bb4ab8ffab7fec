"""The moments of a film over HTTP: what happens when, and how it looks there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
import pyvips
from running_site import ServedSite, serving

from museion.archive.asset import AssetId
from museion.archive.catalog.records import AssetSummary
from museion.archive.enrichment.worker_pool import WorkerLimits, WorkerPool
from museion.archive.events import SpeechRecognised, Utterance, new_event
from museion.archive.moment_frames import MomentFrames
from museion.blobs.blob_store import Digest
from museion.node.site import Site
from museion.testing.cut_film_sample import make_cut_film
from museion.testing.event_loop import in_event_loop
from museion.testing.media import make_sample

SCENES_S = (2.0, 3.0)
_SAID = Utterance(0.5, 1.5, "Good morning")


@dataclass(frozen=True)
class Films:
    """A served site with a film in which something is said, and a photo."""

    server: ServedSite
    film: AssetId
    photo: AssetId

    def answer(self, asset_id: str, what: str, **parameters: object) -> httpx.Response:
        """Return the answer to a question about an asset."""
        url = f"{self.server.url}/api/assets/{asset_id}/{what}"
        return httpx.get(url, params=dict(parameters), timeout=60)  # type: ignore[arg-type]  # numbers and texts


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Films]:
    folder = tmp_path_factory.mktemp("films")
    film, photo = asyncio.run(_prepare(folder))
    with serving(folder / "site") as server:
        yield Films(server, film, photo)


async def _prepare(folder: Path) -> tuple[AssetId, AssetId]:
    make_cut_film(folder / "film.mp4", SCENES_S)
    make_sample("jpg", folder / "photo.jpg", width=64, height=48)
    files = [folder / "film.mp4", folder / "photo.jpg"]
    async with Site.open(folder / "site", create=True) as site:
        ids = {each.filename: AssetId(str(each.asset_id)) async for each in site.ingest(*files)}
        film, photo = ids["film.mp4"], ids["photo.jpg"]
        said = SpeechRecognised(asset_id=film, model="test", language="en", utterances=(_SAID,))
        await site.log.append([new_event(said, emitter_id="test", aggregate_id=film)])
        await site.settle()
    return film, photo


def _pixels(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.asarray(pyvips.Image.new_from_buffer(content, "").numpy(), dtype=np.int64)


def test_the_shots_of_a_film_come_with_the_frames_that_stand_for_them(films: Films) -> None:
    shots = films.answer(films.film, "moments").json()["shots"]

    assert [round(shot["start_s"]) for shot in shots] == [0, 2]
    frames = [httpx.get(films.server.url + shot["frame"], timeout=60) for shot in shots]
    assert {frame.headers["content-type"] for frame in frames} == {"image/webp"}
    first, second = (_pixels(frame.content) for frame in frames)
    assert np.abs(first - second).mean() > 20


def test_what_is_said_comes_with_its_seconds(films: Films) -> None:
    assert films.answer(films.film, "moments").json()["utterances"] == [
        {"start_s": 0.5, "end_s": 1.5, "text": "Good morning"}
    ]


def test_a_second_behind_the_end_shows_the_last_frame(films: Films) -> None:
    last = films.answer(films.film, "frame", at=4.96)

    assert films.answer(films.film, "frame", at=999).content == last.content


@pytest.mark.parametrize("at", ["-1", "x", "nan", "inf", "1e99", ""])
def test_what_is_no_second_is_refused(films: Films, at: str) -> None:
    assert films.answer(films.film, "frame", at=at).status_code == 400


def test_what_is_no_film_has_neither_shots_nor_frames(films: Films) -> None:
    nothing: dict[str, list[object]] = {"shots": [], "utterances": []}

    assert films.answer(films.photo, "moments").json() == nothing
    assert films.answer(films.photo, "frame").status_code == 404
    assert films.answer("nothing", "moments").status_code == 404
    assert films.answer("nothing", "frame").status_code == 404


@in_event_loop
async def test_a_frame_that_was_asked_for_is_kept_within_bounds(tmp_path: Path) -> None:
    make_cut_film(tmp_path / "film.mp4", [0.5])
    asset = AssetSummary(
        id=AssetId("film"),
        digest=Digest("0" * 64),
        filename="film.mp4",
        media_type="video/mp4",
        kind="video",
        size_bytes=1,
        state="ready",
        ingest_time="",
    )
    pool = WorkerPool(WorkerLimits(workers=1))
    asked = 0

    async def original() -> Path:
        nonlocal asked
        asked += 1
        return tmp_path / "film.mp4"

    try:
        narrow, wide = MomentFrames(pool, most_kept_bytes=1), MomentFrames(pool)
        for frames in (narrow, wide):
            for _ in range(2):
                await frames.frame(asset, 0.2, original)
    finally:
        pool.close()
    assert asked == 3
    assert narrow.kept_bytes == 0
    assert wide.kept_bytes > 0
