"""The programs of the log's how-to pages run, and print what the pages say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

PAGES = Path(__file__).parent.parent.parent / "docs" / "how-to"
NAMES = ("evolve-an-event", "erase-a-person")


class Program(NamedTuple):
    """A program of a page, and what the page says that it prints."""

    page: str
    number: int
    text: str
    printed: str


def _programs(page: str) -> list[Program]:
    text = (PAGES / f"{page}.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```\n+(?:```text\n(.*?)```)?", text, re.DOTALL)
    return [Program(page, number, *block) for number, block in enumerate(blocks, start=1)]


PROGRAMS = [program for name in NAMES for program in _programs(name)]


def test_each_page_has_programs() -> None:
    assert {program.page for program in PROGRAMS} == set(NAMES)


@pytest.mark.parametrize(
    "program", PROGRAMS, ids=lambda program: f"{program.page}-{program.number}"
)
def test_a_program_of_a_page_prints_what_the_page_says(program: Program, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.text],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == program.printed
