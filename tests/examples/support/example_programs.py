"""Runs the examples as a user does: as programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[3] / "examples" / "log"


def run_example(
    name: str, *arguments: object, expected_code: int = 0, typed: str | None = None
) -> str:
    """Run an example to its end, every warning an error; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, *map(str, arguments)],
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr if expected_code == 0 else "") == (expected_code, "")
    return done.stdout


def start_program(path: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start a program that finds the examples' modules."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", path, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(EXAMPLES)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
