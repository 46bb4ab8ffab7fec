from __future__ import annotations

import pytest

from museion.media import coordinates


@pytest.mark.parametrize(
    ("parts", "hemisphere", "expected"),
    [
        ([(33, 1), (51, 1), (2442, 100)], "S", -33.85678333),
        ([(151, 1), (12, 1), (5507, 100)], "E", 151.21529722),
        ([(22, 1), (54, 1), (0, 1)], "W", -22.9),
        ([(48858, 1000), (0, 1), (0, 0)], "N", 48.858),
        ([(48, 1), (51515, 1000)], "N\0", 48.85858333),
    ],
)
def test_fractions_of_exif(parts: list[tuple[int, int]], hemisphere: str, expected: float) -> None:
    assert coordinates.from_exif(parts, hemisphere) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("parts", "hemisphere"),
    [([(1, 0)], "N"), ([(91, 1)], "N"), ([(181, 1)], "W"), ([(1, 1)], ""), ([(1, 1)], "X")],
)
def test_what_is_not_on_earth_is_refused(parts: list[tuple[int, int]], hemisphere: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        coordinates.from_exif(parts, hemisphere)


@pytest.mark.parametrize(
    ("written", "expected"),
    [("33,51.407S", -33.85678333), ("33,51,24.42S", -33.85678333), ("2,17.7E", 2.295)],
)
def test_texts_of_xmp(written: str, expected: float) -> None:
    assert coordinates.from_xmp(written) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("-33.8577+151.2150+012.5/", (-33.8577, 151.215, 12.5)),
        ("+48.8577-002.2950/", (48.8577, -2.295, None)),
    ],
)
def test_points_of_film_containers(
    written: str, expected: tuple[float, float, float | None]
) -> None:
    assert coordinates.from_iso_6709(written) == expected


@pytest.mark.parametrize("written", ["", "north", "+99.0+000.0/", "33,51"])
def test_texts_that_are_no_place_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        coordinates.from_iso_6709(written)
    with pytest.raises(ValueError, match=r"\w"):
        coordinates.from_xmp(written)
