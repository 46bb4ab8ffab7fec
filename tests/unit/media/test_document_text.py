"""The text of a PDF by pages, in passages that end where people would end them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.media.document_text import (
    PASSAGE_CHARACTERS,
    PageText,
    TextLimits,
    passages_of,
    read_document_text,
)
from museion.media.errors import CorruptMedia, LockedDocument
from museion.testing.media import make_sample

SENTENCE = "The harbour of Hamburg lies on the Elbe, a hundred kilometres from the sea. "


def _document(folder: Path, *texts: str) -> Path:
    return make_sample("pdf", folder / "a.pdf", width=612, height=792, texts=texts)


def test_each_passage_names_the_page_on_which_it_stands(tmp_path: Path) -> None:
    found = read_document_text(_document(tmp_path, "First page.", "", "Third – “page”."))

    assert found.pages == 3
    assert found.passages == (PageText(1, "First page."), PageText(3, "Third – “page”."))
    assert found.left_out == ""


def test_a_word_that_is_divided_at_the_end_of_a_line_is_whole(tmp_path: Path) -> None:
    found = read_document_text(_document(tmp_path, "Die Foto-\ngrafie, the Anglo-\nSaxons"))

    assert found.passages[0].text == "Die Fotografie, the Anglo-Saxons"


def test_a_scan_without_a_text_layer_has_no_passages(tmp_path: Path) -> None:
    found = read_document_text(make_sample("pdf", tmp_path / "a.pdf", pages=2))

    assert (found.pages, found.passages, found.left_out) == (2, (), "")


@pytest.mark.parametrize(
    ("limits", "why", "kept"),
    [
        (TextLimits(max_pages=2), "from page 3 on was left out: at most 2 pages", {1, 2}),
        (TextLimits(max_characters=5), "from page 2 on was left out: at most 5 char", {1}),
        (TextLimits(max_s=-1), "from page 1 on was left out: reading took longer", set()),
    ],
)
def test_what_is_left_out_is_said(
    tmp_path: Path, limits: TextLimits, why: str, kept: set[int]
) -> None:
    found = read_document_text(_document(tmp_path, "one page", "two pages", "three pages"), limits)

    assert why in found.left_out
    assert found.pages == 3
    assert {each.page for each in found.passages} == kept


def test_a_locked_document_says_that_it_needs_a_password(tmp_path: Path) -> None:
    with pytest.raises(LockedDocument):
        read_document_text(make_sample("pdf", tmp_path / "a.pdf", locked=True))


def test_a_file_that_is_no_document_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.4\nnothing")

    with pytest.raises(CorruptMedia):
        read_document_text(path)


def test_passages_end_with_sentences() -> None:
    passages = list(passages_of(SENTENCE * 20))

    assert len(passages) > 2
    assert all(each.endswith("sea.") for each in passages)
    assert all(len(each) > PASSAGE_CHARACTERS / 2 for each in passages[:-1])


def test_passages_end_with_paragraphs_where_these_are_long_enough() -> None:
    paragraph = (SENTENCE * 4).strip()

    assert list(passages_of(f"Heading\n\n{paragraph}\n\n{paragraph}")) == [
        f"Heading {paragraph}",
        paragraph,
    ]


@given(st.text(st.sampled_from("ab .!?\n\t"), max_size=3000) | st.text(max_size=2000))
@settings(max_examples=100, deadline=None)
def test_no_word_is_lost_and_no_passage_is_too_long(text: str) -> None:
    passages = list(passages_of(text))

    assert "".join("".join(passages).split()) == "".join(text.split())
    assert all(0 < len(each) <= PASSAGE_CHARACTERS for each in passages)
