"""A word that occurs nowhere is looked for under its neighbours, and told so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.search.lexical import Field, LexicalHit, LexicalIndex
from museion.search.typos import edits_between, most_edits

FIELDS = [
    Field("title", weight=2.0),
    Field("caption"),
    Field("label", is_certain=False),
    Field("tag", kind="keyword"),
    Field("recognised", kind="trigrams", is_certain=False),
]
LETTERS = st.text("abc", max_size=6)


def edits_in_full(one: str, other: str) -> int:
    """The textbook table, without any limit."""
    table = {(i, 0): i for i in range(len(one) + 1)} | {(0, j): j for j in range(len(other) + 1)}
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            cost = table[i - 1, j - 1] + (one[i - 1] != other[j - 1])
            table[i, j] = min(cost, table[i - 1, j] + 1, table[i, j - 1] + 1)
            if i > 1 and j > 1 and one[i - 2 : i] == other[j - 2 : j][::-1]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(one), len(other)]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(LETTERS, LETTERS, st.integers(0, 3))
def test_edits_are_those_of_the_full_table_up_to_a_limit(one: str, other: str, most: int) -> None:
    full = edits_in_full(one, other)
    assert edits_between(one, other, most) == (full if full <= most else None)


@pytest.mark.parametrize(
    ("word", "edits"),
    [("dog", 0), ("dogs", 1), ("elephan", 1), ("elephant", 2), ("img1234567", 0), ("東京都庁", 0)],
)
def test_longer_words_may_be_further_away(word: str, edits: int) -> None:
    assert most_edits(word) == edits


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LexicalIndex]:
    index = LexicalIndex.open(tmp_path_factory.mktemp("typos"), FIELDS)
    index.add(
        [
            ("elephant", {"caption": "An elephant in the savannah", "tag": ["Wildlife"]}),
            ("elephants", {"title": "Elephants"}),
            ("beach", {"caption": "A dog on the beach"}),
            ("beech", {"caption": "Beeches in a park"}),
            ("muller", {"caption": "Josef Müller, 1234567"}),
            ("hotel", {"recognised": ["GRANDHOTELVIENNA"]}),
        ]
    )
    index.commit(1)
    yield index
    index.close()


def found(hits: list[LexicalHit]) -> dict[str, dict[str, tuple[str, ...]]]:
    return {hit.id: dict(hit.corrected) for hit in hits}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("elephnat", {"elephant": {"elephnat": ("elephant",)}}),
        ("elefants", {"elephants": {"elefants": ("elephants",)}}),
        ("saavannaah", {"elephant": {"saavannaah": ("savannah",)}}),
        ("Muelller", {"muller": {"muelller": ("mueller",)}}),
        ("baech dog", {"beach": {"baech": ("beach",)}}),
        ("xlephant", {"elephant": {"xlephant": ("elephant",)}}),
        ("doog", {"beach": {"doog": ("dog",)}}),
        ("dgo", {}),
        ("1234568", {}),
        ("nothingness", {}),
    ],
)
def test_a_word_that_occurs_nowhere_is_matched_within_a_few_edits(
    index: LexicalIndex, text: str, expected: dict[str, dict[str, tuple[str, ...]]]
) -> None:
    assert found(index.search(text, limit=10)) == expected


@pytest.mark.parametrize("text", ["beach", "elephant", "dogs", "wildlife", "grandhotel"])
def test_a_word_that_occurs_is_not_corrected(index: LexicalIndex, text: str) -> None:
    hits = index.search(text, limit=10)
    assert hits
    assert all(not hit.corrected for hit in hits)


def test_a_corrected_word_counts_as_found_but_never_as_exact(index: LexicalIndex) -> None:
    (hit,) = index.search("baech dog", limit=10)
    assert hit.matched == {"caption": ("baech", "dog")}
    assert (hit.coverage, hit.is_exact) == (1.0, False)


def test_the_beginning_of_a_word_is_completed_rather_than_corrected(index: LexicalIndex) -> None:
    hits = index.search("eleph", limit=10, completes=True)
    assert found(hits) == {"elephant": {}, "elephants": {}}


def test_only_the_first_five_strange_words_are_corrected(index: LexicalIndex) -> None:
    strange = ["elephnat", "savanah", "baech", "mueler", "beechess"]
    hits = index.search(" ".join([*strange, "jozef"]), limit=10)
    assert {word for hit in hits for word in hit.corrected} == set(strange)


def test_correction_can_be_switched_off(index: LexicalIndex) -> None:
    assert index.search("elephnat", limit=10, corrects=False) == []


def test_words_of_removed_records_are_not_known_any_more(tmp_path: Path) -> None:
    index = LexicalIndex.open(tmp_path, FIELDS)
    index.add([("a", {"caption": "castle"}), ("b", {"caption": "cattle"})])
    index.commit(1)
    assert found(index.search("castle", limit=5)) == {"a": {}}

    index.remove(["a"])
    index.commit(2)

    assert found(index.search("castle", limit=5)) == {"b": {"castle": ("cattle",)}}
    index.close()


def test_the_nearest_and_most_frequent_words_are_taken(tmp_path: Path) -> None:
    index = LexicalIndex.open(tmp_path, FIELDS)
    words = ["slides"] * 30 + ["slide"] * 3 + ["glide", "slime", "elide", "sledge", "snide", "slid"]
    index.add((f"{n:02}", {"caption": word}) for n, word in enumerate(words))
    index.commit(1)

    corrected = {
        word
        for hit in index.search("slyde", limit=50)
        for words in hit.corrected.values()
        for word in words
    }

    assert corrected == {"slide"}
    corrected = {word for hit in index.search("slidd", limit=50) for word in hit.corrected["slidd"]}
    assert corrected == {"slide", "slid"}
    index.close()
