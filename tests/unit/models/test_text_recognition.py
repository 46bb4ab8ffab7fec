"""Text in pictures is read with its place; pictures without text stay silent."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from museion.models import text_recognition
from museion.models.text_recognition import (
    PACKAGE,
    NoTextRecogniser,
    TextRecogniser,
    text_recogniser_name,
)

needs_models = pytest.mark.skipif(
    importlib.util.find_spec("rapidocr_onnxruntime") is None,
    reason="museion[text] is not installed",
)


@pytest.fixture(scope="module")
def recogniser() -> TextRecogniser:
    return TextRecogniser(threads=1)


def _sign(
    text: str, *, at: tuple[int, int], size: int, width: int = 1200, height: int = 800
) -> NDArray[np.uint8]:
    """Return a picture of a grey wall with a line of dark text on it."""
    image = Image.new("RGB", (width, height), (190, 190, 180))
    ImageDraw.Draw(image).text(at, text, fill=(20, 20, 60), font=ImageFont.load_default(size))
    return np.asarray(image)


@needs_models
def test_a_line_is_read_with_its_box_as_shares_of_the_picture(recogniser: TextRecogniser) -> None:
    (line,) = recogniser.read(_sign("HARBOUR FESTIVAL", at=(300, 200), size=60))

    assert line.text.replace(" ", "") == "HARBOURFESTIVAL"
    assert line.score > 0.8
    left, top, width, height = line.box
    assert (left, top) == pytest.approx((300 / 1200, 200 / 800), abs=0.03)
    assert 0.3 < width < 0.6
    assert 0.05 < height < 0.15


@needs_models
def test_small_letters_in_a_large_picture_are_read_at_the_second_look(
    recogniser: TextRecogniser,
) -> None:
    picture = _sign("ENTRANCE", at=(500, 100), size=90, width=1600, height=1000).copy()
    small = _sign("opening hours 9 to 17", at=(20, 5), size=16, width=300, height=30)
    picture[700:730, 500:800] = small

    read = " ".join(line.text for line in recogniser.read(picture)).replace(" ", "")

    assert "ENTRANCE" in read
    assert "openinghours" in read


@needs_models
def test_lines_come_from_top_to_bottom(recogniser: TextRecogniser) -> None:
    picture = _sign("SECOND LINE", at=(100, 500), size=60).copy()
    picture[100:220, :] = _sign("FIRST LINE", at=(100, 20), size=60)[:120]

    first, second = recogniser.read(picture)

    assert "FIRST" in first.text
    assert "SECOND" in second.text


@needs_models
@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (40, 40), (800, 1200)])
def test_a_picture_without_text_has_no_lines_whatever_its_size(
    recogniser: TextRecogniser, size: tuple[int, int]
) -> None:
    assert recogniser.read(np.full((*size, 3), 128, dtype=np.uint8)) == []


@needs_models
def test_what_reads_is_named_with_its_version() -> None:
    assert text_recogniser_name().startswith(f"{PACKAGE} 1.")


def test_without_the_package_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(text_recognition, "PACKAGE", "museion-no-such-package")

    with pytest.raises(NoTextRecogniser, match="not installed") as caught:
        text_recogniser_name()

    assert "museion[text]" in caught.value.remedy
    assert "recognise_text = false" in caught.value.remedy
