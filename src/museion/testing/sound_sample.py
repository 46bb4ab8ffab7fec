"""Short recordings made by code."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args

import av
import numpy as np
from av.audio.stream import AudioStream

SoundSample = Literal["mp3", "wav", "flac", "ogg", "m4a"]
SOUND_SAMPLES: tuple[SoundSample, ...] = get_args(SoundSample)

_CODECS = {"mp3": "libmp3lame", "wav": "pcm_s16le", "flac": "flac", "ogg": "libopus", "m4a": "aac"}
_MUXERS = {"m4a": "ipod"}
_RATE = 48_000
_PIECE = 960


def make_sound(
    sound_format: str,
    path: Path,
    *,
    seconds: float = 2.0,
    notes: Mapping[str, str] | None = None,
    beep_s: tuple[float, float] = (0.5, 1.0),
) -> Path:
    """Write a recording that is silent but for a tone, and return its path.

    Args:
        sound_format: one of `SOUND_SAMPLES`.
        notes: entries of the container, by FFmpeg's names.
        beep_s: from when to when the tone of 440 hertz lasts.
    """
    muxer = _MUXERS.get(sound_format, sound_format)
    with av.open(str(path), "w", format=muxer) as recording:
        stream = recording.add_stream(_CODECS[sound_format], rate=_RATE)
        assert isinstance(stream, AudioStream)
        stream.layout = "mono"
        recording.metadata.update(notes or {})
        stream.metadata.update(notes or {})
        times = np.arange(round(seconds * _RATE)) / _RATE
        tone = 0.7 * np.sin(2 * np.pi * 440 * times)
        samples = np.where((times >= beep_s[0]) & (times < beep_s[1]), tone, 0.0)
        resampler = av.AudioResampler(
            format=stream.format.name, layout="mono", rate=_RATE, frame_size=_frame_size(stream)
        )
        for frame in resampler.resample(_frame(samples)):
            recording.mux(stream.encode(frame))
        for frame in resampler.resample(None):
            recording.mux(stream.encode(frame))
        recording.mux(stream.encode(None))
    return path


def _frame_size(stream: AudioStream) -> int:
    return stream.codec_context.frame_size or _PIECE


def _frame(samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> av.AudioFrame:
    whole = np.ascontiguousarray(samples, dtype=np.float32).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(whole, format="flt", layout="mono")
    frame.sample_rate = _RATE
    frame.time_base = Fraction(1, _RATE)
    frame.pts = 0
    return frame
