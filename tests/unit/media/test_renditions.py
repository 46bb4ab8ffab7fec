from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from museion.media import sniff
from museion.media.pixels import decode_rgb
from museion.media.renditions import make_renditions
from museion.testing.media import FORMATS, image_bytes, make_sample
from museion.testing.scenes import assert_upright, paint_scene

_DRAWN_TO_FIT = ("svg", "pdf")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_a_thumbnail_and_a_preview(samples: dict[str, Path], name: str) -> None:
    path = samples[name]

    thumbnail, preview = make_renditions(path, sniff.sniff(path))

    assert (thumbnail.kind, preview.kind) == ("thumbnail", "preview")
    assert (thumbnail.width, thumbnail.height) == (320, 240)
    expected = (1600, 1200) if name in _DRAWN_TO_FIT else (400, 300)
    assert (preview.width, preview.height) == expected
    for rendition in (thumbnail, preview):
        assert rendition.mime == "image/webp"
        assert (rendition.original_width, rendition.original_height) == (400, 300)
        pixels = decode_rgb(rendition.content, max_side=4000)
        assert pixels.shape == (rendition.height, rendition.width, 3)
        assert_upright(pixels)


@pytest.mark.parametrize(
    ("name", "width", "height"),
    [
        ("jpg", 3400, 1700),  # so large that the decoder itself shrinks it
        *((name, 1800, 900) for name in ("jpg", "png", "webp", "tif", "avif", "heic", "dng")),
        *((name, 800, 1900) for name in ("jpg", "png", "tif")),
    ],
)
def test_large_pictures_shrink_to_the_sides_of_renditions(
    tmp_path: Path, name: str, width: int, height: int
) -> None:
    path = make_sample(name, tmp_path / "large", width=width, height=height)

    thumbnail, preview = make_renditions(path, sniff.sniff(path))

    assert max(preview.width, preview.height) == 1600
    assert max(thumbnail.width, thumbnail.height) == 320
    assert preview.width / preview.height == pytest.approx(width / height, rel=0.002)
    assert (preview.original_width, preview.original_height) == (width, height)
    assert_upright(decode_rgb(thumbnail.content, max_side=320))


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(1, 1, (1, 1)), (30_000, 1, (1600, 1)), (2, 30_000, (1, 1600)), (1601, 3, (1600, 3))],
)
@pytest.mark.parametrize("extension", [".png", ".jpg", ".tif"])
def test_odd_shapes_keep_at_least_one_pixel(
    tmp_path: Path, extension: str, width: int, height: int, expected: tuple[int, int]
) -> None:
    path = tmp_path / "odd"
    image = pyvips.Image.black(width, height, bands=3).copy(interpretation="srgb")
    path.write_bytes(image_bytes(image, extension))

    _, preview = make_renditions(path, sniff.sniff(path))

    assert (preview.width, preview.height) == expected


@pytest.mark.parametrize("extension", [".png", ".webp", ".tif", ".avif"])
def test_transparency_is_kept(tmp_path: Path, extension: str) -> None:
    opacity = np.zeros((300, 400), np.uint8)
    opacity[:, 200:] = 255
    scene = np.dstack([paint_scene(400, 300), opacity])
    path = tmp_path / "transparent"
    path.write_bytes(image_bytes(pyvips.Image.new_from_array(scene), extension))

    _, preview = make_renditions(path, sniff.sniff(path))

    alpha = pyvips.Image.new_from_buffer(preview.content, "").numpy()[..., 3]
    assert alpha[:, :190].max() <= 2
    assert alpha[:, 210:].min() >= 253


def test_the_transparent_colour_of_a_gif_is_kept(tmp_path: Path) -> None:
    indexes = np.zeros((30, 40), np.uint8)
    indexes[:, 20:] = 1
    drawing = Image.fromarray(indexes, mode="P")
    drawing.putpalette([255, 0, 0, 0, 0, 255])
    drawing.save(tmp_path / "a.gif", transparency=0)

    _, preview = make_renditions(tmp_path / "a.gif", sniff.GIF)

    alpha = pyvips.Image.new_from_buffer(preview.content, "").numpy()[..., 3]
    assert (alpha[0, 0], alpha[0, -1]) == (0, 255)


def test_colour_under_transparency_does_not_bleed_into_a_reduction(tmp_path: Path) -> None:
    scene = np.zeros((2000, 2000, 4), np.uint8)
    scene[..., 0] = 255
    scene[::2, :, :] = (0, 255, 0, 255)
    path = tmp_path / "stripes.png"
    path.write_bytes(image_bytes(pyvips.Image.new_from_array(scene), ".png"))

    thumbnail, _ = make_renditions(path, sniff.sniff(path))

    shown = pyvips.Image.new_from_buffer(thumbnail.content, "").numpy()
    assert shown[..., 0].max() < 20, "the invisible red must not be seen"


@pytest.mark.parametrize("extension", [".gif", ".webp"])
def test_an_animation_is_shown_by_its_first_frame(tmp_path: Path, extension: str) -> None:
    later = pyvips.Image.black(400, 300, bands=3).copy(interpretation="srgb")
    film = pyvips.Image.new_from_array(paint_scene(400, 300)).join(later, "vertical").copy()
    film.set_type(pyvips.GValue.gint_type, "page-height", 300)
    path = tmp_path / "moving"
    path.write_bytes(image_bytes(film, extension))

    _, preview = make_renditions(path, sniff.sniff(path))

    assert (preview.width, preview.height) == (400, 300)
    assert_upright(decode_rgb(preview.content, max_side=400))


def test_renditions_carry_no_metadata(tmp_path: Path) -> None:
    path = make_sample("jpg", tmp_path / "a.jpg", metadata={"creator": ("Ada",), "latitude": 1.5})

    for rendition in make_renditions(path, sniff.sniff(path)):
        fields = pyvips.Image.new_from_buffer(rendition.content, "").get_fields()
        assert not {"exif-data", "xmp-data", "icc-profile-data"} & set(fields)
        assert b"Ada" not in rendition.content


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("mp4", "mov", "webm")])
def test_the_same_bytes_give_the_same_renditions(samples: dict[str, Path], name: str) -> None:
    media = sniff.sniff(samples[name])

    assert make_renditions(samples[name], media) == make_renditions(samples[name], media)


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    path = make_sample("png", tmp_path / "a.png", seed=1)
    before = make_renditions(path, sniff.PNG)
    make_sample("png", path, seed=2)

    assert make_renditions(path, sniff.PNG) != before


@pytest.mark.parametrize("name", FORMATS)
def test_a_name_that_is_not_utf8_is_no_hindrance(
    samples: dict[str, Path], tmp_path: Path, name: str
) -> None:
    path = tmp_path / f"caf\udce9.{name}"
    path.write_bytes(samples[name].read_bytes())

    assert make_renditions(path, sniff.sniff(path))


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_vanished_is_an_error_of_the_system(
    samples: dict[str, Path], tmp_path: Path, name: str
) -> None:
    with pytest.raises(FileNotFoundError):
        make_renditions(tmp_path / "gone", sniff.sniff(samples[name]))
