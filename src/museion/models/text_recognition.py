"""Reads the text in pictures: signs, posters, captions burnt in, pages that were scanned.

Detection, direction and recognition are the models of PP-OCRv4 that the package
`rapidocr-onnxruntime` ships (Apache-2.0, for Latin and Chinese letters); nothing is downloaded.

Letters of shapes: `H` height, `W` width, `K` boxes.

Source: Du et al., PP-OCR: A Practical Ultra Lightweight OCR System, 2020, and the release notes of
PP-OCRv4, 2023.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from museion.base.errors import NotFound

PACKAGE = "rapidocr-onnxruntime"
LOOK_SIDE = 1600
"""Longest side in pixels of the pictures that are read best."""

_FIRST_LOOK_SIDE = 960
_LEAST_SCORE = 0.6
"""Below, what is read is mostly leaves and bricks; most true words have 0.8 and more."""
_LEAST_LETTERS = 2
"""A single letter is more often a window or a wheel."""
_MOST_LINES = 1_000
_LARGEST_SCALE = 2.0
"""Enlarging further shows nothing more."""
_LOUD_LOGGERS = ("RapidOCR", "OrtInferSession")


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of text in a picture.

    Attributes:
        box: left, top, width and height of the upright box around it, as shares of the picture.
        score: how sure the model is, in [0, 1].
    """

    text: str
    box: tuple[float, float, float, float]
    score: float


class NoTextRecogniser(NotFound):
    """Text in pictures is to be read, but the package that does it is not installed."""

    def __init__(self) -> None:
        super().__init__(
            f"Reading text in pictures needs {PACKAGE}, which is not installed.",
            remedy="Install it with `pip install 'museion[text]'`, or set `recognise_text = false`"
            " in museion.toml.",
        )


def text_recogniser_name() -> str:
    """Return the name of what reads, with its version.

    Raises:
        NoTextRecogniser: the package is not installed.
    """
    try:
        return f"{PACKAGE} {version(PACKAGE)}"
    except PackageNotFoundError:
        raise NoTextRecogniser from None


class TextRecogniser:
    """Reads pictures, one at a time; opening it takes about half a second and 150 MB.

    Args:
        threads: of each model.

    Raises:
        NoTextRecogniser: the package is not installed.
    """

    def __init__(self, *, threads: int = 1) -> None:
        self.name = text_recogniser_name()
        self._models = _open_models(threads)

    def read(self, pixels: NDArray[np.uint8]) -> list[ReadLine]:
        """Return the lines of text in a picture from top to bottom, none where there is none.

        The first look is at a small copy, since most photos have no text at all; where something
        can be read there, the second is at the whole.

        Args:
            pixels: uint8 [H, W, 3], sRGB.
        """
        image = np.ascontiguousarray(pixels[..., ::-1])  # [H, W, 3] in the models' order
        lines = list(self._look(image, _FIRST_LOOK_SIDE))
        if lines and max(image.shape) > _FIRST_LOOK_SIDE:
            # A large title can fall apart at full size: what only the first look saw stays.
            closer = list(self._look(image, max(image.shape)))
            lines = closer + [each for each in lines if not _is_seen(each, closer)]
        return sorted(lines, key=lambda line: (line.box[1], line.box[0]))[:_MOST_LINES]

    def _look(self, image: NDArray[np.uint8], side: int) -> Iterator[ReadLine]:
        scale = min(side / max(image.shape), _LARGEST_SCALE)
        size = [max(1, round(length * scale)) for length in image.shape[1::-1]]
        small = Image.fromarray(image).resize((size[0], size[1]), Image.Resampling.BILINEAR)
        boxes, _ = self._models.auto_text_det(np.asarray(small))
        if boxes is None:
            return
        corners = np.array(boxes, dtype=np.float32) / scale  # [K, 4, 2]
        crops, _, _ = self._models.text_cls(self._models.get_crop_img_list(image, list(corners)))
        read, _ = self._models.text_rec(crops, False)
        yield from _lines(read, corners, image.shape[:2])


def _lines(
    read: Sequence[Sequence[Any]], corners: NDArray[np.float32], shape: tuple[int, int]
) -> Iterator[ReadLine]:
    for (text, score, *_), box in zip(read, corners, strict=True):
        if float(score) >= _LEAST_SCORE and sum(map(str.isalnum, text)) >= _LEAST_LETTERS:
            yield ReadLine(text.strip(), _upright(box, shape), round(float(score), 3))


def _upright(
    corners: NDArray[np.float32], shape: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Return the box around four corners [4, 2] (x, y) as shares of a picture."""
    shares = np.clip(corners / (shape[1], shape[0]), 0, 1)
    left, top = (float(each) for each in shares.min(axis=0))
    right, bottom = (float(each) for each in shares.max(axis=0))
    return round(left, 4), round(top, 4), round(right - left, 4), round(bottom - top, 4)


def _is_seen(line: ReadLine, others: Sequence[ReadLine]) -> bool:
    """Tell whether the middle of a line lies in the box of another."""
    left, top, width, height = line.box
    x, y = left + width / 2, top + height / 2
    return any(
        other.box[0] <= x <= other.box[0] + other.box[2]
        and other.box[1] <= y <= other.box[1] + other.box[3]
        for other in others
    )


class _Models(Protocol):
    """What is used of `rapidocr_onnxruntime.RapidOCR`, which has no types.

    Images are uint8 [H, W, 3], blue, green and red; boxes are corners [4, 2] (x, y) in pixels.
    """

    def auto_text_det(self, img: NDArray[np.uint8]) -> tuple[Sequence[Any] | None, float]: ...
    def get_crop_img_list(
        self, img: NDArray[np.uint8], dt_boxes: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.uint8]]: ...
    def text_cls(
        self, img_list: list[NDArray[np.uint8]]
    ) -> tuple[list[NDArray[np.uint8]], Any, float]: ...
    def text_rec(
        self, img_list: list[NDArray[np.uint8]], return_word_box: bool
    ) -> tuple[Sequence[Sequence[Any]], float]: ...


def _open_models(threads: int) -> _Models:
    rapidocr = importlib.import_module("rapidocr_onnxruntime")
    for name in _LOUD_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    # Pictures come in the size at which they are to be looked at: the detector shall keep it.
    models: _Models = rapidocr.RapidOCR(
        intra_op_num_threads=threads,
        inter_op_num_threads=threads,
        det_limit_side_len=32,
    )
    return models
