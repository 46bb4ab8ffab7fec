"""Video: the frame that stands for a film, and what its container says, through FFmpeg (PyAV).

A film is not decoded in full; a whole decode of an hour costs minutes. Its container's lengths
are checked, and frames at three places must decode without an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pyvips
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorTrc
from av.video.stream import VideoStream

from museion.media import sniff
from museion.media.containers import check_complete
from museion.media.errors import CorruptMedia, PixelFlood, UnsupportedMedia
from museion.media.limits import Limits
from museion.media.native_path import native_path
from museion.media.picture import PREVIEW_SIDE_PIXELS, Picture, fit, own_memory
from museion.media.sniff import MediaType

_DEMUXERS = {
    sniff.MP4: "mov",
    sniff.MOV: "mov",
    sniff.WEBM: "matroska",
    sniff.MP3: "mp3",
    sniff.WAV: "wav",
    sniff.FLAC: "flac",
    sniff.OGG: "ogg",
    sniff.M4A: "mov",
}
# A film may name other files or addresses as its parts; only the file itself is read. The mov
# demuxer ignores such parts unless its option enable_drefs is set.
_ONLY_THIS_FILE = {"protocol_whitelist": "file,fd"}
# Where to look, as shares of the duration; the first with enough contrast wins.
_PLACES = (0.1, 0.5, 0.9)
_MAX_FRAMES_FORWARD = 150
_LEAST_CONTRAST = 12.0
_SAMPLE_SIDE = 64
# Curves of high dynamic range (perceptual quantiser, hybrid log-gamma) would look pale as they are;
# those of ordinary film are near enough to sRGB. Source: ITU-T H.273, tables 2 and 3.
_HIGH_DYNAMIC_RANGE = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
_TO_SRGB = {
    "dst_color_trc": ColorTrc.IEC61966_2_1,
    "dst_color_primaries": ColorPrimaries.BT709,
}
_TURNS = {90: "d270", 180: "d180", 270: "d90"}


def decode_poster(path: Path, media: MediaType, limits: Limits) -> Picture:
    """Return a frame that stands for a film: early, upright, and neither black nor plain.

    Raises:
        UnsupportedMedia: it has no picture track, or one that no decoder knows.
        TruncatedMedia, CorruptMedia: frames cannot be decoded.
        PixelFlood: its frames are larger than `limits` allow.
        OSError: the file cannot be read.
    """
    check_complete(path, media)
    with open_film(path, media) as film:
        stream = picture_track(film, media)
        check_frame_size(stream, limits)
        frame = _representative_frame(film, stream, media)
        return upright(frame, stream)


@contextmanager
def open_film(path: Path, media: MediaType) -> Iterator[InputContainer]:
    """Open a film or recording for reading; FFmpeg's errors inside the context become ours.

    Raises:
        UnsupportedMedia: no decoder knows its codec.
        CorruptMedia: it cannot be read.
    """
    with native_path(path) as name:
        try:
            with av.open(
                name,
                format=_DEMUXERS[media],
                container_options=_ONLY_THIS_FILE,
                metadata_errors="replace",
            ) as film:
                yield film
        except av.error.LookupError as reason:
            raise UnsupportedMedia(media.format_name, reason.strerror or str(reason)) from None
        except av.error.FFmpegError as reason:
            raise CorruptMedia(media.format_name, reason.strerror or str(reason)) from None


def picture_track(film: InputContainer, media: MediaType) -> VideoStream:
    """Return the track that is shown.

    Raises:
        UnsupportedMedia: there is none, or no decoder for it.
    """
    shown = [stream for stream in film.streams.video if not _is_cover(stream)]
    if not shown:
        raise UnsupportedMedia(media.format_name, "it has no picture track")
    stream = shown[0]
    if stream.codec_context is None:
        raise UnsupportedMedia(media.format_name, "no decoder knows how its pictures are coded")
    # Workers run beside each other, one for each core.
    stream.thread_type = "SLICE"
    stream.codec_context.thread_count = 1
    return stream


def check_frame_size(stream: VideoStream, limits: Limits) -> None:
    """Refuse a film by the size of its frames.

    Raises:
        PixelFlood: they are larger than `limits` allow.
    """
    if stream.width * stream.height > limits.max_frame_pixels:
        raise PixelFlood(
            width=stream.width,
            height=stream.height,
            limit=f"{limits.max_frame_pixels} in a frame",
        )


def time_of(frame: VideoFrame, stream: VideoStream) -> float | None:
    """Return when a frame is shown, in seconds from the film's beginning; None if it is not said.

    Players count from the first frame, whatever number the container gives to it.
    """
    return None if frame.pts is None else frame.time - _first_s(stream)


def seek_to(film: InputContainer, stream: VideoStream, at_s: float) -> None:
    """Go to the last key frame at or before a second, counted from the film's beginning."""
    film.seek(int((at_s + _first_s(stream)) * av.time_base), backward=True)


