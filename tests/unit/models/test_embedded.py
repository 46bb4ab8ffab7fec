"""The built-in encoder: two towers of one space, on ONNX Runtime only."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from museion.base.errors import InvalidInput
from museion.models.embedded import (
    ImageTower,
    TextTower,
    fit_square,
    open_embedded_image_tower,
    open_embedded_text_tower,
)
from museion.models.encoder import EmbeddingSpace, RgbImage


@pytest.fixture(scope="module")
def image_tower() -> ImageTower:
    return open_embedded_image_tower()


@pytest.fixture(scope="module")
def text_tower() -> TextTower:
    return open_embedded_text_tower()


def noise(height: int, width: int, *, seed: int = 0) -> RgbImage:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_both_towers_are_of_one_space(image_tower: ImageTower, text_tower: TextTower) -> None:
    assert image_tower.space == text_tower.space
    assert image_tower.space.id.startswith("museion-embedded-1:")


def test_embeddings_are_unit_rows_of_the_stated_dimension(
    image_tower: ImageTower, text_tower: TextTower
) -> None:
    dimension = image_tower.space.dimension
    for rows in (
        image_tower.encode_images([noise(50, 70), noise(300, 200)]),
        text_tower.encode_texts(["a dog runs on the beach", "castle"]),
    ):
        assert rows.shape == (2, dimension)
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)


def test_nothing_given_gives_no_rows(image_tower: ImageTower, text_tower: TextTower) -> None:
    assert image_tower.encode_images([]).shape == (0, image_tower.space.dimension)
    assert text_tower.encode_texts([]).shape == (0, text_tower.space.dimension)


def test_the_same_input_gives_the_same_embedding(
    image_tower: ImageTower, text_tower: TextTower
) -> None:
    again = open_embedded_image_tower()
    image, text = noise(120, 90, seed=3), "two men on a bench"
    np.testing.assert_array_equal(image_tower.encode_images([image]), again.encode_images([image]))
    np.testing.assert_array_equal(text_tower.encode_texts([text]), text_tower.encode_texts([text]))


def test_company_changes_no_embedding(image_tower: ImageTower, text_tower: TextTower) -> None:
    """Rows differ from those alone by rounding only: 8-bit steps may fall to the other side."""
    images = [noise(40, 40, seed=seed) for seed in range(11)]
    texts = ["a red car", "snow", "children play football in the rain", "a blue car", "castle"]
    together, alone = image_tower.encode_images(images), image_tower.encode_images(images[5:6])
    assert float(together[5] @ alone[0]) > 0.999
    rows = text_tower.encode_texts(texts)
    for place, text in enumerate(texts):
        assert float(rows[place] @ text_tower.encode_texts([text])[0]) > 0.99


@pytest.mark.parametrize(
    "text",
    [
        "😀",
        "🏰🎻☕",
        "x" * 10_000,
        "word " * 5_000,
        "qzxvwk blorptang",
        "ein Hund läuft am Strand",
        "海辺を走る犬",
        "собака бежит по пляжу",
        "\ud800 lone surrogate",
        "zero\x00byte",
        "'; drop table assets; --",
        "?",
    ],
)
def test_odd_texts_degrade_gently(text_tower: TextTower, text: str) -> None:
    row = text_tower.encode_texts([text])[0]
    assert np.isfinite(row).all()
    assert abs(float(np.linalg.norm(row)) - 1.0) < 1e-5


def test_an_unknown_word_weakens_a_query_and_no_more(text_tower: TextTower) -> None:
    plain, spoiled, other = text_tower.encode_texts(
        ["a dog on the beach", "a dog qzxvwk on the beach", "a steam locomotive"]
    )
    assert plain @ spoiled > 0.6
    assert plain @ spoiled > plain @ other + 0.3


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_blank_text_is_refused(text_tower: TextTower, text: str) -> None:
    with pytest.raises(InvalidInput, match="blank"):
        text_tower.encode_texts(["fine", text])


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 4000, 3), (3000, 2, 3), (1600, 1200, 3)])
def test_any_shape_of_picture_is_seen(image_tower: ImageTower, shape: tuple[int, ...]) -> None:
    rows, labels = image_tower.see([np.full(shape, 128, np.uint8)])
    assert np.isfinite(rows).all()
    assert len(labels) == 1


def test_grey_is_read_as_equal_channels(image_tower: ImageTower) -> None:
    grey = noise(64, 64)[:, :, 0]
    rows = image_tower.encode_images([grey, np.stack([grey] * 3, axis=2)])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)


def test_transparency_is_laid_on_white() -> None:
    clear = np.zeros((10, 10, 4), np.uint8)
    assert (fit_square(clear, 20) == 255).all()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((3,), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(image_tower: ImageTower, wrong: RgbImage) -> None:
    with pytest.raises(InvalidInput, match="height, width"):
        image_tower.encode_images([wrong])


def test_a_tower_needs_a_thread() -> None:
    with pytest.raises(InvalidInput, match="thread"):
        open_embedded_text_tower(threads=0)


def test_strength_counts_deviations_above_unrelated_pairs() -> None:
    space = EmbeddingSpace("e", "ab" * 32, 4, background_mean=0.1, background_deviation=0.05)
    assert space.strength(0.2) == pytest.approx(2.0)
    assert space.id == "e:abababab"


def test_a_text_query_is_quick(text_tower: TextTower) -> None:
    """The aim is 5 ms; the limit leaves room for a busy machine and takes the best of many."""
    taken = []
    for _ in range(30):
        begun = time.perf_counter()
        text_tower.encode_texts(["a dog runs on the beach with a red ball"])
        taken.append(time.perf_counter() - begun)
    assert min(taken) < 0.015


def test_towers_open_without_training_frameworks() -> None:
    code = (
        "import sys; from museion.models.embedded import open_embedded_text_tower as o;"
        "o().encode_texts(['snow']); sys.exit('torch' in sys.modules or 'onnx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_protocol_imports_no_framework() -> None:
    code = (
        "import sys, museion.models.encoder;"
        "sys.exit(any(name in sys.modules for name in ('onnxruntime', 'tokenizers', 'PIL')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
