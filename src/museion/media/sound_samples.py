"""The sound of a film or recording as numbers, a stretch at a time.

Letters: N samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from museion.media.errors import UnsupportedMedia
from museion.media.sniff import MediaType
from museion.media.video import open_film

_NOTHING = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class Samples:
    """A stretch of sound.

    Attributes:
        values: float32 [N] in [-1, 1], one channel.
        is_last: whether nothing comes after it.
    """

    values: NDArray[np.float32]
    is_last: bool


def sound_track(recording: InputContainer, media: MediaType) -> AudioStream:
    """Return the track that is heard.

    Raises:
        UnsupportedMedia: there is none, or no decoder for it.
    """
    if not recording.streams.audio:
        raise UnsupportedMedia(media.format_name, "it has no sound track")
    stream = recording.streams.audio[0]
    # A codec that FFmpeg does not know has no context, whatever PyAV's types say.
    if getattr(stream, "codec_context", None) is None:
        raise UnsupportedMedia(media.format_name, "no decoder knows how its sound is coded")
    return stream


def has_sound(path: Path, media: MediaType) -> bool:
    """Tell whether there is a sound track.

    Raises:
        CorruptMedia: the file cannot be read.
        OSError: the file cannot be read.
    """
    with open_film(path, media) as recording:
        return bool(recording.streams.audio)


def samples_from(
    path: Path, media: MediaType, *, start_s: float, length_s: float, rate: int
) -> Samples:
    """Return the sound from a second on.

    Args:
        start_s: seconds from the beginning.
        length_s: how much at most.
        rate: samples a second that come out.

    Raises:
        UnsupportedMedia: there is no sound track, or no decoder for it.
        CorruptMedia: the file cannot be read.
        OSError: the file cannot be read.
    """
    wanted = round(length_s * rate)
    found: list[NDArray[np.float32]] = []
    count = 0
    with open_film(path, media) as recording:
        stream = sound_track(recording, media)
        first_s = (recording.start_time or 0) / av.time_base
        if start_s > 0:
            recording.seek(int((start_s + first_s) * av.time_base), backward=True)
        for piece in _pieces(recording, stream, rate=rate, from_s=start_s + first_s):
            found.append(piece)
            count += len(piece)
            if count > wanted:
                break
    values = np.concatenate([*found, _NOTHING])
    return Samples(values[:wanted], is_last=count <= wanted)


def pieces_of(
    recording: InputContainer, stream: AudioStream, *, rate: int
) -> Iterator[NDArray[np.float32]]:
    """Yield the sound from where the recording stands on, in pieces, as one channel.

    A damaged packet costs its own sound only.

    Args:
        rate: samples a second that come out.

    Returns:
        Pieces of float32 [N] in [-1, 1].
    """
    return _pieces(recording, stream, rate=rate, from_s=None)


def _pieces(
    recording: InputContainer, stream: AudioStream, *, rate: int, from_s: float | None
) -> Iterator[NDArray[np.float32]]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    unwanted: int | None = None if from_s is not None else 0
    for frame in _frames(recording, stream):
        if unwanted is None and from_s is not None:
            begins_s = from_s if frame.time is None else frame.time
            unwanted = max(0, round((from_s - begins_s) * rate))
        frame.pts = None  # gaps and jumps of its clock do not concern us
        for resampled in resampler.resample(frame):
            piece = _numbers(resampled)
            kept, unwanted = piece[unwanted:], max(0, (unwanted or 0) - len(piece))
            if len(kept):
                yield kept
    for resampled in resampler.resample(None):
        yield _numbers(resampled)[unwanted or 0 :]


def _frames(recording: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    for packet in recording.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _numbers(frame: AudioFrame) -> NDArray[np.float32]:
    return frame.to_ndarray().reshape(-1).astype(np.float32)
