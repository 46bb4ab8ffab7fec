"""Pictures made by code that look enough like photos: smooth tones, edges and fine texture.

The four corners differ (red, green, blue, yellow from the upper left, row by row), so that a test
sees whether a picture stands upright.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CORNERS = {
    "upper left": (220, 30, 30),
    "upper right": (30, 180, 60),
    "lower left": (30, 60, 220),
    "lower right": (230, 210, 40),
}
_CORNER_SHARE = 6


def paint_scene(width: int, height: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """Return a scene as uint8 [height, width, 3]; equal arguments give equal pixels."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    down, across = rows / max(1, height - 1), columns / max(1, width - 1)
    waves = rng.uniform(0.5, 3.0, size=(3, 2))
    phases = rng.uniform(0, 2 * np.pi, size=3)
    tones = [
        127 + 100 * np.sin(2 * np.pi * (wave[0] * down + wave[1] * across) + phase)
        for wave, phase in zip(waves, phases, strict=True)
    ]
    scene = np.stack(tones, axis=-1)
    for _ in range(6):
        _paint_disc(scene, rng, down, across)
    scene += rng.normal(0, 4, size=(height, width, 1))
    return _with_corners(np.clip(scene, 0, 255).astype(np.uint8))


def corners_of(pixels: NDArray[np.uint8]) -> dict[str, tuple[int, ...]]:
    """Return the colours near the four corners of a picture [height, width, 3]."""
    down, across = pixels.shape[0] // 12, pixels.shape[1] // 12
    places = {
        "upper left": pixels[down, across],
        "upper right": pixels[down, -across - 1],
        "lower left": pixels[-down - 1, across],
        "lower right": pixels[-down - 1, -across - 1],
    }
    return {name: tuple(int(part) for part in colour) for name, colour in places.items()}


def assert_upright(pixels: NDArray[np.uint8], *, tolerance: int = 24) -> None:
    """Check that the corners of a scene are where it was painted.

    The tolerance covers lossy encodings with halved colour resolution.
    """
    for name, colour in corners_of(pixels).items():
        expected = CORNERS[name]
        furthest = max(abs(a - b) for a, b in zip(colour, expected, strict=True))
        assert furthest <= tolerance, f"{name} corner is {colour}, not {expected}"


def _paint_disc(
    scene: NDArray[np.float64],
    rng: np.random.Generator,
    down: NDArray[np.float64],
    across: NDArray[np.float64],
) -> None:
    centre_down, centre_across = rng.uniform(0.2, 0.8, size=2)
    radius = rng.uniform(0.05, 0.25)
    inside = (down - centre_down) ** 2 + (across - centre_across) ** 2 < radius**2
    scene[inside] = rng.uniform(0, 255, size=3)


def _with_corners(scene: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = scene.shape[:2]
    tall, wide = max(1, height // _CORNER_SHARE), max(1, width // _CORNER_SHARE)
    scene[:tall, :wide] = CORNERS["upper left"]
    scene[:tall, -wide:] = CORNERS["upper right"]
    scene[-tall:, :wide] = CORNERS["lower left"]
    scene[-tall:, -wide:] = CORNERS["lower right"]
    return scene
