"""From a decoded picture to the tensor that an image tower expects, as its files say.

Resizing is Pillow's, with antialiasing: what the reference processors of these models use.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from museion.base.errors import InvalidInput
from museion.models.checkpoint import ImageRules
from museion.models.encoder import RgbImage


def tensor_of(image: RgbImage, rules: ImageRules) -> NDArray[np.float32]:
    """Return a picture as a tensor [3, H, W].

    Grey is read as equal channels, transparency is laid on white.

    Raises:
        InvalidInput: not an array of bytes [H, W], [H, W, 3] or [H, W, 4] with at least one pixel.
    """
    picture = _resized(upright_rgb(image), rules)
    pixels = _cropped(np.asarray(picture), rules)  # [H, W, 3]
    mean, deviation = np.array([rules.mean, rules.deviation], np.float32)
    scaled = pixels.astype(np.float32) * np.float32(rules.rescale)
    tensor: NDArray[np.float32] = ((scaled - mean) / deviation).transpose(2, 0, 1)
    return tensor


def upright_rgb(image: RgbImage) -> Image.Image:
    """Return an array of bytes as an RGB picture, transparency laid on white.

    Raises:
        InvalidInput: not an array of bytes [H, W], [H, W, 3] or [H, W, 4] with at least one pixel.
    """
    if image.dtype != np.uint8 or not _is_picture(image.shape):
        raise InvalidInput(
            "A picture is an array of bytes [height, width, 3] (or grey, or with alpha), "
            f"but this one is {image.dtype} {list(image.shape)}.",
            remedy="Decode the file to 8-bit RGB first.",
        )
    picture = Image.fromarray(np.ascontiguousarray(image))
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def _is_picture(shape: tuple[int, ...]) -> bool:
    known = len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))
    return known and min(shape) > 0


def _resized(picture: Image.Image, rules: ImageRules) -> Image.Image:
    if rules.resize == "none":
        return picture
    size = (rules.width, rules.height)
    if rules.resize == "shortest-edge":
        size = _with_shortest_edge(picture.size, rules.height)
    return picture.resize(size, Image.Resampling(rules.resample))


def _with_shortest_edge(size: tuple[int, int], edge: int) -> tuple[int, int]:
    width, height = size
    if width <= height:
        return edge, int(edge * height / width)
    return int(edge * width / height), edge


def _cropped(pixels: NDArray[np.uint8], rules: ImageRules) -> NDArray[np.uint8]:
    """Return the middle; what is smaller than the crop is laid in the middle of black."""
    if not rules.crop_height:
        return pixels
    height, width = pixels.shape[:2]
    wide = (max(height, rules.crop_height), max(width, rules.crop_width))
    if wide != (height, width):
        top, left = -(-(wide[0] - height) // 2), -(-(wide[1] - width) // 2)
        laid = np.zeros((*wide, 3), np.uint8)
        laid[top : top + height, left : left + width] = pixels
        pixels = laid
    top, left = (wide[0] - rules.crop_height) // 2, (wide[1] - rules.crop_width) // 2
    return pixels[top : top + rules.crop_height, left : left + rules.crop_width]
