"""Films of several scenes, made by code, so that it is known where they are cut."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from museion.testing.scenes import paint_scene

_RATE = 25


def make_cut_film(
    path: Path,
    scenes_s: Sequence[float],
    *,
    width: int = 160,
    height: int = 96,
    fade_s: float = 0.0,
    key_every: int = 12,
) -> None:
    """Write an MP4 whose scenes last as long as told; each moves sideways.

    Args:
        scenes_s: seconds of each scene.
        fade_s: how long the end of a scene is blended with the next; 0 cuts.
        key_every: frames from one key frame to the next.
    """
    with av.open(str(path), "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=_RATE, options={"preset": "ultrafast"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = key_every
        stream.codec_context.thread_count = 1
        number = 0
        scenes = [paint_scene(width, height, seed=seed) for seed in range(len(scenes_s) + 1)]
        for scene, (length_s, following) in zip(
            scenes, zip(scenes_s, scenes[1:], strict=True), strict=False
        ):
            frames = round(length_s * _RATE)
            fading = round(fade_s * _RATE)
            for place in range(frames):
                moved = np.roll(scene, place, axis=1)
                share = max(0.0, (place - (frames - fading)) / fading) if fading else 0.0
                _write(film, stream, _blended(moved, following, share), number)
                number += 1
        film.mux(stream.encode(None))


def _blended(a: NDArray[np.uint8], b: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    mixed: NDArray[np.uint8] = (a * (1 - share) + b * share).astype(np.uint8)
    return mixed


def _write(
    film: av.container.OutputContainer, stream: VideoStream, pixels: NDArray[np.uint8], number: int
) -> None:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    frame.pts = number
    film.mux(stream.encode(frame))
