"""The tutorial, done as its reader does it: each part saved to the file it names, then run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from running_site import MUSEION

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "tutorials" / "first-event-sourced-service.md"


def test_the_tutorial_runs_as_it_stands(tmp_path: Path) -> None:
    for name, text in _files().items():
        (tmp_path / name).write_text(text, "utf-8")

    assert _run(tmp_path, "lend.py") == "Z8-1 is with Ada\nscratches: 2\n"
    assert _run(tmp_path, "lend.py") == "Z8-1 is with Ada\nscratches: 4\n"
    assert _run(tmp_path, "who_has_what.py") == "Ada has ['R5-3']\n"
    assert _run(tmp_path, "who_has_what.py") == "Ada has ['R5-3']\n"
    assert _run(tmp_path, "report.py") == "{'Ada': 4}\n"
    assert _run(tmp_path, "report.py") == "{'Ada': 4}\n"
    (tmp_path / "report.sqlite").unlink()
    assert _run(tmp_path, "report.py") == "{'Ada': 4}\n"


def test_the_command_of_the_tutorial_runs(tmp_path: Path) -> None:
    for name, text in _files().items():
        (tmp_path / name).write_text(text, "utf-8")
    _run(tmp_path, "lend.py")
    (command,) = re.findall(r"```sh\n(.*?)\n```", PAGE.read_text("utf-8"), re.DOTALL)

    done = subprocess.run(
        ["sh", "-ec", command],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{MUSEION.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert "lending.camera-returned" in done.stdout


def test_the_counter_of_the_readme_runs_twice(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    (program,) = [block for block in blocks if "class Counter" in block]
    (tmp_path / "counter.py").write_text(program, "utf-8")

    assert _run(tmp_path, "counter.py") == "3\n"
    assert _run(tmp_path, "counter.py") == "6\n"


def _files() -> dict[str, str]:
    files: dict[str, str] = defaultdict(str)
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        name = re.match(r"# (\w+\.py)", block)
        assert name is not None, "each part names its file"
        files[name[1]] += block + "\n\n"
    return files


def _run(folder: Path, name: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "error", name],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
