"""Single frames of a film, at the seconds that someone asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from museion.media.errors import CorruptMedia
from museion.media.limits import Limits
from museion.media.picture import Picture
from museion.media.sniff import MediaType
from museion.media.video import (
    check_frame_size,
    open_film,
    picture_track,
    seek_to,
    time_of,
    upright,
)

_QUALITY = 75
_NEAR_S = 0.02
_MOST_FORWARD_S = 60.0
"""How far behind its key frame a frame is looked for; then the last one seen must do."""


def frames_at(
    path: Path, media: MediaType, limits: Limits, times_s: Iterable[float], *, max_side: int
) -> Iterator[Picture]:
    """Yield the frame that is shown at each second, upright, in sRGB.

    One that is damaged, or lies behind the end, is replaced by the last good one before it. Each
    costs the decoding from its key frame on.

    Args:
        times_s: seconds from the beginning of the film.
        max_side: longest side of a picture in pixels.

    Raises:
        UnsupportedMedia: it has no picture track, or one that no decoder knows.
        CorruptMedia: it cannot be read, or has no frame to show there.
        PixelFlood: its frames are larger than `limits` allow.
        OSError: the file cannot be read.
    """
    with open_film(path, media) as film:
        stream = picture_track(film, media)
        check_frame_size(stream, limits)
        for at_s in times_s:
            frame = _frame_at(film, stream, at_s) or _frame_at(film, stream, 0.0)
            if frame is None:
                raise CorruptMedia(media.format_name, "it has no frame that can be decoded")
            yield upright(frame, stream, max_side=max_side)


def pixels_of(picture: Picture) -> NDArray[np.uint8]:
    """Return the pixels of a film's frame: uint8 [H, W, 3], contiguous."""
    return np.ascontiguousarray(picture.image.numpy()[..., :3], dtype=np.uint8)


def frame_webp(
    path: Path, media: MediaType, limits: Limits, at_s: float, *, max_side: int
) -> bytes:
    """Return the frame that is shown at a second as WebP. Raises as `frames_at`."""
    (picture,) = frames_at(path, media, limits, [at_s], max_side=max_side)
    return bytes(picture.image.webpsave_buffer(Q=_QUALITY, effort=0, keep="none"))


def _frame_at(film: InputContainer, stream: VideoStream, at_s: float) -> VideoFrame | None:
    """Return the last good frame at or before a second, as far as it can be reached."""
    seek_to(film, stream, at_s)
    last: VideoFrame | None = None
    first_s: float | None = None
    for frame in _good_frames(film, stream):
        shown_s = time_of(frame, stream)
        if last is not None and shown_s is not None and shown_s > at_s + _NEAR_S:
            break
        last = frame
        if shown_s is None:
            break
        first_s = shown_s if first_s is None else first_s
        if shown_s >= at_s - _NEAR_S or shown_s - first_s > _MOST_FORWARD_S:
            break
    return last


def _good_frames(film: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    is_reached = False
    for packet in film.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in frames:
            # Before its first key frame a decoder may give frames whose ancestors it never saw.
            is_reached = is_reached or frame.key_frame
            if is_reached and not frame.is_corrupt:
                yield frame
