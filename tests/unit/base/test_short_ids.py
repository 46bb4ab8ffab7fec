"""Identifiers are short, safe in names, and the same for the same content."""

from __future__ import annotations

import re

import pytest

from museion.base.errors import InvalidInput
from museion.base.ids import random_id, short_id


def test_random_ids_are_sixteen_safe_characters_and_differ() -> None:
    ids = {random_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch("[a-z2-7]{16}", each) for each in ids)


def test_a_short_id_is_the_beginning_of_its_digest() -> None:
    assert short_id("00" * 32) == "a" * 24
    assert short_id("ff" * 15 + "00" * 17) == "7" * 24
    assert short_id("0123456789abcdef" * 4) == "aerukz4jvpg66ajdivtytk6n"


def test_a_short_id_ignores_what_lies_behind_its_120_bits() -> None:
    assert short_id("ab" * 15 + "00") == short_id("ab" * 15 + "ff")


@pytest.mark.parametrize("text", ["", "ab" * 14, "no hexadecimal text, surely not", "abc"])
def test_a_text_that_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="hexadecimal"):
        short_id(text)
