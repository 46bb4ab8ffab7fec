"""Words are found in their inflections, in English and German, without false equalities."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from museion.base.errors import Damaged, InvalidInput
from museion.search.languages import DEFAULT_LANGUAGES, languages_of
from museion.search.lexical import Field, LexicalIndex
from museion.search.words import split_words, stem

FIELDS = [
    Field("caption"),
    Field("keyword"),
    Field("label", is_certain=False, languages=("english",)),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A man at the corner", ("english",)),
        ("Zwei Kinder auf der Rutsche", ("german",)),
        ("Blick über die Dächer von Graz", ("german",)),
        ("corner", ("english", "german")),
        ("Josef Müller", ("english", "german")),
        ("The editors of Der Spiegel at work in the hall of the house", ("english",)),
        ("the und", ("english", "german")),
        ("", ("english", "german")),
    ],
)
def test_function_words_tell_the_language(text: str, expected: tuple[str, ...]) -> None:
    assert languages_of(split_words(text), DEFAULT_LANGUAGES) == expected


def test_a_language_without_telling_words_is_never_ruled_out() -> None:
    among = ("english", "french")
    assert languages_of(split_words("the end of the road"), among) == among
    assert languages_of(split_words("the end"), ("french",)) == ("french",)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rutsche", "rutschen"),
        ("hauser", "haus"),
        ("haeuser", "haus"),
        ("kinder", "kind"),
        ("baume", "baum"),
        ("blumen", "blume"),
        ("fahrrader", "fahrrad"),
    ],
)
def test_german_inflections_have_one_stem(one: str, other: str) -> None:
    assert stem(one, "german") == stem(other, "german")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LexicalIndex]:
    index = LexicalIndex.open(tmp_path_factory.mktemp("languages"), FIELDS)
    index.add(
        [
            ("slide", {"caption": "Zwei Kinder auf der roten Rutsche"}),
            ("houses", {"keyword": ["Häuser", "Dachziegel"]}),
            ("dogs", {"caption": "Three dogs are running in a park", "keyword": ["dog"]}),
            ("corner", {"caption": "A man at the corner", "label": ["corner", "butter"]}),
            ("tower", {"keyword": ["tower"]}),
        ]
    )
    index.commit(1)
    yield index
    index.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rutschen", {"slide"}),
        ("ein Kind", {"slide"}),
        ("rote Rutschen", {"slide"}),
        ("Haus", {"houses"}),
        ("HAEUSER", {"houses"}),
        ("runs", {"dogs"}),
        ("a running dog", {"dogs"}),
        ("corn", set()),
        ("a corn field", set()),
        ("butt", set()),
        ("parks", {"dogs"}),
    ],
)
def test_inflections_are_found_in_the_language_of_the_text(
    index: LexicalIndex, text: str, expected: set[str]
) -> None:
    assert {hit.id for hit in index.search(text, limit=10, corrects=False)} == expected


@pytest.mark.parametrize(
    ("text", "is_exact"),
    [
        ("dogs", True),
        ("a dog runs", True),
        ("zwei Kinder auf der Rutsche", True),
        ("ein Kind auf den Rutschen", True),
        ("ein Kind auf den Rutschen im Park", False),
        ("Häuser", True),
    ],
)
def test_an_inflection_is_exact_in_every_language_the_text_may_be_in(
    index: LexicalIndex, text: str, is_exact: bool
) -> None:
    assert index.search(text, limit=1)[0].is_exact is is_exact


def test_an_inflection_in_one_of_two_possible_languages_is_not_exact(index: LexicalIndex) -> None:
    (hit,) = index.search("tow", limit=10, corrects=False)
    assert (hit.id, hit.matched, hit.is_exact) == ("tower", {"keyword": ("tow",)}, False)


def test_a_false_friend_of_a_model_s_label_is_not_found(index: LexicalIndex) -> None:
    assert index.search("Butte", limit=10, corrects=False) == []


def test_other_languages_can_be_declared(tmp_path: Path) -> None:
    fields = [Field("caption", languages=("english", "german", "spanish"))]
    index = LexicalIndex.open(tmp_path, fields)
    index.add([("a", {"caption": "gatos"})])
    index.commit(1)
    assert [hit.id for hit in index.search("gato", limit=1, corrects=False)] == ["a"]
    index.close()

    with pytest.raises(Damaged):
        LexicalIndex.open(tmp_path, [Field("caption", languages=("english",))])


@pytest.mark.parametrize("languages", [(), ("klingon",), ("English",)])
def test_unknown_languages_are_refused(tmp_path: Path, languages: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match="english"):
        LexicalIndex.open(tmp_path, [Field("a", languages=languages)])
