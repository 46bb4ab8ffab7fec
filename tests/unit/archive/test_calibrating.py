"""The calibration of an archive follows what it holds, with the built-in encoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from museion.archive.calibrating import Calibrator
from museion.archive.generations import Generation
from museion.models.embedded import EMBEDDED, open_embedded_image_tower
from museion.models.registry import built_in_checkpoint
from museion.search.exact_index import ExactIndex

OBJECTS = Path(__file__).parents[2] / "data" / "objects" / "objects"


@pytest.fixture(scope="module")
def pictures() -> dict[str, NDArray[np.float32]]:
    paths = sorted(OBJECTS.glob("*.jpg"))[:40]
    pixels = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    rows = open_embedded_image_tower(threads=2).encode_images(pixels)
    return {path.stem: row for path, row in zip(paths, rows, strict=True)}


@pytest.fixture
def generation(tmp_path: Path) -> Iterator[Generation]:
    checkpoint = built_in_checkpoint(EMBEDDED)
    space = checkpoint.space
    index = ExactIndex.open(tmp_path / "vectors", space=space.id, dimension=space.dimension)
    yield Generation(checkpoint, index)
    index.close()


def _add(generation: Generation, rows: dict[str, NDArray[np.float32]]) -> None:
    generation.vectors.add(list(rows.items()))
    generation.vectors.commit(len(generation.vectors) + len(rows))


def test_what_is_there_is_kept_and_gibberish_finds_nothing(
    generation: Generation, pictures: dict[str, NDArray[np.float32]]
) -> None:
    _add(generation, pictures)
    calibrator = Calibrator(lambda: pictures)

    def strength(text: str) -> str:
        query = generation.embed(text)
        best = max(float(row @ query) for row in pictures.values())
        return calibrator.cut_off(generation, query).strength(best)

    assert strength("a cup of coffee") != "none"
    assert strength("the Eiffel tower") != "none"
    assert [strength(text) for text in ("blorptastic wuggle", "quarterly tax report")] == [
        "none",
        "none",
    ]


def test_an_archive_that_holds_nothing_has_a_cut_off(generation: Generation) -> None:
    cut_off = Calibrator(list).cut_off(generation, generation.embed("a dog"))

    assert cut_off.weak < cut_off.strong


def test_the_sample_is_taken_anew_when_the_archive_has_grown(
    generation: Generation, pictures: dict[str, NDArray[np.float32]]
) -> None:
    asked: list[int] = []

    def ids() -> list[str]:
        asked.append(len(generation.vectors))
        return list(pictures)

    calibrator = Calibrator(ids)
    query = generation.embed("a dog")
    names = list(pictures)
    _add(generation, {name: pictures[name] for name in names[:20]})
    for _ in range(3):
        first = calibrator.cut_off(generation, query)
    _add(generation, {name: pictures[name] for name in names[20:22]})
    calibrator.cut_off(generation, query)
    _add(generation, {name: pictures[name] for name in names[22:]})

    grown = calibrator.cut_off(generation, query)

    assert asked == [20, 40]
    assert grown != first
