"""Flipped bits and cut files: whatever a log replays is what was written to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from damaged_copies import counted, damage_copies
from damaged_rows import damage_rows

from museion.testing.postgres import running_postgres

pytestmark = pytest.mark.chaos

UNNOTICED_SHARE = 0.005
"""A root that leads to an older state of the log: that state is whole, so only a head that was
noted elsewhere tells (`museion log verify`)."""


def test_no_damage_to_a_file_of_lmdb_is_replayed(
    rounds: int, seed: int, tell: Callable[[str], None], tmp_path: Path
) -> None:
    cuts = max(1, rounds // 20)
    came = damage_copies(tmp_path, seed=seed, flips=rounds, truncations=cuts)
    counts = counted(came)
    tell(f"{rounds} flipped bits and {cuts} cuts: {dict(sorted(counts.items()))}")
    for each in came:
        if each.came in ("WRONG", "unnoticed", "short", "held up"):
            tell(f"{each.what}: {each.came}, {each.detail}")
    assert counts["WRONG"] == 0
    assert counts["unnoticed"] <= 1 + rounds * UNNOTICED_SHARE


def test_no_damage_to_a_row_of_postgresql_is_replayed(
    rounds: int, seed: int, tell: Callable[[str], None]
) -> None:
    with running_postgres() as server:
        named = damage_rows(server.conninfo, schema="damaged", seed=seed, times=rounds)
    tell(f"{named} of {rounds} damaged frames were named")
    assert named == rounds
