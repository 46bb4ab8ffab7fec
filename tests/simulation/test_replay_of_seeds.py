"""A seed is all that a run depends on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from museion.testing.simulation.drawn import drawn
from museion.testing.simulation.ledger import Ledger
from museion.testing.simulation.log_ledger import Violated
from museion.testing.simulation.playing import explain, main, play_seed
from museion.testing.simulation.running import simulate

BUSY_SEED = 19  # crashes, a loss, partitions and a leaf


def in_another_process(seed: int, *, hash_seed: str) -> str:
    program = (
        f"from museion.testing.simulation.playing import play_seed;print(play_seed({seed}).digest)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout.strip()


def test_the_same_seed_gives_the_same_trace_whatever_ran_before() -> None:
    first = play_seed(BUSY_SEED)
    play_seed(BUSY_SEED + 1)
    assert play_seed(BUSY_SEED) == first
    assert play_seed(BUSY_SEED + 1).digest != first.digest


def test_the_same_seed_gives_the_same_trace_in_other_processes() -> None:
    # Another hash seed puts sets in another order, another process gives objects other addresses.
    digests = {in_another_process(BUSY_SEED, hash_seed=each) for each in ("1", "2")}
    assert digests == {play_seed(BUSY_SEED).digest}


def test_a_failure_replays_exactly_and_says_how_to_play_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(self: Ledger) -> None:
        raise Violated("this is only a test")

    monkeypatch.setattr(Ledger, "check_complete", fail)
    first, second = simulate(drawn, 7), simulate(drawn, 7)
    assert first.failure is not None
    assert (first.digest, first.tail) == (second.digest, second.tail)
    report = explain(first)
    assert "this is only a test" in report
    assert "make simulate SEED=7" in report
    assert first.tail in report
    assert main(["--seed", "7"]) == 1
    assert "make simulate SEED=7" in capsys.readouterr().err


def test_a_seed_that_holds_shows_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "0"]) == 0
    assert "Seed 0 holds" in capsys.readouterr().err


def test_many_seeds_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "2", "--processes", "1"]) == 0
    assert "2 of 2 seeds" in capsys.readouterr().err
