"""Looking through a film: a small frame every eighth of a second, and how much each differs.

Films are looked through in stretches, each of which ends after a time that its caller sets: a long
film takes many of them, and none is too long for a worker.

Letters: N looks, H and W rows and columns of a look, S numbers of a look's signature.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from museion.media.limits import Limits
from museion.media.sniff import MediaType
from museion.media.video import check_frame_size, open_film, picture_track, seek_to, time_of

LOOK_EVERY_S = 0.125
LAG = 4
"""How many looks back the slow comparison reaches: half a second."""

_WIDTH, _HEIGHT = 64, 36
_BLOCK = 4
_BINS = 16
_LAYOUT_SHARE = 0.5
_MOST_PREROLL = 0.75
"""Share of a worker's time that may pass before the first look of a stretch."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What was seen in a film, in order of time; every array has the shape [N].

    Attributes:
        times_s: when; seconds from the beginning of the film.
        changes: how much of the picture differs from the look before, in [0, 1].
        slow_changes: the same against `LAG` looks before.
        contrasts: deviation of the luma, 0 to 128.
        since_key_s: how long ago the last key frame was.
    """

    times_s: NDArray[np.float64]
    changes: NDArray[np.float32]
    slow_changes: NDArray[np.float32]
    contrasts: NDArray[np.float32]
    since_key_s: NDArray[np.float32]

    @staticmethod
    def joined(parts: list[Looks]) -> Looks:
        """Return the looks of stretches that follow each other."""
        return Looks(
            np.concatenate([part.times_s for part in parts]),
            np.concatenate([part.changes for part in parts]),
            np.concatenate([part.slow_changes for part in parts]),
            np.concatenate([part.contrasts for part in parts]),
            np.concatenate([part.since_key_s for part in parts]),
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a film that was looked through.

    Attributes:
        until_s: where to go on; None where the part, or what can be seen of it, is done.
        duration_s: how long the film is by its own account; None where it does not say.
    """

    looks: Looks
    until_s: float | None
    duration_s: float | None


def look_through(
    path: Path,
    media: MediaType,
    limits: Limits,
    *,
    start_s: float,
    end_s: float,
    time_s: float,
) -> Stretch:
    """Look at a film from one second to another, for as long as the caller allows.

    Damaged frames are passed over. Each stretch sees the half second before its beginning, too, so
    that a cut at the seam is noticed. Memory does not grow with the film.

    Args:
        start_s: seconds from the beginning of the film.
        end_s: where to stop; a film that ends before, or does not say when, is seen to its end.
        time_s: after so much time of work the stretch ends early, but not before its first look. A
            film of which no frame can be reached in a few times that is given up there.

    Raises:
        UnsupportedMedia: it has no picture track, or one that no decoder knows.
        CorruptMedia: it cannot be read.
        PixelFlood: its frames are larger than `limits` allow.
        OSError: the file cannot be read.
    """
    with open_film(path, media) as film:
        stream = picture_track(film, media)
        check_frame_size(stream, limits)
        duration_s = None if film.duration is None else film.duration / av.time_base
        if duration_s is None or end_s >= duration_s:
            end_s = math.inf
        looking = _Looking(first_s=start_s)
        until_s = _look(film, stream, looking, end_s, time_s)
        return Stretch(looking.looks(), until_s, duration_s)


def _look(
    film: InputContainer, stream: VideoStream, looking: _Looking, end_s: float, time_s: float
) -> float | None:
    """Take looks; return where to go on, None at the end."""
    began = time.perf_counter()
    # Frames on which no other depends are spared: half the work, and there are enough of the rest.
    stream.codec_context.skip_frame = "NONREF"
    seek_to(film, stream, max(0.0, looking.first_s - (LAG + 1) * LOOK_EVERY_S))
    for frame in _whole_frames(film, stream):
        at_s = time_of(frame, stream)
        if at_s is None:
            continue
        if at_s >= end_s:
            return None
        spent_s = time.perf_counter() - began
        if spent_s > time_s and looking.count > 0:
            return at_s
        if spent_s > time_s / _MOST_PREROLL and looking.count == 0:
            return None
        looking.take(frame, at_s)
    return None


