"""What must not be seen, and pictures put together with words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from museion.search.concepts import NothingComposed, compose, unwanted
from museion.search.fusion import Background

Rows = NDArray[np.float32]
PEOPLE, DOGS, SNOW, OTHER = np.eye(4, dtype=np.float32)


def _embed(texts: Sequence[str]) -> Rows:
    """Put texts about people, dogs and snow each on an axis of its own."""
    rows = [
        PEOPLE
        if any(word in text for word in ("people", "man", "child", "girl", "boy"))
        else DOGS
        if "dog" in text
        else SNOW
        if "snow" in text
        else OTHER
        for text in texts
    ]
    return np.stack(rows)


def _between(first: Rows, second: Rows) -> Rows:
    middle: Rows = ((first + second) / np.float32(2**0.5)).astype(np.float32)
    return middle


def test_a_picture_that_shows_the_concept_is_told_from_one_that_does_not() -> None:
    concept = unwanted("dogs", _embed)

    assert concept.is_seen(np.stack([DOGS, _between(DOGS, SNOW), PEOPLE])).tolist() == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("typed", ["people", "People", "persons", "Menschen", "person"])
def test_people_are_also_men_women_and_children(typed: str) -> None:
    words = unwanted(typed, _embed).words

    assert {"man", "woman", "girl", "child", "kinder"} <= set(words)


def test_no_children_leaves_adults() -> None:
    assert "woman" not in unwanted("children", _embed).words


def test_a_concept_that_is_no_group_is_its_own_words() -> None:
    assert unwanted("red  umbrella", _embed).words == ("red umbrella",)


def test_what_counts_as_seen_follows_the_background_of_the_space() -> None:
    near = Background(0.3, 0.02)

    assert unwanted("umbrella", _embed, background=near).seen_above == pytest.approx(0.32)


def test_a_picture_or_a_text_alone_stays_what_it_is() -> None:
    assert compose([DOGS]) == pytest.approx(DOGS)
    assert compose([], text=SNOW) == pytest.approx(SNOW)


def test_a_picture_plus_a_text_lies_nearest_to_what_shows_both() -> None:
    wanted = compose([DOGS], text=SNOW)

    assert wanted @ _between(DOGS, SNOW) > max(wanted @ DOGS, wanted @ SNOW)


def test_a_picture_minus_a_text_lies_nearer_to_what_is_left() -> None:
    wanted = compose([_between(DOGS, SNOW)], minus=[SNOW])

    assert wanted @ DOGS > 0.9
    assert wanted @ SNOW < 0


def test_what_is_composed_has_unit_length() -> None:
    wanted = compose([DOGS, _between(DOGS, PEOPLE)], text=SNOW, minus=[PEOPLE])

    assert np.linalg.norm(wanted) == pytest.approx(1)


def test_nothing_and_what_takes_itself_away_cannot_be_composed() -> None:
    with pytest.raises(NothingComposed):
        compose([])
    with pytest.raises(NothingComposed):
        compose([DOGS], minus=[DOGS])
