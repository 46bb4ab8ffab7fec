"""Why an asset is a hit, in sentences, the strongest reason first."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from museion.archive.explaining import Evidence, Reason, explain, filter_reasons
from museion.archive.indexing import LEXICAL_FIELDS
from museion.search.query import parse_query

QUERY = parse_query("a dog rating:>=3 -type:video")


def _texts(
    matched: dict[str, tuple[str, ...]], meaning: Literal["strong", "weak"] | None
) -> list[str]:
    return [reason.text for reason in explain(QUERY, Evidence(matched=matched, meaning=meaning))]


def test_every_filter_is_a_reason() -> None:
    assert [each.text for each in filter_reasons(QUERY)] == ["rating 3 or more", "not video"]


def test_words_come_before_a_picture_that_fits_weakly() -> None:
    told = _texts({"caption": ("dog", "beach")}, "weak")

    assert told[:2] == ["the caption says “dog”, “beach”", "the picture may fit the words"]


def test_a_picture_that_fits_well_comes_before_words() -> None:
    told = _texts({"label": ("dog",)}, "strong")

    assert told[:2] == ["the picture fits the words well", "a model sees “dog”"]


def test_a_weak_hit_says_that_it_is_weak() -> None:
    assert _texts({}, "weak")[0] == "the picture may fit the words"


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


def _told(**evidence: object) -> list[Reason]:
    return explain(QUERY, msgspec.convert(evidence, Evidence))


def test_a_word_in_a_document_tells_the_page_and_the_passage() -> None:
    place = {"field": "document", "passage": "the  dog\nis old", "page": 3}

    (told, *_) = _told(matched={"document": ["dog"]}, found=[place])

    assert (told.text, told.page) == ("the document says “dog” on page 3", 3)
    assert told.passage == "the dog is old"


def test_a_word_that_is_spoken_tells_the_second() -> None:
    place = {"field": "speech", "passage": "a dog barks", "second": 83.2}

    (told, *_) = _told(matched={"speech": ["dog"]}, found=[place])

    assert (told.text, told.second) == ("someone says “dog” at 00:01:23", 83.2)


def test_a_film_that_fits_tells_the_second() -> None:
    (told, *_) = _told(meaning="strong", second=3723.0)

    assert told.text == "the film fits the words well at 01:02:03"
    assert (told.strength, told.second) == ("strong", 3723.0)


def test_a_corrected_word_tells_what_was_typed() -> None:
    (told, *_) = _told(matched={"caption": ["dgo"]}, corrected={"dgo": "dog"})

    assert told.text == "the caption says “dog” for “dgo”"


def test_what_is_not_seen_and_what_is_hidden_behind_a_hit_are_told_before_filters() -> None:
    told = _told(meaning="weak", unseen=["people"], alike=2)

    assert [each.text for each in told[:3]] == [
        "the picture may fit the words",
        "no people recognised",
        "stands for 2 others that look the same",
    ]
    assert told[3].signal == "filter"


def test_what_looks_alike_says_how_much() -> None:
    assert _told(look=0.8123)[0].text == "looks alike (similarity 0.81)"
