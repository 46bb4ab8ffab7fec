"""The tiny encoders of `tests/data/tiny-encoders`, one for each family, with what is expected."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_KEPT = Path(__file__).parents[2] / "data" / "tiny-encoders"
FOLDER = Path(os.environ.get("TINY_ENCODERS", _KEPT))
"""Where the encoders lie: those that are kept, or freshly made ones (`make test-encoders`)."""
FAMILIES = ("clip", "siglip", "siglip2")


@dataclass(frozen=True)
class Expected:
    """What the reference library made of the inputs; unused places of `tokens` are -1."""

    pixels: NDArray[np.float32]
    images: NDArray[np.float32]
    texts: NDArray[np.float32]
    tokens: NDArray[np.int64]


def expected(family: str) -> Expected:
    """Return what was written beside the encoder when it was made."""
    with np.load(FOLDER / family / "expected.npz") as found:
        return Expected(found["pixels"], found["images"], found["texts"], found["tokens"])


def inputs() -> tuple[list[NDArray[np.uint8]], tuple[str, ...]]:
    """Return the pictures and texts that were compared."""
    place = _KEPT / "tiny_inputs.py"
    spec = importlib.util.spec_from_file_location("tiny_inputs", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [make() for make in module.PICTURES], module.TEXTS
