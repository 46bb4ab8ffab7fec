"""Reading captioned photos, and the views that training makes of them."""

from __future__ import annotations

import io
import json
import random
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from museion.base.errors import InvalidInput
from museion.models.embedded import fit_square
from museion.models.training.captioned_photos import (
    decode,
    read_captioned_photos,
    view_of,
    whole_view,
)


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # chooses views, guards nothing


def write_listing(folder: Path, captions: list[list[str]]) -> Path:
    rows = [{"image": f"{n}.jpg", "captions": some} for n, some in enumerate(captions)]
    listing = folder / "train.jsonl"
    listing.write_text("\n".join(json.dumps(row) for row in rows))
    return listing


def test_training_sees_what_the_tower_will_see() -> None:
    """One function prepares pictures for training and for use, so they cannot drift apart."""
    encoded = jpeg(1)
    np.testing.assert_array_equal(whole_view(encoded, 32), fit_square(decode(encoded), 32))


def test_a_folder_and_an_archive_read_alike(tmp_path: Path) -> None:
    listing = write_listing(tmp_path, [["one"], ["two"]])
    (tmp_path / "train").mkdir()
    for number in range(2):
        (tmp_path / "train" / f"{number}.jpg").write_bytes(jpeg(number))
    from_folder = read_captioned_photos(listing)
    with tarfile.open(tmp_path / "train.tar", "w") as archive:
        archive.add(tmp_path / "train", "train")
    assert read_captioned_photos(listing) == from_folder
    assert from_folder.all_captions == ["one", "two"]


def test_a_missing_photo_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"0\.jpg"):
        read_captioned_photos(write_listing(tmp_path, [["one"]]))


def test_unequal_numbers_of_captions_are_refused(tmp_path: Path) -> None:
    listing = write_listing(tmp_path, [["one"], ["two", "three"]])
    (tmp_path / "train").mkdir()
    for number in range(2):
        (tmp_path / "train" / f"{number}.jpg").write_bytes(jpeg(number))
    with pytest.raises(InvalidInput, match="unequal"):
        read_captioned_photos(listing)


@pytest.mark.parametrize("number", range(5))
def test_views_repeat_with_the_same_seed(number: int) -> None:
    first = view_of(jpeg(2), 24, number=number, chance=dice(7))
    again = view_of(jpeg(2), 24, number=number, chance=dice(7))
    assert first.shape == (24, 24, 3)
    np.testing.assert_array_equal(first, again)


def test_the_second_view_is_the_first_in_a_mirror() -> None:
    chance = dice(0)
    whole = view_of(jpeg(3), 24, number=0, chance=chance)
    mirrored = view_of(jpeg(3), 24, number=1, chance=chance)
    np.testing.assert_array_equal(whole[:, ::-1], mirrored)
