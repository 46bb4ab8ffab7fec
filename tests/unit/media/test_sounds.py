"""Sounds are known by their bytes, drawn as a waveform, and must be as long as they say."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from museion.base.errors import InvalidInput
from museion.media import sniff
from museion.media.errors import TruncatedMedia, UnknownMedia, UnsupportedMedia
from museion.media.limits import Limits
from museion.media.metadata_reading import extract_metadata
from museion.media.renditions import make_renditions
from museion.media.sniff import MediaType
from museion.media.sound import HEIGHT, WIDTH, draw_waveform
from museion.testing.film_sample import make_film
from museion.testing.media import break_file
from museion.testing.sound_sample import SOUND_SAMPLES, make_sound

_EXPECTED = {media.extension: media for media in sniff.SUPPORTED}


def _sound(folder: Path, name: str, *, seconds: float = 2.0) -> tuple[Path, MediaType]:
    path = make_sound(name, folder / f"sound.{name}", seconds=seconds)
    return path, sniff.sniff(path)


def _height(path: Path, media: MediaType) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return how high the waveform is in each column."""
    pixels = draw_waveform(path, media).image.numpy().astype(np.int64)
    height: np.ndarray[tuple[int, ...], np.dtype[np.int64]] = (pixels.sum(axis=2) < 600).sum(axis=0)
    return height


@pytest.mark.parametrize("name", SOUND_SAMPLES)
def test_every_sound_is_known_under_a_name_that_lies(tmp_path: Path, name: str) -> None:
    path, _ = _sound(tmp_path, name)

    assert sniff.sniff(path.rename(tmp_path / "notes.txt")) == _EXPECTED[name]


@pytest.mark.parametrize("name", SOUND_SAMPLES)
def test_a_waveform_is_high_where_it_is_loud(tmp_path: Path, name: str) -> None:
    height = _height(*_sound(tmp_path, name, seconds=4.0))

    # The tone lasts from an eighth to a quarter of the recording.
    assert height[WIDTH * 5 // 32 : WIDTH * 7 // 32].min() > HEIGHT / 3
    assert height[WIDTH * 5 // 16 :].max() < HEIGHT / 10
    assert height[: WIDTH // 10].max() < HEIGHT / 10


def test_a_long_recording_is_heard_in_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("museion.media.sound._WHOLE_S", 1.0)

    height = _height(*_sound(tmp_path, "wav", seconds=4.0))

    assert height[WIDTH * 5 // 32 : WIDTH * 7 // 32].min() > HEIGHT / 3
    assert height[WIDTH * 5 // 16 :].max() < HEIGHT / 10


@pytest.mark.parametrize("name", ["mp3", "wav", "flac", "m4a"])  # Ogg does not say how long it is
def test_a_sound_that_is_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    path, media = _sound(tmp_path, name, seconds=6.0)

    with pytest.raises(TruncatedMedia):
        draw_waveform(break_file(path, "cut-50"), media)


@pytest.mark.parametrize("name", SOUND_SAMPLES)
@pytest.mark.parametrize("damage", ["garbled", "cut-10"])
def test_a_damaged_sound_gives_a_picture_or_a_reason(
    tmp_path: Path, name: str, damage: str
) -> None:
    path, media = _sound(tmp_path, name)
    break_file(path, damage)

    with contextlib.suppress(InvalidInput):
        assert draw_waveform(path, media).width == WIDTH


@pytest.mark.parametrize("name", SOUND_SAMPLES)
def test_the_tags_of_a_sound_are_read(tmp_path: Path, name: str) -> None:
    notes = {"title": "A tone", "artist": "Ada; Grace", "comment": "Recorded twice"}
    path = make_sound(name, tmp_path / "a", seconds=1.5, notes=notes)

    fields = extract_metadata(path, sniff.sniff(path)).fields()

    assert (fields["title"], fields["creator"]) == ("A tone", ("Ada", "Grace"))
    assert fields["caption"] == "Recorded twice"
    assert fields["duration_s"] == pytest.approx(1.5, abs=0.1)


def test_renditions_of_a_sound_are_pictures(tmp_path: Path) -> None:
    path, media = _sound(tmp_path, "ogg")

    thumbnail, preview = make_renditions(path, media, Limits())

    assert (thumbnail.width, preview.width) == (320, WIDTH)
    assert preview.content[8:12] == b"WEBP"


def test_a_film_under_the_brand_of_sounds_has_no_sound_to_draw(tmp_path: Path) -> None:
    make_film("mp4", tmp_path / "silent.mp4", frames=5)

    with pytest.raises(UnsupportedMedia, match="no sound"):
        draw_waveform(tmp_path / "silent.mp4", sniff.M4A)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfb\x90\x00" + bytes(600),  # one frame, and nothing like a second
        b"\xff\xd8\xff",
        b"ID3\x04\0\0\0\0\0\x0a" + bytes(40),
        b"RIFF\x10\0\0\0AVI LIST" + bytes(99),
    ],
)
def test_what_only_looks_like_a_sound_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(content)

    with contextlib.suppress(UnknownMedia):
        assert sniff.sniff(path).kind != "sound"
