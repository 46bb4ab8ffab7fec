"""Which colours a picture has, by the names that people use for them.

The names are the eleven basic colour terms. A pixel gets one of them from its lightness, chroma and
hue in OKLab, where equal steps look equal: what has little chroma is black, grey or white; the rest
is told apart by hue, and brown and pink from orange and red by lightness. Where one name ends and
the next begins is a matter of taste: the borders are our own, laid between the colours that
style sheets give names to.

Source: Berlin, Kay, Basic Color Terms, 1969 (the terms); Ottosson, A perceptual color space for
image processing, 2020 (OKLab, its matrices); IEC 61966-2-1 (sRGB).

Letters of shapes: `H` height, `W` width, `N` pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from museion.media.pixels import decode_rgb

BASIC_COLOURS = (
    *("black", "white", "grey", "red", "orange", "yellow", "green", "blue"),
    *("purple", "pink", "brown"),
)
LEAST_SHARE = 0.05
"""What covers less of a picture is not told: every photo has a little of everything."""

_LOOK_SIDE = 96
"""Longest side in pixels at which colours are counted: enough for shares of one in twenty."""
_GREY_CHROMA = 0.04
_DARKEST_GREY, _LIGHTEST_GREY = 0.30, 0.93
_CREAM_LIGHTNESS, _CREAM_CHROMA = 0.85, 0.07
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def colours_of(content: bytes) -> Mapping[str, float]:
    """Return the colours of a rendition with their shares of it, the largest first.

    Those below `LEAST_SHARE` are left out, so the shares need not sum to 1. Transparent parts
    count as white.

    Raises:
        CorruptMedia: the bytes are no picture.
    """
    names = named_pixels(decode_rgb(content, max_side=_LOOK_SIDE))
    shares = np.bincount(names.ravel(), minlength=len(BASIC_COLOURS)) / names.size
    order = np.argsort(-shares, kind="stable")
    return MappingProxyType(
        {BASIC_COLOURS[i]: float(shares[i]) for i in order if shares[i] >= LEAST_SHARE}
    )


def named_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the place in `BASIC_COLOURS` of the name of each pixel.

    Args:
        pixels: uint8 [H, W, 3], sRGB.

    Returns:
        intp [H, W].
    """
    light, chroma, hue = _lightness_chroma_hue(pixels.reshape(-1, 3))  # [N] each
    rules: list[tuple[str, list[NDArray[np.bool_]]]] = [
        ("black", [light < _DARKEST_GREY, chroma < 2 * _GREY_CHROMA]),
        ("white", [light > _LIGHTEST_GREY, chroma < _GREY_CHROMA]),
        ("grey", [chroma < _GREY_CHROMA]),
        ("white", [light > _CREAM_LIGHTNESS, chroma < _CREAM_CHROMA, (hue > 40) & (hue < 112)]),
        ("purple", [hue >= 287, hue < 338]),
        ("purple", [hue >= 338, light < 0.45]),
        ("pink", [(hue >= 338) | (hue < 12), light >= 0.54]),
        ("red", [(hue >= 338) | (hue < 12)]),
        ("red", [hue < 35, light < 0.72, chroma >= 0.11]),
        ("brown", [hue < 35, light < 0.62]),
        ("pink", [hue < 35]),
        ("orange", [hue < 88, light >= 0.64, chroma >= 0.13]),
        ("orange", [hue < 58, light >= 0.74, chroma >= 0.12]),
        ("orange", [hue < 88, light >= 0.84]),
        ("brown", [hue < 88]),
        ("yellow", [hue < 118, light >= 0.72]),
        ("brown", [hue < 100]),
        ("green", [hue < 190]),
    ]
    places = [BASIC_COLOURS.index(name) for name, _ in rules]
    fulfilled = [np.logical_and.reduce(conditions) for _, conditions in rules]
    named = np.select(fulfilled, places, default=BASIC_COLOURS.index("blue"))
    return named.reshape(pixels.shape[:2]).astype(np.intp)


def _lightness_chroma_hue(
    pixels: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return lightness in [0, 1], chroma from 0 to about 0.32, and hue in [0, 360) degrees."""
    stored = pixels / 255  # [N, 3]
    linear = np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)
    lab = np.cbrt(linear @ _CONES.T) @ _LAB.T  # [N, 3]
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    return lab[:, 0], chroma, np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
