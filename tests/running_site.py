"""The command `museion` and a served site, as other programs meet them: real processes.

Every wait has a limit, and a process that misbehaves shows what it said.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from forked_commands import run_forked

MUSEION = Path(sysconfig.get_path("scripts"), "museion")
"""The command of the environment that runs the tests."""

START_LIMIT_S = 30.0
STOP_LIMIT_S = 15.0
COMMAND_LIMIT_S = 180.0
_LOOK_S = 0.05
_PACKAGES = os.environ.get("PYTHONPATH")


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended."""

    status: int
    out: str
    err: str
    seconds: float

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What `--json` printed: one object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def run_museion(
    *arguments: object,
    status: int | None = 0,
    folder: Path | None = None,
    limit_s: float = COMMAND_LIMIT_S,
    anew: bool = False,
) -> Finished:
    """Run `museion` in a folder to its end and check its exit status; None takes any.

    Every command has a process of its own. It is copied from one that has imported Museion, unless
    the test is about how the program starts `anew`, or has changed where Python finds packages.
    """
    command = [str(MUSEION), *map(str, arguments)]
    anew = anew or os.environ.get("PYTHONPATH") != _PACKAGES
    run = _run_anew if anew else run_forked
    started = time.monotonic()
    done = run(command, folder=folder, environment=_environment(), limit_s=limit_s)
    finished = Finished(done.returncode, done.stdout, done.stderr, time.monotonic() - started)
    assert status in {None, finished.status}, f"{command} ended with {finished}"
    return finished


def _run_anew(
    command: list[str], *, folder: Path | None, environment: dict[str, str], limit_s: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )


def start_museion(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start `museion` with pipes for its output; the caller ends it."""
    command = [str(MUSEION), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=_environment(), text=True, **(pipes | options))


def wait_until(condition: Callable[[], bool], what: str, *, limit_s: float = 30.0) -> None:
    """Wait until a condition holds; fail after a limit and say what was waited for."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {limit_s:g} s in vain until {what}"
        time.sleep(_LOOK_S)


class ServedSite:
    """A site that `museion serve` serves; `http` sends requests to it."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], url: str) -> None:
        self.folder = folder
        self.process = process
        self.url = url.rstrip("/")
        self.http = httpx.Client(base_url=url, timeout=60.0, trust_env=False)

    def status(self) -> dict[str, Any]:
        """Return what the site says of itself."""
        told: dict[str, Any] = self.get("/api/site")
        return told

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON at a path; anything but 200 fails."""
        answer = self.http.get(path, params=parameters or None)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def upload(self, content: bytes, filename: str) -> dict[str, Any]:
        """Upload a file and return what became of it; a refusal fails."""
        answer = self.http.post("/api/assets", params={"filename": filename}, content=content)
        assert answer.status_code in {200, 201}, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def settle(self, *, limit_s: float = 90.0) -> None:
        """Wait until everything that came in is enriched and can be found."""
        wait_until(lambda: bool(self.status()["settled"]), "the site has settled", limit_s=limit_s)


@contextmanager
def serving(folder: Path, *options: object) -> Iterator[ServedSite]:
    """Serve a site at a free port for a while; it must end by itself, and without a complaint."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        command = [str(MUSEION), "serve", "--port", "0", "--json", "--site", str(folder)]
        process = subprocess.Popen(
            [*command, *map(str, options)], stdout=out, stderr=err, env=_environment()
        )
        try:
            wait_until(
                lambda: process.poll() is not None or b"\n" in _said(out),
                "the server is ready",
                limit_s=START_LIMIT_S,
            )
            assert process.poll() is None, _said(err).decode()
            site = ServedSite(folder, process, json.loads(_said(out))["url"])
            with site.http:
                yield site
            process.send_signal(signal.SIGINT)
            assert process.wait(STOP_LIMIT_S) == 0, _said(err).decode()
            assert not _said(err), f"the server complained: {_said(err).decode()}"
        finally:
            process.kill()
            process.wait(STOP_LIMIT_S)


def _said(file: Any) -> bytes:
    """Return what a process has written to a file so far, without moving the file's place."""
    content: bytes = os.pread(file.fileno(), 1 << 20, 0)
    return content


def _environment() -> dict[str, str]:
    """Return an environment in which output does not depend on the terminal."""
    return os.environ | {"NO_COLOR": "1", "COLUMNS": "200", "LC_ALL": "C.UTF-8"}
