"""Renditions show in sRGB what the original shows in its own space."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import exiv2
import numpy as np
import pytest
import pyvips

from museion.media import icc
from museion.media.metadata_writing import write_metadata
from museion.media.renditions import Rendition
from museion.testing.media import image_bytes
from museion.testing.scenes import assert_upright, corners_of, paint_scene

Preview = Callable[[Path], tuple[Rendition, np.ndarray]]
_PROFILES = {"Adobe RGB": icc.adobe_rgb(), "Display P3": icc.display_p3()}


def _in_space(profile: bytes, folder: Path, *, depth: int = 8) -> pyvips.Image:
    """Return the scene converted into a space, with the profile embedded."""
    place = folder / "space.icc"
    place.write_bytes(profile)
    scene = pyvips.Image.new_from_array(paint_scene(400, 300))
    return scene.icc_transform(str(place), input_profile="srgb", depth=depth).copy_memory()


@pytest.mark.parametrize("space", _PROFILES)
@pytest.mark.parametrize("extension", [".jpg", ".png", ".tif", ".webp", ".avif"])
def test_an_embedded_profile_is_followed(
    tmp_path: Path, preview_of: Preview, space: str, extension: str
) -> None:
    stored = _in_space(_PROFILES[space], tmp_path)
    path = tmp_path / "wide"
    path.write_bytes(image_bytes(stored, extension))

    _, pixels = preview_of(path)

    assert_upright(pixels)
    with pytest.raises(AssertionError):
        assert_upright(stored.numpy(), tolerance=10)


def test_the_mark_of_a_camera_for_adobe_rgb_is_honoured(
    tmp_path: Path, preview_of: Preview
) -> None:
    path = tmp_path / "marked.jpg"
    stored = _in_space(icc.adobe_rgb(), tmp_path)
    path.write_bytes(image_bytes(stored, ".jpg", Q=95, keep="none"))
    _, unmarked = preview_of(path)
    _mark_adobe_rgb(path)

    _, marked = preview_of(path)

    assert_upright(marked, tolerance=12)
    assert corners_of(unmarked) != corners_of(marked)


def _mark_adobe_rgb(path: Path) -> None:
    image = exiv2.ImageFactory.open(str(path))
    image.readMetadata()
    image.exifData()["Exif.Photo.ColorSpace"] = "65535"
    image.exifData()["Exif.Iop.InteroperabilityIndex"] = "R03"
    image.writeMetadata()


@pytest.mark.parametrize("extension", [".jpg", ".tif"])
@pytest.mark.parametrize("keep", ["all", "none"])
def test_cmyk_becomes_srgb(tmp_path: Path, preview_of: Preview, extension: str, keep: str) -> None:
    scene = pyvips.Image.new_from_array(paint_scene(400, 300))
    ink = scene.icc_transform("cmyk", input_profile="srgb")
    path = tmp_path / "ink"
    path.write_bytes(image_bytes(ink, extension, keep=keep))

    _, pixels = preview_of(path)

    # Ink cannot show the scene's green and blue; libvips' own way back is the judge.
    expected = ink.icc_transform("srgb", input_profile="cmyk").numpy()
    for name, colour in corners_of(pixels).items():
        assert colour == pytest.approx(corners_of(expected)[name], abs=8), name


@pytest.mark.parametrize(
    ("extension", "space"),
    [(".png", "rgb16"), (".tif", "rgb16"), (".tif", "scrgb"), (".tif", "lab")],
)
def test_deep_and_floating_pixels_become_eight_bits(
    tmp_path: Path, preview_of: Preview, extension: str, space: str
) -> None:
    deep = pyvips.Image.new_from_array(paint_scene(400, 300)).colourspace(space)
    path = tmp_path / "deep"
    path.write_bytes(image_bytes(deep, extension))

    _, pixels = preview_of(path)

    assert_upright(pixels)


def test_sixteen_bits_with_a_profile_and_transparency(tmp_path: Path, preview_of: Preview) -> None:
    deep = _in_space(icc.display_p3(), tmp_path, depth=16)
    path = tmp_path / "deep.png"
    path.write_bytes(image_bytes(deep.bandjoin(65535), ".png", bitdepth=16))

    _, pixels = preview_of(path)

    assert_upright(pixels)


@pytest.mark.parametrize("space", ["b-w", "grey16"])
def test_grey_stays_grey(tmp_path: Path, preview_of: Preview, space: str) -> None:
    scene = pyvips.Image.new_from_array(paint_scene(400, 300))
    path = tmp_path / "grey.png"
    path.write_bytes(image_bytes(scene.colourspace(space), ".png"))

    _, pixels = preview_of(path)

    expected = scene.colourspace("b-w").numpy().astype(int).reshape(300, 400)
    assert np.abs(pixels[..., 0].astype(int) - expected).mean() < 4
    assert np.abs(pixels[..., 0].astype(int) - pixels[..., 2]).max() <= 2


@pytest.mark.parametrize("profile", [b"", b"garbage" * 60, icc.adobe_rgb()[:200]])
def test_a_broken_profile_is_as_none(tmp_path: Path, preview_of: Preview, profile: bytes) -> None:
    scene = pyvips.Image.new_from_array(paint_scene(400, 300)).copy()
    scene.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    path = tmp_path / "broken.jpg"
    path.write_bytes(image_bytes(scene, ".jpg"))

    _, pixels = preview_of(path)

    assert_upright(pixels)


def test_a_profile_of_grey_in_a_coloured_picture_is_as_none(
    tmp_path: Path, preview_of: Preview
) -> None:
    wrong = icc.adobe_rgb()[:16] + b"GRAY" + icc.adobe_rgb()[20:]
    scene = pyvips.Image.new_from_array(paint_scene(400, 300)).copy()
    scene.set_type(pyvips.GValue.blob_type, "icc-profile-data", wrong)
    path = tmp_path / "wrong.tif"
    path.write_bytes(image_bytes(scene, ".tif"))

    assert_upright(preview_of(path)[1])


def test_writing_metadata_leaves_the_profile(tmp_path: Path, preview_of: Preview) -> None:
    path = tmp_path / "wide.jpg"
    path.write_bytes(image_bytes(_in_space(icc.display_p3(), tmp_path), ".jpg"))

    write_metadata(path, {"title": "Still wide"})

    assert_upright(preview_of(path)[1])
