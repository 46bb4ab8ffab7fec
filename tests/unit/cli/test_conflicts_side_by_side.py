"""Versions of a field stand next to each other, as many as the terminal has room for."""

from __future__ import annotations

import pytest

from museion.cli.conflicts_command import side_by_side

BLOCKS = [
    ["[1]", "Dawn over the harbour of Genoa, seen from the lighthouse", "Ann, at North"],
    ["[2]", "Dusk", "Bob, at South"],
    ["[3]", "", "Cem, at East"],
]


def test_a_wide_terminal_shows_all_in_one_row() -> None:
    lines = side_by_side(BLOCKS, width=120)

    assert lines[0].split() == ["[1]", "[2]", "[3]"]
    assert "Ann, at North" in lines[-1]
    assert "Cem, at East" in lines[-1]


def test_a_narrow_terminal_shows_one_below_the_other() -> None:
    lines = side_by_side(BLOCKS, width=30)

    assert [line for line in lines if line.startswith("[")] == ["[1]", "[2]", "[3]"]


@pytest.mark.parametrize("width", [1, 24, 40, 60, 80, 200])
def test_no_word_is_lost_and_no_line_is_wider_than_it_may_be(width: int) -> None:
    lines = side_by_side(BLOCKS, width=width)

    words = sorted(" ".join(lines).split())
    assert words == sorted(" ".join(part for block in BLOCKS for part in block).split())
    assert max(map(len, lines)) <= max(width, 24)
