"""Words are marked where they stand, in the text as it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.base.errors import InvalidInput
from museion.search.highlighting import highlight, snippet

LAW = settings(max_examples=150, deadline=None, derandomize=True)
TEXTS = st.text("aäbßdogs ,.-\u0301\n", max_size=80)


def marked(text: str, *words: str, begun: str | None = None, within: bool = False) -> list[str]:
    return [text[a:b] for a, b in highlight(text, words, begun=begun, within=within)]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("A dog, two Dogs and a dog's ball", ["dogs"], ["dog", "Dogs", "dog"]),
        ("Zwei Häuser am Fluß", ["haus", "fluss"], ["Häuser", "Fluß"]),
        ("Josef Müller und Mueller", ["mueller"], ["Müller", "Mueller"]),
        ("Cafe\u0301 de Flore", ["cafe"], ["Cafe\u0301"]),
        ("ﬁsh and ﬁshes", ["fish"], ["ﬁsh", "ﬁshes"]),
        ("A man at the corner", ["corn"], []),
        ("IMG_1234.JPG", ["img", "1234"], ["IMG", "1234"]),
        ("nothing here", [], []),
        ("", ["dog"], []),
    ],
)
def test_words_are_marked_as_they_were_found(
    text: str, words: list[str], expected: list[str]
) -> None:
    assert marked(text, *words) == expected


def test_a_word_found_for_a_typo_is_marked_when_it_is_told() -> None:
    assert marked("An elephant", "elephnat", "elephant") == ["elephant"]


def test_the_word_that_was_begun_is_marked_whole() -> None:
    assert marked("On the Beach", begun="bea") == ["Beach"]


def test_parts_of_words_are_marked_within_them_and_across_spaces() -> None:
    assert marked("GRANDHOTELVIENNA", "hotel", within=True) == ["HOTEL"]
    assert marked("the GRAND HÔTEL", "grandhotel", within=True) == ["GRAND HÔTEL"]
    assert marked("GRANDHOTEL", "hot", within=True) == []
    assert marked("GRANDHOTEL", "hotel") == []


@LAW
@given(TEXTS, st.lists(st.sampled_from(["dog", "ä", "gosd", "b"])), st.booleans())
def test_marks_are_in_order_within_the_text_and_do_not_overlap(
    text: str, words: list[str], within: bool
) -> None:
    places = [place for span in highlight(text, words, within=within) for place in span]
    assert places == sorted(places)
    assert all(0 <= place <= len(text) for place in places)


LONG = " ".join(["lorem ipsum dolor"] * 30 + ["a red slide and two kids"] + ["sit amet"] * 30)


def test_the_passage_with_most_words_is_shown() -> None:
    passage = snippet(f"one red thing {LONG}", ["red", "kids", "slide"], 60)

    assert "a red slide and two kids" in passage.text
    assert len(passage.text) <= 60
    assert [passage.text[a:b] for a, b in passage.spans] == ["red", "slide", "kids"]
    assert not passage.is_whole


def test_a_short_text_is_shown_whole() -> None:
    passage = snippet("two dogs", ["dog"], 60)
    assert (passage.text, passage.start, passage.spans) == ("two dogs", 0, ((4, 8),))
    assert passage.is_whole


def test_without_any_word_the_beginning_is_shown() -> None:
    passage = snippet(LONG, ["unknown"], 20)
    assert (passage.text, passage.start) == ("lorem ipsum dolor", 0)


@LAW
@given(TEXTS, st.integers(1, 30))
def test_a_passage_is_part_of_its_text_and_not_longer_than_asked(text: str, length: int) -> None:
    passage = snippet(text, ["dog", "gs"], length)
    assert text[passage.start :].startswith(passage.text)
    assert len(passage.text) <= length
    assert all(0 <= a < b <= len(passage.text) for a, b in passage.spans)


def test_a_passage_needs_a_length() -> None:
    with pytest.raises(InvalidInput):
        snippet("dogs", ["dog"], 0)
