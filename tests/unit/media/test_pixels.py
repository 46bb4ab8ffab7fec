from __future__ import annotations

import numpy as np
import pytest
import pyvips

from museion.media.errors import CorruptMedia
from museion.media.pixels import decode_rgb
from museion.testing.media import image_bytes
from museion.testing.scenes import assert_upright, paint_scene


def _webp(pixels: np.ndarray, **options: object) -> bytes:
    return image_bytes(pyvips.Image.new_from_array(pixels), ".webp", effort=0, **options)


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [(640, 480, (192, 256, 3)), (480, 640, (256, 192, 3)), (100, 50, (50, 100, 3))],
)
def test_pixels_fit_into_the_longest_side(
    width: int, height: int, shape: tuple[int, int, int]
) -> None:
    pixels = decode_rgb(_webp(paint_scene(width, height)), max_side=256)

    assert pixels.shape == shape
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert_upright(pixels)


def test_lossless_pixels_come_back_exactly() -> None:
    scene = paint_scene(64, 48)

    assert np.array_equal(decode_rgb(_webp(scene, lossless=True), max_side=64), scene)


def test_transparent_parts_are_white() -> None:
    scene = np.dstack([np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint8)])
    scene[:, 20:, 3] = 255

    pixels = decode_rgb(_webp(scene, lossless=True, exact=True), max_side=40)

    assert pixels[:, :20].min() == 255
    assert pixels[:, 20:].max() == 0


def test_grey_has_three_equal_bands() -> None:
    grey = image_bytes(pyvips.Image.new_from_array(paint_scene(40, 30)[..., 0]), ".png")

    pixels = decode_rgb(grey, max_side=40)

    assert pixels.shape == (30, 40, 3)
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


@pytest.mark.parametrize("content", [b"", b"no picture", _webp(paint_scene(640, 480))[:900]])
def test_bytes_that_are_no_picture_are_refused(content: bytes) -> None:
    with pytest.raises(CorruptMedia):
        decode_rgb(content, max_side=64)
