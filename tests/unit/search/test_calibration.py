"""Where the hits of a query end: shown on a made space, with the real encoder in `benchmarks`."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from museion.search.calibration import (
    BadBackground,
    Calibration,
    CutOff,
    background_texts,
    is_everyday,
    nonsense_texts,
)

D = 64
THEMES = 12
Rows = NDArray[np.float32]


def _unit(rows: Rows) -> Rows:
    unit: Rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


class _Space:
    """Pictures and texts that scatter around themes; a text of no theme lies anywhere."""

    def __init__(self, seed: int = 7) -> None:
        self.chance = np.random.default_rng(seed)
        self.themes = _unit(self._normal(THEMES))

    def about(self, theme: int, count: int, *, noise: float = 0.1) -> Rows:
        return _unit(self.themes[theme] + noise * self._normal(count))

    def mixed(self, count: int, *, themes: int = THEMES) -> Rows:
        each = [self.about(place % themes, 1) for place in range(count)]
        return np.concatenate(each)

    def anywhere(self, count: int) -> Rows:
        return _unit(self._normal(count))

    def _normal(self, count: int) -> Rows:
        rows: Rows = self.chance.standard_normal((count, D)).astype(np.float32)
        return rows


def _calibration(space: _Space, pictures: Rows, *, assets: int | None = None) -> Calibration:
    return Calibration(space.mixed(120), pictures, assets=assets, nonsense=space.anywhere(60))


def test_what_the_archive_shows_is_strong_and_what_means_nothing_finds_nothing() -> None:
    space = _Space()
    pictures = space.mixed(600, themes=6)
    calibration = _calibration(space, pictures)

    def best(query: Rows) -> str:
        return calibration.cut_off(query).strength(float((pictures @ query).max()))

    assert [best(space.about(theme, 1)[0]) for theme in range(6)] == ["strong"] * 6
    said = [best(query) for query in space.anywhere(100)]
    assert said.count("none") >= 85


def test_the_best_of_many_must_be_better_than_the_best_of_few() -> None:
    space = _Space()
    calibration = _calibration(space, space.mixed(300), assets=1_000_000)
    query = space.about(1, 1)[0]

    ends = [calibration.cut_off(query, among=count).weak for count in (1, 50, 1_000, 1_000_000)]

    assert ends == sorted(ends)
    assert calibration.cut_off(query).weak == ends[-1]


def test_strong_lies_above_weak_and_belief_rises_between_them() -> None:
    space = _Space()
    cut_off = _calibration(space, space.mixed(80)).cut_off(space.about(2, 1)[0])
    middle = (cut_off.strong + cut_off.weak) / 2

    assert cut_off.strong > cut_off.weak
    believed = [cut_off.belief(each) for each in (-1, cut_off.weak, cut_off.strong, 1)]
    assert believed == [0, 0.2, 1, 1]
    assert cut_off.belief(middle) == pytest.approx(0.6)


def test_strength_is_told_in_three_words() -> None:
    cut_off = CutOff(strong=0.4, weak=0.2)

    told = [cut_off.strength(each) for each in (0.5, 0.4, 0.3, 0.2, 0.1)]

    assert told == ["strong", "strong", "weak", "weak", "none"]


@pytest.mark.parametrize("assets", [1, 2, 9, 50])
def test_an_archive_of_few_assets_has_a_cut_off(assets: int) -> None:
    space = _Space()

    cut_off = _calibration(space, space.mixed(assets)).cut_off(space.about(0, 1)[0])

    assert -2 < cut_off.weak < cut_off.strong < 2


def test_the_same_background_gives_the_same_cut_off() -> None:
    first, second = (_calibration(space, space.mixed(90)) for space in (_Space(), _Space()))
    query = _Space(3).anywhere(1)[0]

    assert first.cut_off(query) == second.cut_off(query)


@pytest.mark.parametrize(
    ("texts", "sample"),
    [
        (np.ones((1, 4), np.float32), np.ones((3, 4), np.float32)),
        (np.ones((4, 4), np.float32), np.ones((0, 4), np.float32)),
        (np.ones((4, 4), np.float32), np.ones((3, 5), np.float32)),
        (np.full((4, 4), np.nan, np.float32), np.ones((3, 4), np.float32)),
    ],
)
def test_a_background_that_says_nothing_is_refused(texts: Rows, sample: Rows) -> None:
    with pytest.raises(BadBackground):
        Calibration(texts, sample)


def test_the_packaged_texts_are_many_and_no_text_is_there_twice() -> None:
    texts, senseless = background_texts(), nonsense_texts()

    assert len(texts) >= 200
    assert len(senseless) >= 40
    assert len({*texts, *senseless}) == len(texts) + len(senseless)


@pytest.mark.parametrize("text", ["people", "two smiling women", "a dog", "dogs on grass"])
def test_words_that_photos_are_described_with_are_everyday_words(text: str) -> None:
    assert is_everyday(text)


@pytest.mark.parametrize("text", ["quarterly tax report", "the", "", "xqzt", "a dog's quarterly"])
def test_other_words_are_not_even_beside_everyday_ones(text: str) -> None:
    assert not is_everyday(text)


def test_everyday_words_lower_the_weak_end_and_not_the_strong_one() -> None:
    space = _Space()
    calibration = _calibration(space, space.mixed(200, themes=4))
    query = space.about(1, 1)[0]
    plain, everyday = calibration.cut_off(query), calibration.cut_off(query, is_everyday=True)
    assert everyday.weak < plain.weak
    assert everyday.strong == plain.strong