def _first_s(stream: VideoStream) -> float:
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base)


def is_sideways(rotation: int) -> bool:
    """Tell whether a rotation in degrees swaps width and height."""
    return rotation % 180 == 90


def rotation(film: InputContainer, stream: VideoStream) -> int:
    """Return by how many degrees, counter-clockwise, a film's pictures must be turned."""
    frame = next(iter(film.decode(stream)), None)
    return 0 if frame is None else frame.rotation


def _representative_frame(
    film: InputContainer, stream: VideoStream, media: MediaType
) -> VideoFrame:
    best, best_contrast = None, -1.0
    for place in _PLACES:
        is_found = best_contrast >= _LEAST_CONTRAST
        # Once a good frame is found, later places are only checked for damage.
        frame = _frame_at(film, stream, place, media, 0 if is_found else _MAX_FRAMES_FORWARD)
        if frame is None or is_found:
            continue
        contrast = _contrast(frame)
        if contrast > best_contrast:
            best, best_contrast = frame, contrast
    if best is None:
        raise CorruptMedia(media.format_name, "it has no frame that can be decoded")
    return best


def _frame_at(
    film: InputContainer, stream: VideoStream, place: float, media: MediaType, max_forward: int
) -> VideoFrame | None:
    """Return the frame at a place, or the last of `max_forward` frames behind its key frame."""
    target_s = 0.0 if film.duration is None else film.duration / av.time_base * place
    film.seek(int(target_s * av.time_base), backward=True)
    last = None
    for count, frame in enumerate(film.decode(stream)):
        # Before its first key frame a decoder may give frames whose ancestors it never saw.
        if last is None and not frame.key_frame:
            continue
        if frame.is_corrupt:
            raise CorruptMedia(media.format_name, "a frame is damaged")
        last = frame
        if frame.pts is None or frame.time >= target_s or count >= max_forward:
            break
    return last


def _contrast(frame: VideoFrame) -> float:
    small = frame.reformat(width=_SAMPLE_SIDE, height=_SAMPLE_SIDE, format="gray")
    return float(small.to_ndarray().std())


def upright(
    frame: VideoFrame, stream: VideoStream, *, max_side: int = PREVIEW_SIDE_PIXELS
) -> Picture:
    """Return a frame as it is to be seen: its pixels square, turned upright, in sRGB.

    Args:
        max_side: longest side in pixels; a smaller frame keeps its size.
    """
    aspect = stream.sample_aspect_ratio or 1
    width, height = max(1, round(frame.width * aspect)), frame.height
    small_width, small_height = fit(width, height, max_side)
    target = _TO_SRGB if frame.color_trc in _HIGH_DYNAMIC_RANGE else {}
    small = frame.reformat(width=small_width, height=small_height, format="rgb24", **target)
    image = pyvips.Image.new_from_array(small.to_ndarray())
    turn = _TURNS.get(frame.rotation % 360)
    if turn:
        image = image.rot(turn)
    if is_sideways(frame.rotation):
        width, height = height, width
    return Picture(own_memory(image), width, height)


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)
