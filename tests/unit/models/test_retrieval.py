"""How well texts find photos, by the towers as shipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from museion.models.embedded import (
    ImageTower,
    TextTower,
    open_embedded_image_tower,
    open_embedded_text_tower,
)
from museion.models.training.captioned_photos import (
    CaptionedPhotos,
    decode,
    read_captioned_photos,
)
from museion.models.training.recall import (
    Recall,
    recall_both_ways,
    recall_of_queries,
    shares_at_ranks,
)

ROOT = Path(__file__).parents[3]
OBJECTS = ROOT / "tests" / "data" / "objects" / "objects.jsonl"
DEV = ROOT.parent / "shared" / "data" / "flickr8k" / "dev.jsonl"
needs_dev = pytest.mark.skipif(
    not DEV.exists(), reason="the 1,000 captioned dev photos are not beside the repository"
)

# Processors differ in the last bits of 8-bit products; a point covers what was seen.
TOLERANCE = 1.0


@pytest.fixture(scope="module")
def image_tower() -> ImageTower:
    return open_embedded_image_tower(threads=2)


@pytest.fixture(scope="module")
def text_tower() -> TextTower:
    return open_embedded_text_tower(threads=2)


def pictures(photos: CaptionedPhotos) -> list[np.ndarray]:
    return [decode(encoded) for encoded in photos.files]


def test_things_the_captions_never_showed_are_found(
    image_tower: ImageTower, text_tower: TextTower
) -> None:
    objects = read_captioned_photos(OBJECTS)
    rows = image_tower.encode_images(pictures(objects))
    found = recall_of_queries(rows, text_tower.encode_texts(objects.all_captions))
    assert found[2] >= 80.0


@needs_dev
@pytest.mark.slow
def test_captions_find_their_photos_and_photos_their_captions(
    image_tower: ImageTower, text_tower: TextTower
) -> None:
    dev, objects = read_captioned_photos(DEV), read_captioned_photos(OBJECTS)
    photos = image_tower.encode_images(pictures(dev))
    texts = text_tower.encode_texts(dev.all_captions)
    recall = recall_both_ways(photos, texts, captions_each=5)
    assert recall.text_to_image[2] >= 70.0 - TOLERANCE
    assert recall.image_to_text[2] >= 74.0 - TOLERANCE
    things = image_tower.encode_images(pictures(objects))
    queries = text_tower.encode_texts(objects.all_captions)
    found = recall_of_queries(np.concatenate([things, photos]), queries)
    assert found[2] >= 70.0 - TOLERANCE


def test_recall_of_a_perfect_and_of_a_reversed_ranking() -> None:
    photos = np.eye(12, dtype=np.float32)
    texts = np.repeat(photos, 2, axis=0)
    assert recall_both_ways(photos, texts, captions_each=2) == Recall((100.0,) * 3, (100.0,) * 3)
    wrong = recall_both_ways(photos, -texts, captions_each=2)
    assert wrong.text_to_image == (0.0, 0.0, 0.0)


def test_equal_similarities_count_against_the_right_one() -> None:
    photos = np.full((20, 4), 0.5, np.float32)
    assert recall_of_queries(photos, photos[:3]) == (0.0, 0.0, 0.0)


def test_shares_are_percentages_at_1_5_and_10() -> None:
    assert shares_at_ranks(np.array([0, 1, 4, 9, 10])) == (20.0, 60.0, 80.0)
