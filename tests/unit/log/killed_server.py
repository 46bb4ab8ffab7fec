"""A PostgreSQL server that is killed and started again on the same data."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time

import psycopg

from museion.testing.postgres import START_LIMIT_S, RunningPostgres, embedded_programs


class ServerToKill:
    """Takes over a server that runs; `end` stops the last one that was started here."""

    def __init__(self, running: RunningPostgres) -> None:
        self._running = running
        self._pid_file = running.folder / "postmaster.pid"
        self.conninfo = running.conninfo
        # A killed process can be followed only once its parent has noticed, so be the parent.
        os.kill(int(self._pid_file.read_text().split()[0]), signal.SIGINT)
        limit = time.monotonic() + START_LIMIT_S
        while self._pid_file.exists():
            assert time.monotonic() < limit, "the server does not stop"
            time.sleep(0.02)
        self._process = self._started()

    def kill_and_start(self) -> None:
        """Kill the postmaster with SIGKILL, start another, and wait until it answers."""
        self._process.kill()
        self._process.wait()
        self._process = self._started()

    def end(self) -> None:
        """Stop the server."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(START_LIMIT_S)

    def _started(self) -> subprocess.Popen[bytes]:
        limit = time.monotonic() + START_LIMIT_S
        process = self._begun()
        while not self._answers():
            assert time.monotonic() < limit, "the server does not come back"
            if process.poll() is not None:  # processes of the killed one still live
                process = self._begun()
            time.sleep(0.02)
        return process

    def _begun(self) -> subprocess.Popen[bytes]:
        folder = self._running.folder
        given = ("listen_addresses=127.0.0.1", f"port={self._running.port}", "fsync=off")
        options = [f"--{each}" for each in (*given, f"unix_socket_directories={folder.parent}")]
        user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
        return subprocess.Popen(
            [embedded_programs() / "postgres", "-D", folder, *options],
            cwd=folder.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            start_new_session=True,
        )

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.conninfo, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True
