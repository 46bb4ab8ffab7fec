"""Kills real processes at random moments, to see what is left behind."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

START_LIMIT_S = 60.0
"""A program that has not ended this long after its kill will not."""

_PIPE_BYTES = 1 << 20
_STARTING_S = 0.5
"""About how long a program takes to begin with its work."""


def kill_rounds(few: int) -> int:
    """Return how many kills a test does: `few`, or as MUSEION_KILL_ROUNDS says."""
    return int(os.environ.get("MUSEION_KILL_ROUNDS", few))


def chaos_rounds(default: int = 1_000) -> int:
    """Return how many rounds a test of `make chaos` does: as CHAOS_ROUNDS says."""
    return int(os.environ.get("CHAOS_ROUNDS") or default)


def chaos_seed(default: int = 1) -> int:
    """Return what the randomness of `make chaos` begins with: as CHAOS_SEED says."""
    return int(os.environ.get("CHAOS_SEED") or default)


def run_until_killed(
    program: Path, arguments: Sequence[str], *, random: Random, longest_s: float
) -> list[str]:
    """Run a Python program, kill it with SIGKILL, and return the lines that it got out.

    The program prints one line when it begins with its work. The kill comes up to `longest_s`
    seconds after that; in one of eight runs it does not wait for the line, and comes while the
    program starts or soon after. A program that ends by itself before is an error.
    """
    waits = random.random() >= 1 / 8
    delay_s = random.uniform(0.0, longest_s if waits else longest_s + _STARTING_S)
    command = [sys.executable, str(program), *arguments]
    # Unbuffered, so that nothing is lost between reading a line and reading the rest.
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:  # noqa: S603
        assert process.stdout is not None
        first = process.stdout.readline() if waits else b""
        try:
            process.communicate(timeout=delay_s)
        except subprocess.TimeoutExpired:
            process.kill()
        else:
            raise AssertionError(f"{program.name} ended by itself with {process.returncode}")
        rest, _ = process.communicate(timeout=START_LIMIT_S)
    return list(_whole_lines(first + rest))


def run_disturbed(
    program: Path,
    arguments: Sequence[str],
    disturb: Callable[[], object],
    *,
    random: Random,
    longest_s: float,
    lines_after: int = 5,
) -> list[str]:
    """Run a Python program, disturb it, see that it goes on, kill it; return the lines it got out.

    The disturbance comes up to `longest_s` seconds after the first line. The kill comes when
    `lines_after` more lines were printed; a program that prints none for `START_LIMIT_S` fails the
    test.
    """
    command = [sys.executable, str(program), *arguments]
    printed = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            printed += _more(process)
            time.sleep(random.uniform(0.0, longest_s))
            disturb()
            # What was printed before the disturbance waits in the pipe.
            printed += os.read(process.stdout.fileno(), _PIPE_BYTES)
            enough = printed.count(b"\n") + lines_after
            while printed.count(b"\n") < enough:
                printed += _more(process)
        finally:
            process.kill()
        rest, _ = process.communicate(timeout=START_LIMIT_S)
    return list(_whole_lines(printed + rest))


def _more(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_LIMIT_S)
    more = os.read(process.stdout.fileno(), _PIPE_BYTES) if ready else b""
    assert more, "the program has ended, or hangs"
    return more


def _whole_lines(printed: bytes) -> Iterator[str]:
    for line in printed.splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield line.decode().rstrip("\n")
