"""The programs of the pages about delivery and projection run, and print what the pages say."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from museion.testing.postgres import RunningPostgres, running_postgres

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = (DOCS / "how-to" / "project-into-a-database.md", DOCS / "explanation" / "delivery.md")


class Program(NamedTuple):
    """A program of a page, and what the page says that it prints."""

    name: str
    text: str
    printed: str

    @property
    def needs_server(self) -> bool:
        return "psycopg" in self.text


def _programs(page: Path) -> list[Program]:
    text = page.read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```\n+(?:```text\n(.*?)```)?", text, re.DOTALL)
    return [Program(f"{page.stem}-{nr}", *block) for nr, block in enumerate(blocks, start=1)]


PROGRAMS = [program for page in PAGES for program in _programs(page)]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningPostgres]:
    with running_postgres() as running:
        yield running


def test_there_is_a_program_for_sqlite_one_for_postgresql_and_two_that_deliver() -> None:
    assert [program.name for program in PROGRAMS if program.printed] == [
        "project-into-a-database-1",
        "project-into-a-database-2",
        "delivery-1",
        "delivery-2",
    ]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_a_program_prints_what_its_page_says(
    program: Program, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    arguments = []
    if program.needs_server:
        arguments = [request.getfixturevalue("server").conninfo]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.text, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    # psycopg tells which of its pipelines a lost connection ended.
    complaints = re.sub(r"error ignored terminating <psycopg\.\S+ .*\n", "", done.stderr)
    assert (done.returncode, complaints) == (0, "")
    assert done.stdout == program.printed
