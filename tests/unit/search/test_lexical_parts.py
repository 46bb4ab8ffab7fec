"""Text that a machine has read is found by parts of its words; fields can be asked one by one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from museion.base.errors import InvalidInput
from museion.search.lexical import Field, LexicalIndex
from museion.search.selection import Numbers
from museion.search.word_asking import Said

FIELDS = [
    Field("title", weight=2.0),
    Field("caption"),
    Field("tag", kind="keyword"),
    Field("recognised", weight=0.8, kind="trigrams"),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LexicalIndex]:
    index = LexicalIndex.open(tmp_path_factory.mktemp("parts"), FIELDS)
    index.add(
        [
            ("sign", {"recognised": ["GRANDHOTELVIENNA", "Empfang"]}),
            ("spaced", {"recognised": "GRAND HOTEL WIEN", "caption": "A hotel"}),
            ("muller", {"recognised": "BÄCKEREIMÜLLER"}),
            ("beach", {"title": "Red beaches", "caption": "dogs on the beach", "tag": ["C++ day"]}),
            ("slide", {"title": "A red slide", "tag": ["Summer", "Red slide"]}),
            ("silent", {"caption": "", "title": []}),
        ]
    )
    index.commit(1)
    yield index
    index.close()


def found(index: LexicalIndex, text: str, *phrases: str) -> set[str]:
    return {hit.id for hit in index.search(text, limit=10, phrases=phrases, corrects=False)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grandhotel", {"sign", "spaced"}),
        ("vienna", {"sign"}),
        ("hotel", {"sign", "spaced"}),
        ("Müller", {"muller"}),
        ("mueller", {"muller"}),
        ("muller", {"muller"}),
        ("empfang", {"sign"}),
        ("hot", set()),
        ("viennaempfang", set()),
    ],
)
def test_parts_of_recognised_words_are_found(
    index: LexicalIndex, text: str, expected: set[str]
) -> None:
    assert found(index, text) == expected


def test_a_phrase_is_found_where_spaces_were_dropped(index: LexicalIndex) -> None:
    assert found(index, "", "grand hotel") == {"sign", "spaced"}
    assert found(index, "", "hotel grand") == set()
    assert index.ids_containing("Grand Hotel Vienna") == {"sign"}


def test_what_holds_a_part_is_excluded_by_it(index: LexicalIndex) -> None:
    hits = index.search("hotel", limit=5, excluded=["vienna"])
    assert [hit.id for hit in hits] == ["spaced"]


def test_a_part_is_told_but_is_exact_only_where_it_is_a_whole_word(index: LexicalIndex) -> None:
    hits = {hit.id: hit for hit in index.search("hotel", limit=5)}

    assert hits["sign"].matched == {"recognised": ("hotel",)}
    assert not hits["sign"].is_exact
    assert hits["spaced"].matched == {"caption": ("hotel",), "recognised": ("hotel",)}
    assert hits["spaced"].is_exact
    assert index.search("empfang", limit=1)[0].is_exact


@pytest.mark.parametrize(
    ("field", "said", "how", "expected"),
    [
        ("title", "red", "words", {"beach", "slide"}),
        ("title", "beach red", "words", {"beach"}),
        ("title", "red beach", "phrase", set()),
        ("title", "Red beaches", "phrase", {"beach"}),
        ("title", "bea", "prefix", {"beach"}),
        ("title", "red sli", "prefix", {"slide"}),
        ("title", "", "any", {"beach", "slide"}),
        ("caption", "", "any", {"beach", "spaced"}),
        ("tag", "red slide", "words", {"slide"}),
        ("tag", "red", "words", set()),
        ("tag", "red s", "prefix", {"slide"}),
        ("tag", "c++", "prefix", {"beach"}),
        ("recognised", "", "any", {"sign", "spaced", "muller"}),
        ("recognised", "hotel", "words", {"sign", "spaced"}),
        ("recognised", "grand", "prefix", {"sign", "spaced"}),
        ("title", "!", "words", set()),
        ("title", "", "prefix", set()),
    ],
)
def test_one_field_can_be_asked(
    index: LexicalIndex, field: str, said: str, how: Said, expected: set[str]
) -> None:
    assert index.ids_with(field, said, how=how) == expected


def test_numbers_spare_reading_and_change_no_answer(index: LexicalIndex) -> None:
    some, none = Numbers(), Numbers()
    some.add(["slide", "elsewhere"])
    for over in (some, none, some):
        assert set(index.select_with("title", "", over, how="any").ids()) == {"beach", "slide"}
        assert set(index.select_containing("red", over).ids()) == {"beach", "slide"}
        assert index.ids_containing("red", over=over) == {"beach", "slide"}
        assert index.select_containing("!", over).count == 0


def test_an_unknown_field_cannot_be_asked(index: LexicalIndex) -> None:
    with pytest.raises(InvalidInput, match="title"):
        index.ids_with("unknown", "red")
