"""How similar a text and a picture are in an embedding space that have nothing to do together.

Each encoder has a background of its own: for one 0.0 is chance, for another 0.2. It is measured on
texts about things that the pictures do not show.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from museion.models.encoder import ImageEncoder, RgbImage, TextEncoder

SAMPLES = Path(__file__).parent / "samples"
_LEAST_DEVIATION = 1e-4

UNRELATED_TEXTS = (
    "a mechanic repairs a car engine",
    "a bowl of noodle soup with chopsticks",
    "two men shake hands in an office",
    "a child blows out birthday candles",
    "a yellow school bus in the snow",
    "a woman ties her running shoes",
    "wedding guests throw rice",
    "a surgeon in an operating theatre",
    "a basket of laundry",
    "a goldfish in a bowl",
    "a football team lifts a trophy",
    "a teacher writes on a blackboard",
    "rows of books in a library",
    "a hot-air balloon over fields",
    "a snowboarder jumps",
    "a bride with a bouquet",
    "a kitchen with white cupboards",
    "a swimming pool with a slide",
    "a chess board",
    "a plate of spaghetti",
    "a motorcycle race",
    "a baby sleeps in a cot",
    "a grandmother knits on a sofa",
    "firefighters with a hose",
    "a red telephone box",
    "a dentist looks at teeth",
    "people queue at a bus stop",
    "a map of the underground",
    "a screenshot of a spreadsheet",
    "a scanned invoice",
    "a barber cuts hair",
    "a tennis player serves",
    "a wooden chair",
    "a hand holds a mobile phone",
    "a Christmas tree with presents",
    "a boxer in the ring",
    "a bicycle leans on a wall",
    "a tractor ploughs a field",
    "a pair of blue jeans",
    "a supermarket shelf",
)
"""What none of the sample pictures shows; few pictures of an archive show any of it."""


def sample_pictures() -> list[RgbImage]:
    """Return the photos of the package, small; `samples/SOURCES.md` tells where they are from."""
    pictures = []
    for path in sorted(SAMPLES.glob("*.jpg")):
        with Image.open(path) as picture:
            pictures.append(np.asarray(picture.convert("RGB")))
    return pictures


def background_of(
    image_tower: ImageEncoder, text_tower: TextEncoder, pictures: Sequence[RgbImage]
) -> tuple[float, float]:
    """Return mean and deviation of the similarity of unrelated texts and pictures.

    Args:
        image_tower, text_tower: of one space.
        pictures: at least one.

    Raises:
        ValueError: the towers are not of one width.
    """
    rows = image_tower.encode_images(pictures)  # [B, D]
    texts = text_tower.encode_texts(UNRELATED_TEXTS)
    similarities = (rows @ texts.T).astype(np.float64)
    return float(similarities.mean()), max(float(similarities.std()), _LEAST_DEVIATION)
