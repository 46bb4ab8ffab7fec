"""The counter, as a program."""

from __future__ import annotations

from pathlib import Path

from example_programs import run_example


def test_the_counter_keeps_its_value_from_run_to_run(tmp_path: Path) -> None:
    log = tmp_path / "log"

    answers = [
        run_example("counter.py", "--log", log, *words)
        for words in (["add", 3], ["add", 4], ["--name", "other", "add", 1], ["show"])
    ]

    assert answers == ["3\n", "7\n", "1\n", "7\n"]
