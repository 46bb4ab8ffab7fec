"""What the tiny encoders are compared on: pictures of awkward shapes, texts with traps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

TEXTS = (
    "a dog runs on the beach",
    "Two CHILDREN play, on a red slide!",
    "  a   woman reads\ta book  ",
    "straße über café, don't",
    "an unknown zebra 123",
    "mountains under a blue sky and a bowl of soup and a car on a street at night and the park",
)


def _picture(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Return smooth colours with some noise [H, W, 3]."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [
        np.sin(rows / (5 + seed) + channel) * 60 + np.cos(columns / (7 + channel)) * 60 + 128
        for channel in range(3)
    ]
    noisy = np.stack(waves, axis=-1) + random.integers(-20, 20, (height, width, 3))
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)


PICTURES: tuple[Callable[[], NDArray[np.uint8]], ...] = (
    lambda: _picture(90, 141, 1),
    lambda: _picture(133, 57, 2),
    lambda: _picture(20, 11, 3),
)
