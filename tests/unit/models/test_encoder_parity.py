"""Encoders of every family give what the reference library gives, from their files alone.

The encoders are random and tiny; what is compared is everything around the weights: resizing,
cropping, tokens, padding, pooling, projection.
"""

from __future__ import annotations

import numpy as np
import pytest
from tiny_encoders import FAMILIES, FOLDER, expected, inputs

from museion.models.adding import add_folder
from museion.models.checkpoint import Checkpoint
from museion.models.dual_encoder import open_dual_image_tower, open_dual_text_tower
from museion.models.preprocessing import tensor_of
from museion.models.registry import Registry

_TOLERANCE = 1e-3  # the issue's; float32 of another order of operations differs by about 1e-6


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def checkpoint(family: str, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    registry = Registry(tmp_path_factory.mktemp("models"))
    return add_folder(registry, FOLDER / family, name=f"tiny-{family}")


def test_pixels_are_those_of_the_reference(family: str, checkpoint: Checkpoint) -> None:
    rules = checkpoint.card.image
    assert rules is not None
    tensors = np.stack([tensor_of(picture, rules) for picture in inputs()[0]])

    np.testing.assert_allclose(tensors, expected(family).pixels, atol=_TOLERANCE)


def test_embeddings_of_pictures_are_those_of_the_reference(
    family: str, checkpoint: Checkpoint
) -> None:
    rows = open_dual_image_tower(checkpoint).encode_images(inputs()[0])

    np.testing.assert_allclose(rows, expected(family).images, atol=_TOLERANCE)


def test_tokens_are_those_of_the_reference(family: str, checkpoint: Checkpoint) -> None:
    tower = open_dual_text_tower(checkpoint)
    for text, wanted in zip(inputs()[1], expected(family).tokens, strict=True):
        assert tower.tokens_of(text)[0] == [token for token in wanted.tolist() if token >= 0]


def test_embeddings_of_texts_are_those_of_the_reference(
    family: str, checkpoint: Checkpoint
) -> None:
    rows = open_dual_text_tower(checkpoint).encode_texts(inputs()[1])

    np.testing.assert_allclose(rows, expected(family).texts, atol=_TOLERANCE)


def test_the_company_of_a_text_or_picture_changes_nothing(checkpoint: Checkpoint) -> None:
    pictures, texts = inputs()
    image_tower, text_tower = open_dual_image_tower(checkpoint), open_dual_text_tower(checkpoint)
    together = image_tower.encode_images(pictures), text_tower.encode_texts(texts)
    alone = (
        np.concatenate([image_tower.encode_images([each]) for each in pictures]),
        np.concatenate([text_tower.encode_texts([each]) for each in texts]),
    )

    np.testing.assert_allclose(together[0], alone[0], atol=1e-5)  # float32, other block sizes
    np.testing.assert_allclose(together[1], alone[1], atol=1e-5)


def test_both_towers_are_of_one_space_with_unit_rows(checkpoint: Checkpoint) -> None:
    image_tower, text_tower = open_dual_image_tower(checkpoint), open_dual_text_tower(checkpoint)
    rows = image_tower.encode_images(inputs()[0])

    assert image_tower.space == text_tower.space == checkpoint.space
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)


def test_scale_and_bias_of_the_logits_come_from_the_weights(
    family: str, checkpoint: Checkpoint
) -> None:
    assert checkpoint.card.logit_scale == pytest.approx(np.exp(3.25))
    assert checkpoint.card.logit_bias == (None if family == "clip" else pytest.approx(-9.5))
