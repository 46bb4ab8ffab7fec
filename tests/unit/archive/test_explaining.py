"""Why an asset is a hit, in sentences, the strongest reason first."""

from __future__ import annotations

import pytest

from museion.archive.explaining import filter_reasons, reasons
from museion.archive.indexing import LEXICAL_FIELDS
from museion.search.fusion import STRONG_Z, WEAK_Z
from museion.search.query import parse_query

QUERY = parse_query("a dog rating:>=3 -type:video")


def _texts(matched: dict[str, tuple[str, ...]], strength: float | None) -> list[str]:
    return [reason.text for reason in reasons(QUERY, matched, strength)]


def test_every_filter_is_a_reason() -> None:
    assert [each.text for each in filter_reasons(QUERY)] == ["rating 3 or more", "not video"]


def test_words_come_before_a_picture_that_fits_weakly() -> None:
    told = _texts({"caption": ("dog", "beach")}, (WEAK_Z + STRONG_Z) / 2)

    assert told[:2] == ["the caption says “dog”, “beach”", "the picture fits the words"]


def test_a_picture_that_fits_well_comes_before_words() -> None:
    told = _texts({"label": ("dog",)}, STRONG_Z)

    assert told[:2] == ["the picture fits the words well", "a model sees “dog”"]


@pytest.mark.parametrize("strength", [WEAK_Z, 1.6])
def test_a_weak_hit_says_that_it_is_weak(strength: float) -> None:
    assert _texts({}, strength)[0] == "the picture may fit the words"


def test_what_only_repeats_another_field_is_not_said() -> None:
    assert _texts({"label": ("dog",), "synonym": ("dog",)}, None) == _texts(
        {"label": ("dog",)}, None
    )


def test_what_was_not_compared_says_nothing_of_the_picture() -> None:
    assert _texts({"filename": ("dog",)}, None)[0] == "the file name has “dog”"


@pytest.mark.parametrize("field", LEXICAL_FIELDS, ids=lambda field: field.name)
def test_every_field_that_can_match_has_a_sentence(field: object) -> None:
    name = getattr(field, "name", "")

    assert _texts({name: ("dog",)}, None)[0].endswith("“dog”")
