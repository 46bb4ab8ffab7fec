"""Lets the system calls of a process fail on command, below Python and whatever it links.

A test body that is decorated with `with_io_errors` runs in a process of its own, into which a small
library is loaded before the C library (`io_errors.c`, compiled by the test). Linux only.

Example:
    @with_io_errors
    def test_a_failed_flush_is_told(folder: Path, disk: IoErrors) -> None:
        disk.fail(Call.FLUSH, errno.EIO, times=1)
        ...
"""

from __future__ import annotations

import functools
import importlib.util
import mmap
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import TypeAlias

import pytest

FOREVER = 1 << 30
"""More often than any test calls."""

_RULES = 8
_RULE = struct.Struct("=6i2q")
_FOLDER_BYTES = 1024
_VARIABLE = "MUSEION_IO_ERRORS"
_PROGRAM = "from museion.testing.io_errors import run_body; run_body()"


class Call(IntEnum):
    """Kinds of system calls."""

    WRITE = 1
    FLUSH = 2
    RESIZE = 3


class IoErrors:
    """Commands which calls of this process fail, on files in one folder only.

    Args:
        file: holds the commands; the loaded library has it mapped.
        folder: whose files fail.
    """

    def __init__(self, file: Path, folder: Path) -> None:
        with file.open("r+b") as opened:
            self._mapped = mmap.mmap(opened.fileno(), _FOLDER_BYTES + _RULES * _RULE.size)
        self._mapped[:_FOLDER_BYTES] = os.fsencode(folder).ljust(_FOLDER_BYTES, b"\0")
        self._rules = 0

    def fail(
        self,
        call: Call,
        error: int,
        *,
        times: int = FOREVER,
        after: int = 0,
        done: bool = False,
        from_byte: int = 0,
        to_byte: int = 1 << 62,
    ) -> None:
        """Let calls fail from now on, beside those that were told before.

        Args:
            error: what they report, such as `errno.EIO`.
            times: how many fail.
            after: how many go well before.
            done: whether the call does its work all the same.
            from_byte, to_byte: only writes that begin in this part of a file.
        """
        assert self._rules < _RULES, "too many rules"
        at = _FOLDER_BYTES + self._rules * _RULE.size
        _RULE.pack_into(self._mapped, at, call, error, after, times, done, 0, from_byte, to_byte)
        self._rules += 1

    def heal(self) -> None:
        """Let all calls go well again, and forget what failed."""
        self._mapped[_FOLDER_BYTES:] = bytes(_RULES * _RULE.size)
        self._rules = 0

    @property
    def failed(self) -> int:
        """How many calls failed since the disk was healthy."""
        places = range(_FOLDER_BYTES, _FOLDER_BYTES + _RULES * _RULE.size, _RULE.size)
        return sum(int(_RULE.unpack_from(self._mapped, place)[5]) for place in places)


Body: TypeAlias = Callable[[Path, IoErrors], None]


def with_io_errors(body: Body) -> Callable[[Path], None]:
    """Make a test of a body that gets a new folder, and the say over the calls on it.

    It is skipped where no C compiler is. What the body raises fails the test, as does the end of
    its process by a signal or after two minutes.
    """

    def run(tmp_path: Path) -> None:
        run_with_io_errors(body, tmp_path)

    # Not `functools.wraps`: pytest would ask for the arguments of the body.
    functools.update_wrapper(run, body, assigned=("__module__", "__name__", "__doc__"), updated=())
    del run.__dict__["__wrapped__"]
    run.__dict__["body"] = body
    return run


def run_with_io_errors(body: Body, tmp_path: Path, *, limit_s: float = 120.0) -> str:
    """Run a function of a module in a process of its own, as `with_io_errors` does.

    Returns what it printed. Skips the test where no C compiler is; fails it when the function
    raises, or the process is ended by a signal or is not done within `limit_s`.
    """
    folder = tmp_path / "disk"
    folder.mkdir()
    commands = tmp_path / "commands"
    commands.write_bytes(bytes(_FOLDER_BYTES + _RULES * _RULE.size))
    environment = os.environ | {"LD_PRELOAD": str(_compiled(tmp_path)), _VARIABLE: str(commands)}
    # The modules that a test may import, its parent may import.
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    file = sys.modules[body.__module__].__file__
    command = [sys.executable, "-W", "error", "-c", _PROGRAM]
    ended = subprocess.run(  # noqa: S603 (a test's own code)
        [*command, str(file), body.__name__, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=limit_s,
    )
    assert ended.returncode == 0, f"ended with {ended.returncode}:\n{ended.stderr[-8_000:]}"
    return ended.stdout


def run_body() -> None:
    """Run a body in the process that was started for it."""
    file, name, folder = sys.argv[1:]
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found = getattr(module, name)
    body = getattr(found, "body", found)
    body(Path(folder), IoErrors(Path(os.environ[_VARIABLE]), Path(folder)))


def _compiled(folder: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler is on the PATH: errors of the system were NOT tried")
    library = folder / "io_errors.so"
    source = Path(__file__).with_suffix(".c")
    command: list[str | Path] = [
        compiler,
        "-shared",
        "-fPIC",
        "-O1",
        "-Wall",
        "-o",
        library,
        source,
        "-ldl",
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert made.returncode == 0, made.stderr
    return library
