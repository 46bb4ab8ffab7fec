"""All checks hold in every course that is drawn; `make simulate SEEDS=10000` plays more of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from museion.testing.simulation.drawn import drawn
from museion.testing.simulation.playing import explain, play_seeds
from museion.testing.simulation.running import simulate

SEEDS = 300
KEPT = Path(__file__).parent / "kept_seeds.txt"


def kept_seeds() -> list[int]:
    lines = KEPT.read_text().splitlines()
    return [int(line.split()[0]) for line in lines if line and not line.startswith("#")]


@pytest.mark.slow
def test_three_hundred_courses_end_with_equal_replicas_and_nothing_lost() -> None:
    processes = min(2, os.cpu_count() or 1)
    failed = [
        each.failure for each in play_seeds(range(SEEDS), processes=processes) if each.failure
    ]
    assert not failed, failed[0]


@pytest.mark.parametrize("seed", kept_seeds())
def test_a_seed_that_failed_once_holds(seed: int) -> None:
    assert explain(simulate(drawn, seed)) == ""
