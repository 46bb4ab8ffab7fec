"""What the container of a film says: its tracks, and the entries that cameras and phones write.

Source: QuickTime File Format (Apple), "Metadata"; FFmpeg's names for the entries of both
QuickTime and Matroska.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from museion.media import coordinates
from museion.media.capture_time import CaptureTime
from museion.media.errors import CorruptMedia, UnsupportedMedia
from museion.media.metadata import Metadata
from museion.media.reading import Reading, read_all
from museion.media.sniff import MediaType
from museion.media.video import is_sideways, open_film, picture_track, rotation

_APPLE = "com.apple.quicktime."
_TIMES = (f"{_APPLE}creationdate", "creation_time", "date")
_PLACES = (f"{_APPLE}location.iso6709", "location")
_TEXTS = (
    ("camera_make", f"{_APPLE}make"),
    ("camera_make", "make"),
    ("camera_model", f"{_APPLE}model"),
    ("camera_model", "model"),
    ("title", "title"),
    ("title", f"{_APPLE}title"),
    ("caption", "description"),
    ("caption", f"{_APPLE}description"),
    ("caption", "comment"),
    ("copyright", "copyright"),
    ("copyright", f"{_APPLE}copyright"),
)
_LISTS = (
    ("creator", "artist", ";"),
    ("creator", f"{_APPLE}author", ";"),
    ("keywords", "keywords", ","),
    ("keywords", f"{_APPLE}keywords", ","),
)
# FFmpeg gives this moment for a clock that was never set (1904 is QuickTime's zero).
_NEVER = ("1904-01-01", "1970-01-01")


def read_video_metadata(path: Path, media: MediaType) -> Metadata:
    """Return size, duration and codecs of a film, and what its writer noted.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with open_film(path, media) as film:
            noted = noted_in(film.metadata)
            told = _structure(film, media)
            return Metadata((*noted.values, *told.values), (*noted.warnings, *told.warnings))
    except (CorruptMedia, UnsupportedMedia) as reason:
        return Metadata(warnings=(f"container: {reason.message}",))


def noted_in(notes: Mapping[str, str]) -> Metadata:
    """Return what the entries of a container say that is known here; names have any case."""
    entries = {key.lower(): value for key, value in notes.items()}
    return read_all([*_texts(entries), *_moments(entries), *_places(entries)], ValueError)


def seconds(duration: int | None) -> float | None:
    """Return a duration of FFmpeg in seconds."""
    return round(duration / av.time_base, 3) if duration else None


def _texts(entries: Mapping[str, str]) -> list[Reading]:
    single: list[Reading] = [
        (field, f"container:{key}", partial(_stripped, entries[key]))
        for field, key in _TEXTS
        if key in entries
    ]
    several: list[Reading] = [
        (field, f"container:{key}", partial(_split, entries[key], mark))
        for field, key, mark in _LISTS
        if key in entries
    ]
    return single + several


def _moments(entries: Mapping[str, str]) -> list[Reading]:
    return [
        ("capture_time", f"container:{key}", partial(_moment, entries[key]))
        for key in _TIMES
        if key in entries
    ]


def _places(entries: Mapping[str, str]) -> list[Reading]:
    return [
        (field, f"container:{key}", partial(_coordinate, entries[key], at))
        for key in _PLACES
        if key in entries
        for at, field in enumerate(("latitude", "longitude", "altitude_m"))
    ]


def _structure(film: InputContainer, media: MediaType) -> Metadata:
    sound = film.streams.audio[:1]
    readings: list[Reading] = [
        ("duration_s", "container", lambda: seconds(film.duration)),
        ("audio_codec", "container", lambda: _codec_name(sound[0]) if sound else None),
    ]
    try:
        readings += _picture_readings(film, picture_track(film, media))
    except UnsupportedMedia as reason:
        told = read_all(readings, av.error.FFmpegError)
        return Metadata(told.values, (*told.warnings, f"container: {reason.message}"))
    return read_all(readings, av.error.FFmpegError)


def _picture_readings(film: InputContainer, stream: VideoStream) -> list[Reading]:
    upright_size = functools.cache(partial(_upright_size, film, stream))
    frame_rate = stream.average_rate
    return [
        ("width", "container", lambda: upright_size()[0]),
        ("height", "container", lambda: upright_size()[1]),
        ("frame_rate", "container", lambda: round(float(frame_rate), 3) if frame_rate else None),
        ("video_codec", "container", lambda: _codec_name(stream)),
    ]


def _codec_name(stream: VideoStream | AudioStream) -> str | None:
    # A codec that FFmpeg does not know has no context, whatever PyAV's types say.
    name: str | None = getattr(stream.codec_context, "name", None)
    return name


def _upright_size(film: InputContainer, stream: VideoStream) -> tuple[int, int]:
    width = max(1, round(stream.width * (stream.sample_aspect_ratio or 1)))
    film.seek(0)
    if is_sideways(rotation(film, stream)):
        return stream.height, width
    return width, stream.height


def _stripped(written: str) -> str:
    return written.strip()


def _split(written: str, mark: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in written.split(mark) if part.strip()))


def _moment(written: str) -> str | None:
    return None if written.startswith(_NEVER) else CaptureTime.from_iso(written).iso()


def _coordinate(written: str, at: int) -> float | None:
    return coordinates.from_iso_6709(written)[at]
