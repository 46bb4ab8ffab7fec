"""One process at a time writes to a site; the others can see which."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from museion.node.site_lock import Holder, SiteInUse, SiteLock, read_holder

_HOLD = (
    "import sys; from pathlib import Path; from museion.node.site_lock import SiteLock;"
    "SiteLock(Path(sys.argv[1])).acquire().announce('http://here/');"
    "print('held', flush=True); sys.stdin.read()"
)


def test_nobody_holds_a_site_at_first(tmp_path: Path) -> None:
    assert read_holder(tmp_path) is None


def test_the_holder_says_who_it_is_and_where_it_serves(tmp_path: Path) -> None:
    lock = SiteLock(tmp_path).acquire()
    first = read_holder(tmp_path)
    lock.announce("http://127.0.0.1:8420/")
    second = read_holder(tmp_path)
    lock.release()

    assert first == Holder(os.getpid())
    assert second == Holder(os.getpid(), "http://127.0.0.1:8420/")
    assert read_holder(tmp_path) is None


def test_a_site_that_is_held_is_refused_with_the_holder(tmp_path: Path) -> None:
    lock = SiteLock(tmp_path).acquire()
    lock.announce("http://127.0.0.1:8420/")

    with pytest.raises(SiteInUse, match=f"process {os.getpid()} .* at http://127.0.0.1:8420/"):
        SiteLock(tmp_path).acquire()
    lock.release()


def test_a_site_that_was_given_back_can_be_taken_again(tmp_path: Path) -> None:
    lock = SiteLock(tmp_path)
    for _ in range(3):
        lock.acquire()
        lock.release()
        lock.release()


def test_a_holder_that_is_killed_leaves_no_lock(tmp_path: Path) -> None:
    """What it wrote stays in the file, and nobody believes it."""
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert read_holder(tmp_path) == Holder(holder.pid, "http://here/")
        holder.kill()

    assert (tmp_path / "lock").read_bytes()
    assert read_holder(tmp_path) is None
    SiteLock(tmp_path).acquire().release()


def test_readers_do_not_hinder_whoever_wants_to_write(tmp_path: Path) -> None:
    import threading

    SiteLock(tmp_path).acquire().release()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            read_holder(tmp_path)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(50):
            SiteLock(tmp_path).acquire().release()
    finally:
        stop.set()
        for reader in readers:
            reader.join()
