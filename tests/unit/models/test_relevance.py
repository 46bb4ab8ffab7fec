"""Which part of a picture fits a text, shown on pasted pairs of real photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from museion.models.embedded import (
    EMBEDDED,
    ImageTower,
    TextTower,
    open_embedded_image_tower,
    open_embedded_text_tower,
)
from museion.models.registry import built_in_checkpoint
from museion.models.relevance import (
    CoveringSeer,
    GridMismatch,
    RegionGrid,
    RegionSeer,
    heat,
    open_region_seer,
)

OBJECTS = Path(__file__).parents[2] / "data" / "objects" / "objects"
PAIRS = [
    ("a koala in a tree", "koala.jpg", "coffee.jpg"),
    ("a cup of coffee", "coffee.jpg", "koala.jpg"),
    ("a cat", "chelsea.jpg", "eiffeltower.jpg"),
]
SIDE = 224  # pixels


@pytest.fixture(scope="module")
def seer() -> RegionSeer:
    return open_region_seer(built_in_checkpoint(EMBEDDED))


@pytest.fixture(scope="module")
def image_tower() -> ImageTower:
    return open_embedded_image_tower()


@pytest.fixture(scope="module")
def text_tower() -> TextTower:
    return open_embedded_text_tower()


def _photo(name: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(OBJECTS / name).convert("RGB").resize((SIDE, SIDE)))


def _halves(grid: RegionGrid, text: NDArray[np.float32]) -> tuple[float, float]:
    """Return the relevance at the left and at the right of the middle."""
    map_, width = heat(grid, text), grid.columns // 2
    return float(map_[:, :width].sum()), float(map_[:, -width:].sum())


@pytest.mark.parametrize(("query", "shown", "other"), PAIRS)
def test_the_heat_lies_on_the_side_that_shows_what_was_asked_for(
    query: str, shown: str, other: str, seer: RegionSeer, text_tower: TextTower
) -> None:
    text = text_tower.encode_texts([query])[0]
    beside = [_photo(shown), _photo(other)]

    left, right = _halves(seer.regions(np.concatenate(beside, axis=1)), text)
    assert left > right

    left, right = _halves(seer.regions(np.concatenate(beside[::-1], axis=1)), text)
    assert right > left


def test_any_other_tower_is_asked_what_it_loses_where_something_is_covered(
    image_tower: ImageTower, text_tower: TextTower
) -> None:
    text = text_tower.encode_texts(["a koala in a tree"])[0]
    picture = np.concatenate([_photo("koala.jpg"), _photo("coffee.jpg")], axis=1)

    left, right = _halves(CoveringSeer(image_tower, rows=2, columns=4).regions(picture), text)

    assert left > right


def test_the_shares_of_the_cells_make_up_the_caption_half(
    seer: RegionSeer, image_tower: ImageTower
) -> None:
    picture = _photo("coffee.jpg")
    whole = image_tower.encode_images([picture])[0][:512]

    shares = seer.regions(picture).vectors[:, :512].mean(axis=0)

    alike = shares @ whole / np.linalg.norm(shares) / np.linalg.norm(whole)
    assert alike > 0.98  # all but the bias and what 8-bit integers round


def test_a_heat_map_lies_between_nothing_and_one_and_has_both() -> None:
    grid = RegionGrid(2, 3, np.arange(6, dtype=np.float32)[:, None])

    map_ = heat(grid, np.ones(1, np.float32))

    assert map_.shape == (2, 3)
    assert (map_.min(), map_.max()) == (0, 1)
    assert heat(RegionGrid(1, 2, np.ones((2, 1), np.float32)), np.ones(1, np.float32)).max() == 0


def test_a_text_of_another_space_is_refused() -> None:
    with pytest.raises(GridMismatch):
        heat(RegionGrid(1, 1, np.ones((1, 4), np.float32)), np.ones(5, np.float32))


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 200, 3), (90, 7)])
def test_pictures_of_any_shape_have_a_grid(shape: tuple[int, ...], seer: RegionSeer) -> None:
    grid = seer.regions(np.full(shape, 200, np.uint8))

    assert grid.vectors.shape[0] == grid.rows * grid.columns
    assert np.isfinite(grid.vectors).all()


def test_a_picture_smaller_than_the_grid_can_be_covered(image_tower: ImageTower) -> None:
    grid = CoveringSeer(image_tower, rows=2, columns=2).regions(np.zeros((1, 1, 3), np.uint8))

    assert np.isfinite(grid.vectors).all()
