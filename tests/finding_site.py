"""A small site in which everything that a search can show is to be found once.

Photos, one of them twice; a film that shows three of them one after the other; a document of three
pages; a recording in which somebody speaks.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image
from sample_library import LIBRARY

from museion.archive.asset import AssetId
from museion.archive.events import SpeechRecognised, Utterance, new_event
from museion.node.site import Site
from museion.testing.media import jpeg_bytes
from museion.testing.pdf_sample import pdf_bytes
from museion.testing.sound_sample import make_sound

DOGS = "P1050912.jpg"
SHOWN = (DOGS, "IMG_3921.jpg")
"""Photos that the film shows, besides the last."""
SCENE_S = 2.0
SAID = "welcome to the lighthouse"
WRITTEN = ("The first page.", "Contract on the old lighthouse keeper.", "The last page.")
_RATE = 12
_FILM = (320, 240)


async def make_finding_site(folder: Path, photos: Iterable[Path]) -> dict[str, AssetId]:
    """Make a site of photos and all else; return the ids by file name."""
    taken = folder / "in"
    taken.mkdir(parents=True)
    _fill(taken, photos)
    ids: dict[str, AssetId] = {}
    async with Site.open(folder / "site", create=True) as site:
        async for each in site.ingest(taken):
            ids[each.filename] = AssetId(str(each.asset_id))
        said = SpeechRecognised(
            asset_id=ids["tone.mp3"],
            model="test",
            language="en",
            utterances=(Utterance(0.0, 0.5, "Hello"), Utterance(0.5, 1.5, SAID)),
        )
        await site.log.append([new_event(said, emitter_id="test", aggregate_id=ids["tone.mp3"])])
        assert await site.settle() == []
    return ids


def _fill(folder: Path, photos: Iterable[Path]) -> None:
    for photo in photos:
        (folder / photo.name).write_bytes(photo.read_bytes())
    half = Image.open(LIBRARY / DOGS)
    half.resize((half.width // 2, half.height // 2)).save(folder / "small-dogs.jpg", quality=80)
    scenes = [_pixels(LIBRARY / name) for name in (*SHOWN, *_others())]
    _make_film(folder / "film.mp4", scenes)
    drawing = jpeg_bytes(scenes[0])
    written = pdf_bytes(drawing, width=420, height=594, texts=WRITTEN)
    (folder / "contract.pdf").write_bytes(written)
    make_sound("mp3", folder / "tone.mp3", notes={"title": "A brass fanfare"})


def _others() -> list[str]:
    names = sorted(path.name for path in LIBRARY.glob("*.jpg"))
    return [name for name in names if name not in SHOWN][:1]


def _pixels(path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path).convert("RGB").resize(_FILM))


def _make_film(path: Path, scenes: Iterable[NDArray[np.uint8]]) -> None:
    """Write a film that shows each scene for a while and then cuts to the next."""
    with av.open(str(path), "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=_RATE, options={"preset": "ultrafast"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *_FILM, "yuv420p"
        number = 0
        for scene in scenes:
            for _ in range(round(SCENE_S * _RATE)):
                frame = av.VideoFrame.from_ndarray(scene, format="rgb24")
                frame.pts = number
                film.mux(stream.encode(frame))
                number += 1
        film.mux(stream.encode(None))
