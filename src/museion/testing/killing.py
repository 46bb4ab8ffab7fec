"""Kills real processes at random moments, to see what is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

START_LIMIT_S = 60.0
"""A program that has not printed its first line after this will not."""


def kill_rounds(few: int) -> int:
    """Return how many kills a test does: `few`, or as MUSEION_KILL_ROUNDS says."""
    return int(os.environ.get("MUSEION_KILL_ROUNDS", few))


def run_until_killed(
    program: Path, arguments: Sequence[str], *, random: Random, longest_s: float
) -> list[str]:
    """Run a Python program, kill it with SIGKILL, and return the lines that it got out.

    The program prints one line when it begins with its work. The kill comes up to `longest_s`
    seconds after that; in one of eight runs it does not wait for the line. A program that ends by
    itself before is an error.
    """
    delay_s = random.uniform(0.0, longest_s)
    command = [sys.executable, str(program), *arguments]
    # Unbuffered, so that nothing is lost between reading a line and reading the rest.
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:  # noqa: S603
        assert process.stdout is not None
        first = b"" if random.random() < 1 / 8 else process.stdout.readline()
        try:
            process.communicate(timeout=delay_s)
        except subprocess.TimeoutExpired:
            process.kill()
        else:
            raise AssertionError(f"{program.name} ended by itself with {process.returncode}")
        rest, _ = process.communicate(timeout=START_LIMIT_S)
    return list(_whole_lines(first + rest))


def _whole_lines(printed: bytes) -> Iterator[str]:
    for line in printed.splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield line.decode().rstrip("\n")
