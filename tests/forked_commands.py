"""Runs `museion` as a real process without the second that Python takes to import it.

A process that has imported every command's modules waits; for each command it makes a copy of
itself, which has arguments, environment, folder and output of its own and ends as any Python
program does. What a test proves of a command it proves here, too, except how a new interpreter
starts: `running_site.run_museion(..., anew=True)` is for that.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NoReturn

_START_LIMIT_S = 60.0
"""The first command waits until everything is imported, maybe on a busy machine."""
_END_LIMIT_S = 10.0
_DEEP = ("PYTHON", "LD_", "LC_", "OMP_", "OPENBLAS_")
"""What is read once, when an interpreter or a library starts."""


def run_forked(
    command: list[str], *, folder: Path | None, environment: dict[str, str], limit_s: float
) -> subprocess.CompletedProcess[str]:
    """Run a command of Museion to its end, as `subprocess.run` does.

    Commands of several threads run beside each other.

    Raises:
        subprocess.TimeoutExpired: it took too long, and was killed.
    """
    deep = {name: value for name, value in environment.items() if name.startswith(_DEEP)}
    door = _waiting(tuple(sorted(deep.items())))
    asked = {"command": command, "folder": str(folder or Path.cwd()), "environment": environment}
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as ask,
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        tempfile.TemporaryFile("w+", encoding="utf-8") as err,
    ):
        json.dump(asked, ask)
        ask.seek(0)
        status = _told(door, [ask.fileno(), out.fileno(), err.fileno()], command, limit_s)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, status, out.read(), err.read())


def _told(door: socket.socket, files: list[int], command: list[str], limit_s: float) -> int:
    """Send the files of a command; return its exit status, negative where a signal ended it."""
    here, there = socket.socketpair()
    with here, here.makefile("r") as answer:
        with there:
            socket.send_fds(door, [b"!"], [*files, there.fileno()])
        here.settimeout(_START_LIMIT_S)
        process = int(answer.readline())
        here.settimeout(limit_s)
        try:
            return int(answer.readline())
        except TimeoutError:
            os.kill(process, signal.SIGKILL)
            here.settimeout(_END_LIMIT_S)
            here.recv(16)
            raise subprocess.TimeoutExpired(command, limit_s) from None


@cache
def _waiting(deep: tuple[tuple[str, str], ...]) -> socket.socket:
    """Start the process that waits for commands; it ends when this one does."""
    here, there = socket.socketpair()
    with there:
        process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=there.fileno(),
            stdout=subprocess.DEVNULL,
            env={**os.environ, **dict(deep)},
        )

    def end() -> None:
        here.close()
        process.wait(_END_LIMIT_S)

    atexit.register(end)
    return here


def _wait_for_commands() -> None:
    """Copy this process for each command; return in the copy that is to run one."""
    from museion.cli.main import COMMANDS

    import_module("museion.node.site")
    for name in COMMANDS:
        import_module(f"museion.cli.{name}_command")
    door = socket.socket(fileno=os.dup(0))
    gc.freeze()  # copies need not look through what they all share
    while True:
        message, files, _, _ = socket.recv_fds(door, 1, 4)
        if not message:
            sys.exit()
        if os.fork() == 0:
            door.close()
            return _keep(*files)
        for file in files:
            os.close(file)
        _bury()


def _bury() -> None:
    """Take leave of the keepers that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass  # none is left


def _keep(ask: int, out: int, err: int, answer: int) -> None:
    """Tell what becomes of a command; return in the process that is to run it."""
    process = os.fork()
    if process == 0:
        os.close(answer)
        return _become(ask, out, err)
    os.write(answer, b"%d\n" % process)
    _, status = os.waitpid(process, 0)
    os.write(answer, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(ask: int, out: int, err: int) -> None:
    """Take over the arguments, the environment, the folder and the files of a command."""
    with open(ask, encoding="utf-8") as file:
        asked = json.load(file)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for standard, given in enumerate((nothing, out, err)):
        os.dup2(given, standard)
        os.close(given)
    sys.argv = asked["command"]


def _run() -> NoReturn:
    from museion.cli.main import main

    _wait_for_commands()
    main()
    raise AssertionError("the command line always exits")


if __name__ == "__main__":
    _run()
