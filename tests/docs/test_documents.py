"""Documents cannot rot: what they show is run, and what they list is held against the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from running_site import MUSEION, ServedSite, run_museion
from sample_library import LIBRARY

from museion.cli.log_command import TOOLS
from museion.cli.main import COMMANDS
from museion.log.exports.arrow_export import SCHEMA
from museion.log.proof.findings import AnyFinding
from museion.node.settings import settings_table
from museion.search.query import parse_query

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text("utf-8")
PHOTOS = ("P1050912.jpg", "IMG_3921.jpg", "churchill-030.jpg")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A working folder with a few photos, as a newcomer has one."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in PHOTOS:
        shutil.copy(LIBRARY / name, folder)
    return folder


def test_the_python_example_of_the_readme_runs(photos: Path) -> None:
    """As a file: workers would import it again if they were let."""
    (program, *_) = _blocks(README, "python")
    script = photos.parent / "example.py"
    script.write_text(program, "utf-8")

    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=photos.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for name in PHOTOS:
        assert f"ingested {name}" in done.stdout
    assert re.search(r"^\d\.\d+ ", done.stdout, re.MULTILINE), "a hit shows its score"


def test_the_shell_example_of_the_readme_runs(photos: Path) -> None:
    """All of the commands but the one that serves, from a home folder with pictures."""
    lines = [line for block in _blocks(README, "sh") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("museion ")]
    photos.rename(photos.parent / "Pictures")
    environment = {"HOME": str(photos.parent), "PATH": f"{MUSEION.parent}:{os.environ['PATH']}"}

    assert [command.split()[1] for command in commands] == ["init", "ingest", "search", "serve"]
    for command in commands[:-1]:
        done = subprocess.run(
            ["sh", "-ec", command],
            cwd=photos.parent,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), command
    assert "--site" in commands[-1]


def test_every_filter_of_the_readme_is_one() -> None:
    table = re.search(r"\| you type .*?\n\n", README, re.DOTALL)
    assert table is not None
    typed = [cell for row in table[0].splitlines()[2:] for cell in re.findall(r"`([^`]+)`", row)]
    filters = [text for text in typed if ":" in text]

    assert len(filters) > 5
    for text in filters:
        query = parse_query(text)
        assert query.filters or query.groups or query.likes or query.without, text


def test_every_setting_is_documented_with_its_default() -> None:
    rows = _table((ROOT / "docs/reference/settings.md").read_text("utf-8"))

    documented = {key: (default, effect) for key, default, effect in rows}

    assert documented == {
        key: ("–" if default is None else _written(default), description)
        for key, default, description in settings_table()
    }


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_every_command_is_named_in_the_documents() -> None:
    text = "\n".join(path.read_text("utf-8") for path in DOCUMENTS)

    for name in COMMANDS:
        assert f"museion {name}" in text, name


def test_every_tool_of_the_log_is_named_in_the_documents() -> None:
    text = "\n".join(path.read_text("utf-8") for path in DOCUMENTS)

    for name in TOOLS:
        assert f"museion log {name}" in text, name


def test_every_key_of_json_is_documented(library_site: Path, tmp_path: Path) -> None:
    sections = _sections((ROOT / "docs/reference/json.md").read_text("utf-8"))
    (tmp_path / "notes.jpg").write_text("These are holiday notes.")
    (tmp_path / "torn.jpg").write_bytes((LIBRARY / PHOTOS[0]).read_bytes()[:40_000])
    site = tmp_path / "site"
    run_museion("init", site)
    ingested = run_museion("ingest", "--site", site, "--json", tmp_path, status=1).rows
    (hit,) = run_museion("search", "--site", library_site, "--json", "--limit", 1, "dog").rows
    shown = {
        "search": [hit],
        "show": run_museion("show", "--site", library_site, "--json", hit["id"]).rows,
        "ingest": ingested,
        "quarantine": run_museion("quarantine", "--site", site, "--json").rows,
        "status": run_museion("status", "--site", site, "--json").rows,
        "log tail": run_museion("log", "tail", "--site", library_site, "--json").rows,
        "log show": run_museion("log", "show", "--site", library_site, "--json", "--why", 1).rows,
        "log stats": run_museion("log", "stats", "--site", library_site, "--json").rows,
        "log verify": [
            *run_museion("log", "verify", "--site", library_site, "--json").rows,
            *run_museion(
                *("log", "verify", "--site", library_site, "--json", "--expect-head", "0" * 64),
                status=1,
            ).rows,
        ],
    }

    for command, rows in shown.items():
        keys = {key for row in rows for key in row}
        documented = set(re.findall(r"`(\w+)`", sections[f"`museion {command}`"]))
        assert keys - documented == set(), command


def test_every_route_is_documented(library_server: ServedSite) -> None:
    named = _routes_named((ROOT / "docs/reference/http.md").read_text("utf-8"))
    paths = library_server.get("/schema/openapi.json")["paths"]

    assert len(paths) > 10
    for path in paths:
        shown = re.sub(r"\{\w+\}", "ID", path.replace("{digest}", "DIGEST"))
        assert shown in named, path


def test_the_path_of_a_photo_names_files_that_exist_in_ten_steps() -> None:
    place = ROOT / "docs/explanation/path-of-a-photo.md"
    rows = _table(place.read_text("utf-8"))
    tests = re.findall(
        r"^def test_(\d\d)_",
        (ROOT / "tests/system/test_path_of_a_photo.py").read_text(),
        re.MULTILINE,
    )

    assert [row[0] for row in rows] == [str(number) for number in range(1, 11)]
    assert tests == [f"{number:02}" for number in range(1, 11)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = document.read_text("utf-8")
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    pictures = re.findall(r'src="(?!https?:)([^"]+)"', text)

    for link in [*links, *pictures]:
        assert (document.parent / link).exists(), link


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def _sections(text: str) -> dict[str, str]:
    """Return the text below each heading of the second level."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _table(text: str) -> list[list[str]]:
    """Return the rows of the first table, cells without marks of code."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return [[cell.removeprefix("`").removesuffix("`") for cell in row] for row in rows]


def _routes_named(text: str) -> set[str]:
    """Return the paths that a text names; `…/x` goes on from the path before it."""
    named: set[str] = set()
    last = ""
    for code in re.findall(r"`([^`]+)`", text):
        path = code.rsplit(" ", 1)[-1].split("?")[0]
        if path.startswith("…"):
            path = last + path.removeprefix("…")
        elif path.startswith("/"):
            last = path
        named.add(path)
    return named


def test_the_log_alone_runs_twice(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "use-the-log-alone.md").read_text("utf-8")
    (program, *_) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)

    told = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for _ in range(2)
    ]

    assert [each.split()[0] for each in told] == ["1", "2"]


def test_the_commands_that_look_into_a_log_run_one_after_another(tmp_path: Path) -> None:
    """On the log that the page before it makes; the shell's lines first, then the program."""
    folder = ROOT / "docs" / "how-to"
    (making, *_) = _blocks((folder / "use-the-log-alone.md").read_text("utf-8"), "python")
    page = (folder / "look-into-a-log.md").read_text("utf-8")
    (reading,) = _blocks(page, "python")
    path = {"PATH": f"{MUSEION.parent}:{os.environ['PATH']}"}

    _run([sys.executable, "-c", making], tmp_path)
    told = [_run(["sh", "-ec", block], tmp_path, path) for block in _blocks(page, "sh")]
    read = _run([sys.executable, "-W", "error", "-c", reading], tmp_path)

    assert len(told) == 5
    assert "The log is whole: 1 events" in told[1]
    assert "The log is whole: 1 events" in told[3], "the noted head is found"
    assert read == "1 events of ['noted']\n"


def test_every_finding_and_every_column_of_an_export_is_documented() -> None:
    page = (ROOT / "docs" / "how-to" / "look-into-a-log.md").read_text("utf-8")
    named = set(re.findall(r"`([\w-]+)`", page))

    assert {kind.__struct_config__.tag for kind in get_args(AnyFinding)} - named == set()
    assert {*SCHEMA.names} - named == set()


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), command
    return done.stdout