def _whole_frames(film: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Yield what can be decoded; a packet that is damaged costs its frames only."""
    is_intra_only = stream.codec_context.codec.intra_only
    wanted_s = -1.0
    for packet in film.demux(stream):
        if is_intra_only and packet.pts is not None and stream.time_base is not None:
            at_s = float(packet.pts * stream.time_base)
            if 0 <= at_s - wanted_s < LOOK_EVERY_S:
                continue  # each frame stands for itself: what is not looked at is not decoded
            wanted_s = at_s
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in frames:
            if not frame.is_corrupt:
                yield frame


@dataclass(slots=True)
class _Looking:
    """The looks of one stretch while it lasts."""

    first_s: float
    count: int = 0
    _due_s: float = 0.0
    _key_s: float | None = None
    _before: deque[NDArray[np.float32]] = field(default_factory=lambda: deque(maxlen=LAG))
    _rows: list[tuple[float, float, float, float, float]] = field(default_factory=list)

    def take(self, frame: VideoFrame, at_s: float) -> None:
        """Look at a frame if one is due."""
        if frame.key_frame or self._key_s is None:
            self._key_s = at_s
        if self._before and at_s < self._due_s:
            return
        self._due_s = at_s + LOOK_EVERY_S - 1e-3
        small = frame.reformat(_WIDTH, _HEIGHT, format="yuv444p", interpolation="FAST_BILINEAR")
        planes = small.to_ndarray().astype(np.uint8).reshape(3, _HEIGHT, _WIDTH)
        signature = _signature(planes)
        if at_s >= self.first_s - 1e-3:
            last = self._before[-1] if self._before else signature
            slow = self._before[0] if self._before else signature
            self._rows.append(
                (
                    at_s,
                    _change(last, signature),
                    _change(slow, signature),
                    float(planes[0].std()),
                    at_s - self._key_s,
                )
            )
            self.count += 1
        self._before.append(signature)

    def looks(self) -> Looks:
        """Return what was seen."""
        table = np.array(self._rows, dtype=np.float64).reshape(-1, 5)
        narrow = table.astype(np.float32)
        return Looks(table[:, 0], narrow[:, 1], narrow[:, 2], narrow[:, 3], narrow[:, 4])


def _signature(planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what is remembered of a look: mean colours of its blocks, and what colours it has.

    Args:
        planes: uint8 [3, H, W], luma and two chromas.

    Returns:
        float32 [S]: the layout, each plane of which weighs 1, and shares of colours.
    """
    blocks = planes.reshape(3, _HEIGHT // _BLOCK, _BLOCK, _WIDTH // _BLOCK, _BLOCK)
    layout = blocks.mean(axis=(2, 4), dtype=np.float32).reshape(3, -1) / 255  # [3, B]
    bins = planes.reshape(3, -1).astype(np.intp) * _BINS // 256
    colours = np.stack([np.bincount(row, minlength=_BINS) for row in bins])
    shares = colours.astype(np.float32) / (_WIDTH * _HEIGHT)  # [3, bins], rows sum to 1
    return np.concatenate([layout.ravel() / layout.shape[1], shares.ravel() / 2])


def _change(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return by how much two looks differ, in [0, 1]: where things are, and which colours."""
    places = 3 * (_HEIGHT // _BLOCK) * (_WIDTH // _BLOCK)
    apart = np.abs(a - b)
    # Chroma spans a small part of its range in nearly all pictures, so it counts fully.
    layout, colours = min(1.0, float(apart[:places].sum())), float(apart[places:].sum()) / 3
    return _LAYOUT_SHARE * layout + (1 - _LAYOUT_SHARE) * colours
