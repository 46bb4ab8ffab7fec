"""A text from anywhere is one line on a terminal, and never a command to it."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museion.cli.terminal_text import decodable, one_line

_ANY = st.text(st.characters(), max_size=200)  # lone surrogates, too


@given(_ANY)
def test_nothing_but_visible_characters_and_spaces_is_left(text: str) -> None:
    line = one_line(text)

    line.encode("utf-8")
    assert len(line.splitlines()) <= 1
    assert not any(unicodedata.category(each) in {"Cc", "Cs"} for each in line)
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(line)


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=200))
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    assert one_line(text) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("gnp\u202egpj", "gnp\\u202egpj"),
        ("עברית mixed with English", "עברית mixed with English"),
        (os.fsdecode(b"caf\xe9"), "caf\ufffd"),
        ("👨‍👩‍👧 family", "👨‍👩‍👧 family"),
    ],
)
def test_what_could_do_harm_is_made_visible(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize("longest", [10, 100])
def test_a_long_text_is_cut(longest: int) -> None:
    assert one_line("x" * 10**6, longest=longest) == "x" * (longest - 1) + "…"
    assert one_line("x" * longest, longest=longest) == "x" * longest


@given(_ANY)
def test_what_utf8_cannot_hold_becomes_marks(text: str) -> None:
    decodable(text).encode("utf-8")
