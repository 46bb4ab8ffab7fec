"""Sounds: their waveform as a picture, so that people see something of what cannot be seen.

A short recording is decoded in full, and must be as long as it says; of a long one, as much as a
picture has columns.

Letters: C columns of the waveform, N samples.
"""

from __future__ import annotations

import time
from pathlib import Path

import av
import numpy as np
import pyvips
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from museion.media.containers import check_complete
from museion.media.errors import CorruptMedia, TruncatedMedia
from museion.media.picture import Picture, own_memory
from museion.media.sniff import MediaType
from museion.media.sound_samples import pieces_of, sound_track
from museion.media.video import open_film

WIDTH, HEIGHT = 1200, 400
_RATE = 8_000
_WHOLE_S = 600.0
"""Recordings up to this length are decoded in full."""
_COLUMN_S = 0.06
_MOST_TIME_S = 20.0
_LEAST_SHARE = 0.97
_LEAST_MISSING_S = 1.0
_INK, _PAPER = (96, 125, 180), (245, 246, 248)


def draw_waveform(path: Path, media: MediaType) -> Picture:
    """Return how loud a recording is from its beginning to its end, as a picture.

    Raises:
        UnsupportedMedia: it has no sound, or none that a decoder knows.
        TruncatedMedia: it ends before the length that it states.
        CorruptMedia: it cannot be read.
        OSError: the file cannot be read.
    """
    check_complete(path, media)
    with open_film(path, media) as recording:
        stream = sound_track(recording, media)
        duration_s = _duration_s(recording)
        if duration_s is not None and duration_s > _WHOLE_S:
            peaks = _sampled(recording, stream, duration_s)
        else:
            samples = np.concatenate([*pieces_of(recording, stream, rate=_RATE)] or [_NOTHING])
            _check_length(len(samples) / _RATE, duration_s, media)
            peaks = _peaks(samples)
    if not len(peaks):
        raise CorruptMedia(media.format_name, "it has no sound that can be decoded")
    return _drawn(peaks)


_NOTHING = np.zeros(0, np.float32)


def _duration_s(recording: InputContainer) -> float | None:
    return None if recording.duration is None else recording.duration / av.time_base


def _check_length(heard_s: float, stated_s: float | None, media: MediaType) -> None:
    if stated_s is None or stated_s - heard_s < _LEAST_MISSING_S:
        return
    if heard_s < _LEAST_SHARE * stated_s:
        missing_s = stated_s - heard_s
        raise TruncatedMedia(media.format_name, f"{missing_s:.1f} of {stated_s:.1f} s are missing")


def _peaks(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the greatest loudness [C] of each column, in [0, 1]."""
    if not len(samples):
        return samples
    edges = np.linspace(0, len(samples), min(WIDTH, len(samples)) + 1).astype(np.intp)
    peaks: NDArray[np.float32] = np.maximum.reduceat(np.abs(samples), edges[:-1])
    return peaks


def _sampled(
    recording: InputContainer, stream: AudioStream, duration_s: float
) -> NDArray[np.float32]:
    """Return the loudness [C] of columns that are heard for a moment each."""
    began = time.perf_counter()
    peaks = np.zeros(WIDTH, np.float32)
    for column in range(WIDTH):
        if time.perf_counter() - began > _MOST_TIME_S:
            return peaks if column else _NOTHING
        recording.seek(int(duration_s * column / WIDTH * av.time_base), backward=True)
        heard = 0
        for piece in pieces_of(recording, stream, rate=_RATE):
            peaks[column] = max(peaks[column], float(np.abs(piece).max(initial=0.0)))
            heard += len(piece)
            if heard >= _COLUMN_S * _RATE:
                break
    return peaks


def _drawn(peaks: NDArray[np.float32]) -> Picture:
    columns = np.interp(np.linspace(0, len(peaks) - 1, WIDTH), np.arange(len(peaks)), peaks)
    half = np.clip(columns, 0.005, 1.0) * (HEIGHT / 2 - 8)
    rows = np.abs(np.arange(HEIGHT) - (HEIGHT - 1) / 2)
    is_ink = rows[:, None] <= half[None, :]
    pixels = np.where(is_ink[..., None], _INK, _PAPER).astype(np.uint8)
    image = own_memory(pyvips.Image.new_from_array(np.ascontiguousarray(pixels)))
    return Picture(image, WIDTH, HEIGHT)
