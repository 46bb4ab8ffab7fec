"""What films, documents, drawings and camera RAW show and say of themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from museion.media import sniff
from museion.media.errors import CorruptMedia, LockedDocument, UnsupportedMedia
from museion.media.metadata_reading import extract_metadata
from museion.media.renditions import Rendition, make_renditions
from museion.testing.dng_sample import dng_bytes
from museion.testing.media import jpeg_bytes, make_sample
from museion.testing.scenes import assert_upright, paint_scene

Preview = Callable[[Path], tuple[Rendition, np.ndarray]]


@pytest.mark.parametrize("name", ["mp4", "mov", "webm"])
def test_a_film_that_begins_in_black_is_shown_by_a_bright_frame(
    tmp_path: Path, preview_of: Preview, name: str
) -> None:
    path = make_sample(name, tmp_path / "film", frames=60, black_frames=20)

    _, pixels = preview_of(path)

    assert pixels.std() > 30


def test_a_film_that_is_all_black_is_shown_black(tmp_path: Path, preview_of: Preview) -> None:
    path = make_sample("mp4", tmp_path / "film", frames=10, black_frames=10)

    _, pixels = preview_of(path)

    assert pixels.max() < 20


@pytest.mark.parametrize("name", ["mp4", "mov", "webm"])
def test_a_film_says_its_length_and_codecs(tmp_path: Path, name: str) -> None:
    path = make_sample(name, tmp_path / "film", frames=50, sound=True)

    fields = extract_metadata(path, sniff.sniff(path)).fields()

    assert fields["duration_s"] == pytest.approx(2.0, abs=0.05)
    assert fields["frame_rate"] == 25.0
    codecs = {"webm": ("vp9", "opus")}.get(name, ("h264", "aac"))
    assert (fields["video_codec"], fields["audio_codec"]) == codecs


def test_a_phone_notes_time_with_zone_and_place(tmp_path: Path) -> None:
    notes = {
        "creation_time": "2024-05-01T10:00:00Z",
        "com.apple.quicktime.creationdate": "2024-05-01T20:00:00+1000",
        "com.apple.quicktime.location.ISO6709": "-33.8577+151.2150+012.500/",
        "com.apple.quicktime.make": "Apple",
        "title": "Harbour",
    }
    path = make_sample("mov", tmp_path / "film", frames=5, notes=notes)

    read = extract_metadata(path, sniff.MOV)

    assert read.best("capture_time") == "2024-05-01T20:00:00+10:00"
    assert len(read.candidates("capture_time")) == 2
    assert (read.best("latitude"), read.best("longitude")) == (-33.8577, 151.215)
    assert read.best("altitude_m") == 12.5
    assert (read.best("camera_make"), read.best("title")) == ("Apple", "Harbour")


def test_notes_that_cannot_be_read_are_warnings(tmp_path: Path) -> None:
    notes = {
        "com.apple.quicktime.creationdate": "yesterday",
        "com.apple.quicktime.location.ISO6709": "home",
    }
    path = make_sample("mov", tmp_path / "film", frames=5, notes=notes)

    read = extract_metadata(path, sniff.MOV)

    assert len(read.warnings) == 4
    assert read.best("duration_s") == pytest.approx(0.2, abs=0.05)


def test_a_file_of_sound_alone_has_no_picture(tmp_path: Path) -> None:
    path = make_sample("mp4", tmp_path / "film", frames=25, sound=True, pictures=False)

    with pytest.raises(UnsupportedMedia, match="no picture track"):
        make_renditions(path, sniff.sniff(path))


def test_a_document_is_shown_by_its_first_page(tmp_path: Path, preview_of: Preview) -> None:
    path = make_sample("pdf", tmp_path / "a.pdf", width=300, height=420, pages=3)

    rendition, pixels = preview_of(path)

    assert (rendition.width, rendition.height) == (1143, 1600)
    assert (rendition.original_width, rendition.original_height) == (300, 420)
    assert_upright(pixels)


def test_a_document_says_what_its_information_says(tmp_path: Path) -> None:
    information = {
        "Title": "On tea",
        "Author": "Ada; Lee",
        "Subject": "Leaves",
        "Keywords": "tea, water",
        "CreationDate": "D:20240501101500+02'00'",
    }
    path = make_sample("pdf", tmp_path / "a.pdf", pages=3, information=information)

    fields = extract_metadata(path, sniff.PDF).fields()

    assert fields == {
        "title": "On tea",
        "creator": ("Ada", "Lee"),
        "caption": "Leaves",
        "keywords": ("tea", "water"),
        "capture_time": "2024-05-01T10:15:00+02:00",
        "page_count": 3,
        "width": 400,
        "height": 300,
    }


def test_a_locked_document_is_refused_and_named_in_a_warning(tmp_path: Path) -> None:
    path = make_sample("pdf", tmp_path / "a.pdf", locked=True)

    with pytest.raises(LockedDocument):
        make_renditions(path, sniff.PDF)
    assert "password" in extract_metadata(path, sniff.PDF).warnings[0]


def test_a_document_without_pages_is_refused(tmp_path: Path) -> None:
    path = make_sample("pdf", tmp_path / "a.pdf", pages=0)

    with pytest.raises(CorruptMedia):
        make_renditions(path, sniff.PDF)


def test_a_drawing_says_its_title_and_size(samples: dict[str, Path]) -> None:
    fields = extract_metadata(samples["svg"], sniff.SVG).fields()

    assert fields == {
        "title": "Corners",
        "caption": "Four corners and a disc",
        "width": 400,
        "height": 300,
    }


def test_a_raw_file_without_a_preview_is_developed(tmp_path: Path, preview_of: Preview) -> None:
    path = make_sample("dng", tmp_path / "a.dng", width=1400, height=1000, has_preview=False)

    rendition, pixels = preview_of(path)

    assert (rendition.width, rendition.height) == (700, 500)
    assert (rendition.original_width, rendition.original_height) == (1400, 1000)
    assert_upright(pixels, tolerance=90)  # developing brightens; the corners stay apart


def test_a_preview_too_small_to_show_gives_way_to_the_sensor(
    tmp_path: Path, preview_of: Preview
) -> None:
    path = tmp_path / "a.dng"
    tiny = jpeg_bytes(paint_scene(160, 120), keep="none")
    path.write_bytes(dng_bytes(paint_scene(1400, 1000), tiny))

    rendition, _ = preview_of(path)

    assert (rendition.width, rendition.height) == (700, 500)


def test_a_damaged_preview_of_a_raw_file_is_refused(tmp_path: Path) -> None:
    jpeg = bytearray(jpeg_bytes(paint_scene(800, 600), keep="none"))
    jpeg[len(jpeg) // 2 : len(jpeg) * 3 // 4] = bytes(len(jpeg) * 3 // 4 - len(jpeg) // 2)
    path = tmp_path / "a.dng"
    path.write_bytes(dng_bytes(paint_scene(800, 600), bytes(jpeg)))

    with pytest.raises(CorruptMedia):
        make_renditions(path, sniff.DNG)


def test_a_raw_file_says_its_camera(samples: dict[str, Path]) -> None:
    fields = extract_metadata(samples["dng"], sniff.DNG).fields()

    assert (fields["camera_make"], fields["camera_model"]) == ("Museion", "Kit One")
    assert (fields["width"], fields["height"]) == (400, 300)
