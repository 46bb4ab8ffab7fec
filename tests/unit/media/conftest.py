"""Samples are made once for all tests of this folder; tests that change one copy it first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from museion.media.pixels import decode_rgb
from museion.media.process import prepare_worker
from museion.media.renditions import Rendition, make_renditions
from museion.media.sniff import sniff
from museion.testing.media import FORMATS, make_sample

prepare_worker()

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One sample of each format by its extension, 400 x 300 pixels."""
    folder = tmp_path_factory.mktemp("samples")
    return {name: make_sample(name, folder / f"sample.{name}", seed=7) for name in FORMATS}


@pytest.fixture
def copy_of(samples: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Return a copy of a sample that the test may change."""

    def copy(sample_format: str) -> Path:
        return Path(shutil.copy(samples[sample_format], tmp_path / f"copy.{sample_format}"))

    return copy


@pytest.fixture
def preview_of() -> Callable[[Path], tuple[Rendition, Pixels]]:
    """Return the preview of a file and its pixels at full size."""

    def preview(path: Path) -> tuple[Rendition, Pixels]:
        _, rendition = make_renditions(path, sniff(path))
        return rendition, decode_rgb(rendition.content, max_side=4000)

    return preview
