"""Short films made by code."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from museion.testing.scenes import paint_scene

_CODECS = {"mp4": "libx264", "mov": "libx264", "webm": "libvpx-vp9"}
_SOUND_CODECS = {"mp4": "aac", "mov": "aac", "webm": "libopus"}
_SOUND_RATE = 48_000


def make_film(  # noqa: PLR0913 (a test names what it wants; everything has a default)
    film_format: str,
    path: Path,
    *,
    width: int = 320,
    height: int = 240,
    seed: int = 0,
    frames: int = 50,
    frame_rate: int = 25,
    black_frames: int = 0,
    rotation: int = 0,
    sound: bool = False,
    pictures: bool = True,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write a film of one scene that moves sideways.

    Args:
        film_format: mp4, mov or webm.
        black_frames: how many frames at the beginning are black.
        sound, pictures: whether it has a silent sound track, and any picture track.
        rotation: degrees counter-clockwise by which players must turn the pictures.
        notes: entries of the container, by FFmpeg's names.
    """
    options = {"movflags": "use_metadata_tags"} if film_format in ("mp4", "mov") else {}
    container = av.open(str(path), "w", format=film_format, options=options)
    with container as film:
        film.metadata.update(notes or {})
        stream = film.add_stream(_CODECS[film_format], rate=frame_rate) if pictures else None
        tone = film.add_stream(_SOUND_CODECS[film_format], rate=_SOUND_RATE) if sound else None
        if isinstance(stream, VideoStream):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.thread_count = 1
            if rotation:
                stream.set_display_rotation(rotation)
            scene = paint_scene(width, height, seed=seed)
            _write_pictures(film, stream, scene, frames, black_frames)
        if isinstance(tone, AudioStream):
            _write_silence(film, tone, seconds=frames / frame_rate)


def _write_pictures(
    film: OutputContainer,
    stream: VideoStream,
    scene: NDArray[np.uint8],
    frames: int,
    black_frames: int,
) -> None:
    for number in range(frames):
        pixels = np.zeros_like(scene) if number < black_frames else np.roll(scene, number, axis=1)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        frame.pts = number
        film.mux(stream.encode(frame))
    film.mux(stream.encode(None))


def _write_silence(film: OutputContainer, tone: AudioStream, *, seconds: float) -> None:
    samples = np.zeros((2, int(seconds * _SOUND_RATE)), dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
    frame.sample_rate = _SOUND_RATE
    frame.pts = 0
    frame.time_base = Fraction(1, _SOUND_RATE)
    film.mux(tone.encode(frame))
    film.mux(tone.encode(None))
