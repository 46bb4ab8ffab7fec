"""Renditions as arrays, for encoders of images. Letters of shapes: `H` height, `W` width."""

from __future__ import annotations

import numpy as np
import pyvips
from numpy.typing import NDArray

from museion.media.errors import CorruptMedia

_WHITE = 255


def decode_rgb(content: bytes, *, max_side: int) -> NDArray[np.uint8]:
    """Return the pixels of a rendition, scaled down while they are read.

    Transparent parts come out on white; grey comes out in three equal bands.

    Args:
        content: bytes of a rendition (WebP, or any still that libvips reads).
        max_side: longest side of the array in pixels; smaller pictures keep their size.

    Returns:
        uint8 [H, W, 3], red, green and blue in sRGB, 0 to 255; contiguous.

    Raises:
        CorruptMedia: the bytes are no picture.
    """
    try:
        image = pyvips.Image.thumbnail_buffer(
            content, max_side, height=max_side, size="down", fail_on="error"
        )
        if image.hasalpha():
            image = image.flatten(background=_WHITE)
        pixels = image.colourspace("srgb").numpy()
    except pyvips.Error as reason:
        raise CorruptMedia("rendition", str(reason)) from None
    return np.ascontiguousarray(pixels[..., :3], dtype=np.uint8)
