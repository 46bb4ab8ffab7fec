"""A checkpoint is measured with the towers that users run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tiny_encoders import FOLDER

from museion.models.adding import add_folder
from museion.models.benching import bench
from museion.models.registry import EMBEDDED, Registry, built_in_checkpoint
from museion.models.unrelated import SAMPLES

_CAPTIONS = {
    "20220216_143107.jpg": "a dog",
    "20051010_eiffel.jpg": "a tower",
    "IMG_0042.jpg": "a cup of coffee",
    "IMG_2050.jpg": "a cow on a meadow",
}


def test_speed_is_measured_of_any_family(tmp_path: Path) -> None:
    tiny = add_folder(Registry(tmp_path), FOLDER / "siglip", name="tiny")
    figures = bench(tiny, seconds=0.05)

    assert figures.images_per_s > 1
    assert figures.texts_per_s > 1
    assert figures.text_ms > 0
    assert figures.text_to_image is None


def test_recall_is_measured_on_captioned_photos(tmp_path: Path) -> None:
    listing = tmp_path / "mine.jsonl"
    rows = [{"image": name, "captions": [text]} for name, text in _CAPTIONS.items()]
    listing.write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "mine").mkdir()
    for name in _CAPTIONS:
        shutil.copyfile(SAMPLES / name, tmp_path / "mine" / name)

    figures = bench(built_in_checkpoint(EMBEDDED), seconds=0.05, captioned=listing)

    assert figures.photos == 4
    assert figures.text_to_image is not None
    assert figures.text_to_image[0] >= 75.0
    assert figures.text_to_image[1] == 100.0
