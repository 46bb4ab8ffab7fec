"""Which spellings count as the same word."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.search.words import content_words, fold, split_words, stem

LAW = settings(max_examples=300, deadline=None, derandomize=True)


def folded(text: str) -> list[str]:
    return [word.folded for word in split_words(text)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café", "cafe"),
        ("Cafe\u0301", "CAFÉ"),
        ("STRASSE", "Straße"),
        ("Łódź", "lodz"),
        ("Ångström", "angstrom"),
        ("ﬁsh", "fish"),
        ("Ελλάδα", "ελλαδα"),
        ("two\n words ", "two words"),
    ],
)
def test_spellings_that_a_reader_takes_for_the_same_fold_to_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@LAW
@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@LAW
@given(st.text())
def test_words_are_the_same_before_and_after_folding(text: str) -> None:
    assert folded(fold(text)) == folded(text)


@LAW
@given(st.text())
def test_no_word_is_empty_or_holds_a_space(text: str) -> None:
    assert all(form and not form.isspace() for word in split_words(text) for form in word.forms)


def test_punctuation_and_underscores_divide_words() -> None:
    assert folded("IMG_1234.JPG (dog-park), O’Brien") == [
        *("img", "1234", "jpg"),
        *("dog", "park"),
        *("o", "brien"),
    ]


def test_a_possessive_is_dropped() -> None:
    assert folded("the dog's ball, the DOG’S bone") == ["the", "dog", "ball", "the", "dog", "bone"]


def test_an_umlaut_has_two_spellings_and_other_words_one() -> None:
    word, other = split_words("Müller Meier")
    assert (word.forms, other.forms) == (("muller", "mueller"), ("meier",))


def test_very_long_words_are_cut() -> None:
    assert folded("x" * 1000) == ["x" * 255]


def test_inflections_have_one_stem() -> None:
    assert {stem(word) for word in ("dog", "dogs")} == {"dog"}
    assert stem("running") == stem("runs")


def test_stop_words_are_left_out_while_others_remain() -> None:
    assert [word.folded for word in content_words(split_words("a dog on the beach"))] == [
        "dog",
        "beach",
    ]
    assert [word.folded for word in content_words(split_words("der Hund für die Katze"))] == [
        "hund",
        "katze",
    ]


def test_stop_words_are_kept_where_nothing_else_is_asked() -> None:
    assert [word.folded for word in content_words(split_words("The Who"))] == ["the", "who"]
