"""Values come back from their msgpack form, and nothing else does."""

from __future__ import annotations

import msgspec
import pytest

from museion.base.codec import Undecodable, Unencodable, decode, encode


class Place(msgspec.Struct):
    name: str
    height_m: int = 0


def test_a_value_comes_back() -> None:
    assert decode(encode(Place("Zürich", 408)), Place) == Place("Zürich", 408)


def test_fields_of_a_later_form_are_passed_over() -> None:
    assert decode(encode({"name": "Rome", "country": "IT"}), Place) == Place("Rome")


@pytest.mark.parametrize("content", [b"", b"\xc1", encode({"name": 3}), encode([1])])
def test_bytes_of_another_form_are_refused_by_name(content: bytes) -> None:
    with pytest.raises(Undecodable, match="Place"):
        decode(content, Place)


def test_a_text_that_utf8_cannot_hold_is_refused() -> None:
    with pytest.raises(Unencodable, match=r"broken-\\udcff"):
        encode(Place("broken-\udcff"))
