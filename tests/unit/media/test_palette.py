"""Colours have the names that people give them, and shares of the picture that add up."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageColor
from sample_library import LIBRARY

from museion.media.errors import CorruptMedia
from museion.media.palette import BASIC_COLOURS, LEAST_SHARE, colours_of, named_pixels
from museion.media.renditions import make_renditions
from museion.media.sniff import sniff

OTHERWISE_CALLED = {
    # Between two terms, or so pale that nobody would look for them under their last word.
    *("orangered", "palevioletred", "mediumvioletred"),
    *("lightyellow", "lightgoldenrodyellow", "navajowhite", "aliceblue", "greenyellow"),
    *("rosybrown", "brown"),
}


def _named(css_name: str) -> str:
    pixel = np.array([[ImageColor.getrgb(css_name)[:3]]], dtype=np.uint8)
    return BASIC_COLOURS[named_pixels(pixel)[0, 0]]


def _picture(*stripes: tuple[str, int]) -> bytes:
    """Return a picture of vertical stripes of given widths."""
    image = Image.new("RGB", (sum(width for _, width in stripes), 40))
    left = 0
    for colour, width in stripes:
        image.paste(ImageColor.getrgb(colour), (left, 0, left + width, 40))
        left += width
    kept = BytesIO()
    image.save(kept, "PNG")
    return kept.getvalue()


def test_colours_of_style_sheets_get_the_basic_term_that_their_names_end_with() -> None:
    wrong = {
        name: _named(name)
        for name in ImageColor.colormap
        for term in BASIC_COLOURS
        if name.replace("gray", "grey").endswith(term) and name not in OTHERWISE_CALLED
        if _named(name) != term
    }

    assert wrong == {}


@pytest.mark.parametrize(
    ("css_name", "term"),
    [
        *(("crimson", "red"), ("maroon", "red"), ("gold", "yellow"), ("khaki", "yellow")),
        *(("chocolate", "brown"), ("sienna", "brown"), ("saddlebrown", "brown"), ("tan", "brown")),
        *(("navy", "blue"), ("cyan", "blue"), ("turquoise", "green"), ("olive", "green")),
        *(("indigo", "purple"), ("violet", "purple"), ("salmon", "pink"), ("coral", "orange")),
        *(("silver", "grey"), ("beige", "white"), ("ivory", "white"), ("lavender", "white")),
    ],
)
def test_colours_without_a_basic_term_in_their_name_get_the_nearest(
    css_name: str, term: str
) -> None:
    assert _named(css_name) == term


def test_shares_are_those_of_the_picture_and_the_largest_comes_first() -> None:
    colours = colours_of(_picture(("red", 20), ("white", 70), ("blue", 10)))

    assert list(colours) == ["white", "red", "blue"]
    assert list(colours.values()) == pytest.approx([0.7, 0.2, 0.1], abs=0.02)


def test_a_little_of_a_colour_is_not_told() -> None:
    assert list(colours_of(_picture(("green", 97), ("red", 3)))) == ["green"]


@given(st.integers(0, 255))
@settings(max_examples=30, deadline=None)
def test_greys_are_never_colourful(level: int) -> None:
    pixel = np.full((1, 1, 3), level, dtype=np.uint8)

    assert BASIC_COLOURS[named_pixels(pixel)[0, 0]] in {"black", "grey", "white"}


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=16))
@settings(max_examples=30, deadline=None)
def test_what_a_pixel_is_called_does_not_depend_on_its_neighbours(
    pixels: list[tuple[int, int, int]],
) -> None:
    picture = np.array([pixels], dtype=np.uint8)

    alone = [named_pixels(picture[:, [column]])[0, 0] for column in range(len(pixels))]

    assert named_pixels(picture)[0].tolist() == alone


@pytest.mark.parametrize(
    ("photo", "expected"),
    [
        ("20051010_eiffel.jpg", {"blue"}),  # a tower before a clear sky
        ("DSCF7405.jpg", {"blue", "orange"}),  # a dune under the sky
        ("DSC_2209.jpg", {"green"}),
        ("PIA17218.jpg", {"black"}),  # a planet in space
    ],
)
def test_real_photos_have_the_colours_that_one_sees(photo: str, expected: set[str]) -> None:
    path = LIBRARY / photo
    thumbnail, _ = make_renditions(path, sniff(path))

    colours = colours_of(thumbnail.content)

    assert expected <= {name for name, share in colours.items() if share >= 0.15}
    assert sum(colours.values()) <= 1
    assert min(colours.values()) >= LEAST_SHARE


def test_what_is_no_picture_has_no_colours() -> None:
    with pytest.raises(CorruptMedia):
        colours_of(b"no picture")
