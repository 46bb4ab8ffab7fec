"""Fingerprints: 64 bits that stay near for pictures that look alike."""

from __future__ import annotations

import functools

import numpy as np
import pyvips
from numpy.typing import NDArray

from museion.media.errors import CorruptMedia

_SIDE = 32
_LOWEST = slice(1, 9)
_WHITE = 255


def fingerprint(content: bytes) -> int:
    """Return the fingerprint of a picture: 64 bits, unsigned.

    Pictures that were scaled, encoded again or slightly changed in tone have a small `distance`;
    one that was turned, mirrored or cropped has not. A picture of a single colour gives 0.

    Args:
        content: bytes of a rendition; its thumbnail is enough and quickest.

    Raises:
        CorruptMedia: the bytes are no picture.

    Source: C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010,
    3.2.1 (DCT based): grey, 32 x 32, two-dimensional DCT, its 8 x 8 lowest frequencies without the
    constant row and column, one bit each for lying over their median. Departures: libvips scales
    by area, which replaces the mean filter of 7 x 7 before a point-sampled reduction; transparent
    parts are laid on white.
    """
    grey = _grey(content)
    frequencies = _cosines() @ grey @ _cosines().T
    # Rounded, so that a plain picture gives zeros and not the noise of the arithmetic.
    lowest = np.round(frequencies[_LOWEST, _LOWEST].ravel(), 6)
    bits = lowest > np.median(lowest)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def distance(a: int, b: int) -> int:
    """Return in how many of 64 bits two fingerprints differ: 0 is alike, about 32 unrelated."""
    return (a ^ b).bit_count()


def _grey(content: bytes) -> NDArray[np.float64]:
    try:
        image = pyvips.Image.thumbnail_buffer(
            content, _SIDE, height=_SIDE, size="force", fail_on="error"
        )
        if image.hasalpha():
            image = image.flatten(background=_WHITE)
        grey = image.colourspace("b-w").numpy()
    except pyvips.Error as reason:
        raise CorruptMedia("rendition", str(reason)) from None
    return np.asarray(grey, dtype=np.float64).reshape(_SIDE, _SIDE)


@functools.cache
def _cosines() -> NDArray[np.float64]:
    """Return the matrix of the one-dimensional DCT, type II, orthonormal: [frequency, place]."""
    frequency, place = np.mgrid[:_SIDE, :_SIDE]
    matrix = np.cos(np.pi * (2 * place + 1) * frequency / (2 * _SIDE)) * np.sqrt(2 / _SIDE)
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, dtype=np.float64)
