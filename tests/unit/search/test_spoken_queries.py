"""What an encoder reads of a query is free of what was typed around its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museion.search.analysis.speaking import as_spoken
from museion.search.query import parse_query
from museion.search.word_query import parse_words


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("--dog", "dog"),
        ("- dog", "dog"),
        ("((((dog", "dog"),
        ("(dog OR cat", "dog cat"),
        ("*dog*", "dog"),
        ("‚dog‘", "dog"),
        ("ｄｏｇ", "dog"),
        ("dog.jpg", "dog"),
        ("salt & pepper", "salt & pepper"),
        ("a dog, running.", "a dog, running."),
        ("black-and-white photo of a dog's ball", "black-and-white photo of a dog's ball"),
        ("🐕 on a beach", "🐕 on a beach"),
        ("...", "..."),
        ("", ""),
    ],
)
def test_signs_around_words_are_not_embedded(typed: str, read: str) -> None:
    assert parse_query(typed, understands=False).semantic_text == read


@given(st.text(max_size=40))
def test_something_is_read_of_whatever_is_typed(text: str) -> None:
    assert bool(as_spoken(text).strip()) == bool(text.strip())


def test_the_ending_of_a_file_name_is_looked_for_only_alone() -> None:
    assert [word.folded for word in parse_words("img_4711.jpg").words] == ["img", "4711"]
    assert [word.folded for word in parse_words("jpg").words] == ["jpg"]
