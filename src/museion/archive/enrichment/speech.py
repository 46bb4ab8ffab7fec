"""Lets an optional model hear what is said in films and recordings, in stretches of work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from museion.archive.enrichment.enricher import EnrichmentSource
from museion.archive.enrichment.stretches import task_time_s
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    EnrichmentRetried,
    SpeechRecognised,
    Utterance,
)
from museion.blobs.blob_store import BlobStore

if TYPE_CHECKING:
    from museion.models.speech import HeardSpeech, SpeechRecogniser

_KINDS = frozenset({"video", "sound"})
_PIECE_S = 30.0
"""What the model hears at once; it was trained on so much."""
_CUT_S = 0.5
"""An utterance that ends so near to the end of a piece may go on behind it."""
_MOST_UTTERANCES = 20_000


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was heard in a stretch.

    Attributes:
        until_s: where to go on; None at the end.
        language: empty while it is not known.
    """

    utterances: tuple[Utterance, ...]
    until_s: float | None
    language: str


class SpeechEnricher:
    """Original of a film or recording -> `SpeechRecognised`; nothing where there is no sound.

    Args:
        model: as the setting `speech_model` names it.
    """

    name = "speech"

    def __init__(self, pool: WorkerPool, blobs: BlobStore, model: str) -> None:
        self._pool = pool
        self._blobs = blobs
        self._model = model

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        """Return what is said."""
        from museion.models.speech import speech_model_name

        assert isinstance(source, AssetIngested | EnrichmentRetried)
        if source.kind not in _KINDS:
            return []
        path = await asyncio.to_thread(self._blobs.path, source.digest)
        utterances: list[Utterance] = []
        language, at_s = "", 0.0
        while True:
            heard = await self._pool.run(
                hear, path, self._model, start_s=at_s, language=language, time_s=self._time_s
            )
            if heard is None:
                return []
            utterances += heard.utterances
            language = language or heard.language
            if heard.until_s is None or len(utterances) > _MOST_UTTERANCES:
                break
            at_s = heard.until_s
        return [
            SpeechRecognised(
                asset_id=source.asset_id,
                model=speech_model_name(self._model),
                language=language,
                utterances=tuple(utterances[:_MOST_UTTERANCES]),
            )
        ]

    @property
    def _time_s(self) -> float:
        return task_time_s(self._pool)


def hear(path: Path, model: str, *, start_s: float, language: str, time_s: float) -> Hearing | None:
    """Return what is said from a second on; runs in a worker process.

    It ends early, but not before its first piece, when the time is up. None where there is no
    sound.

    Raises:
        NoSpeechPackage, NoSpeechModel, BrokenSpeechModel: no recording is to blame.
    """
    from museion.media.sniff import sniff
    from museion.media.sound_samples import has_sound, samples_from
    from museion.models.speech import RATE

    began = time.perf_counter()
    media = sniff(path)
    if not has_sound(path, media):
        return None
    recogniser = _recogniser(model)
    utterances: list[Utterance] = []
    at_s: float | None = start_s
    while at_s is not None and (at_s == start_s or time.perf_counter() - began < time_s):
        samples = samples_from(path, media, start_s=at_s, length_s=_PIECE_S, rate=RATE)
        said, told = recogniser.hear(samples.values, language=language or None)
        language = language or told
        whole, gone_s = (said, None) if samples.is_last else _whole(said)
        utterances += [
            Utterance(round(at_s + each.start_s, 2), round(at_s + each.end_s, 2), each.text)
            for each in whole
        ]
        at_s = None if gone_s is None else at_s + gone_s
    return Hearing(tuple(utterances), at_s, language)


def _whole(said: Sequence[HeardSpeech]) -> tuple[Sequence[HeardSpeech], float]:
    """Return the utterances of a piece that are whole, and where the next piece begins in it."""
    last = said[-1] if said else None
    if last is None or last.end_s < _PIECE_S - _CUT_S or last.start_s < _PIECE_S / 2:
        return said, _PIECE_S
    return said[:-1], last.start_s


@lru_cache(maxsize=1)
def _recogniser(model: str) -> SpeechRecogniser:
    """Open a model once in each worker process."""
    from museion.models.speech import open_speech_model

    return open_speech_model(model)
