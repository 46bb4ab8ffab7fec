"""Labels: words with probabilities, for pictures that the sample set shows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from museion.models.embedded import EMBEDDED, ImageTower, open_embedded_image_tower
from museion.models.encoder import RgbImage
from museion.models.registry import built_in_checkpoint

OBJECTS = Path(__file__).parents[2] / "data" / "objects" / "objects"


@pytest.fixture(scope="module")
def image_tower() -> ImageTower:
    return open_embedded_image_tower()


def picture(name: str) -> RgbImage:
    return np.asarray(Image.open(OBJECTS / name).convert("RGB"))


def test_scores_are_probabilities_and_sorted(image_tower: ImageTower) -> None:
    pictures = [picture(path.name) for path in sorted(OBJECTS.glob("*.jpg"))[:12]]
    threshold = built_in_checkpoint(EMBEDDED).card.label_threshold
    for labels in image_tower.label_images(pictures):
        scores = [label.score for label in labels]
        assert scores == sorted(scores, reverse=True)
        assert all(threshold <= score <= 1.0 for score in scores)


@pytest.mark.parametrize(
    ("name", "word"),
    [("coffee.jpg", "espresso"), ("koala.jpg", "koala"), ("parthenon.jpg", "building")],
)
def test_things_get_their_words(image_tower: ImageTower, name: str, word: str) -> None:
    (labels,) = image_tower.label_images([picture(name)])
    assert word in {spoken for label in labels for spoken in (label.word, *label.synonyms)}


def test_a_flat_picture_has_no_sure_label(image_tower: ImageTower) -> None:
    (labels,) = image_tower.label_images([np.full((200, 300, 3), 90, np.uint8)])
    assert all(label.score < 0.5 for label in labels)


def test_one_pass_serves_embedding_and_labels(image_tower: ImageTower) -> None:
    pictures = [picture("koala.jpg"), picture("coffee.jpg")]
    rows, labels = image_tower.see(pictures)
    np.testing.assert_array_equal(rows, image_tower.encode_images(pictures))
    assert labels == image_tower.label_images(pictures)


def test_every_label_has_words_that_can_be_indexed() -> None:
    table = built_in_checkpoint(EMBEDDED).file("labels.json").read_text(encoding="utf-8")
    rows = json.loads(table)
    assert len(rows) > 1000
    for row in rows:
        assert all(word.strip() == word != "" for word in (row["word"], *row["synonyms"]))
