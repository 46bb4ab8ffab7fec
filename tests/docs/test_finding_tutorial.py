"""The tutorial about finding, done as its reader does it: in one shell, from top to bottom."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from running_site import MUSEION

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "tutorials" / "finding.md").read_text("utf-8")
_END = "-- end of block --"


@pytest.fixture
def demo_site(library: Path, library_site: Path, tmp_path: Path) -> Path:
    """What `make demo` leaves behind: the site, and the photos beside it."""
    (tmp_path / ".build").mkdir()
    (tmp_path / ".build" / "demo-photos").symlink_to(library)
    return Path(shutil.copytree(library_site, tmp_path / "demo-site"))


def test_the_tutorial_about_finding_answers_what_it_shows(demo_site: Path) -> None:
    blocks = re.findall(r"```(sh|text)\n(.*?)```", PAGE, re.DOTALL)
    told = _run([text for language, text in blocks if language == "sh"], demo_site)

    assert len(told) > 6
    number = -1
    for language, text in blocks:
        number += language == "sh"
        if language == "text":
            assert _telling(text) != []
            assert _telling(told[number])[: len(_telling(text))] == _telling(text)


def _run(blocks: list[str], folder: Path) -> list[str]:
    """Return what each block printed."""
    done = subprocess.run(
        ["sh", "-ec", "".join(f"{block}echo '{_END}'\n" for block in blocks)],
        cwd=folder,
        env=os.environ
        | {
            "PATH": f"{MUSEION.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "NO_COLOR": "1",
            "COLUMNS": "200",
            "LC_ALL": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split(_END)[:-1]


def _telling(output: str) -> list[str]:
    """Return what must be as it is shown: file names, chips and plain sentences, in order."""
    return re.findall(
        r"[\w-]+\.jpg|^Understood: .*|^ +These may fit:|^Nothing fits.*|^[┌└]─+[┐┘]|in the trash"
        r"|^[AB]: .*",
        output,
        re.MULTILINE,
    )
