"""What workers are asked to do in tests: to behave well, and every way in which they cannot."""

from __future__ import annotations

import os
import signal
import sys
import time

from museion.base.errors import MuseionError
from museion.media.errors import TruncatedMedia


def add(first: int, second: int = 0) -> int:
    """Return a sum."""
    return first + second


def process_number() -> int:
    """Return who works."""
    return os.getpid()


def sleep(seconds: float) -> None:
    """Take time, as a decoder that hangs."""
    time.sleep(seconds)


def hang_deaf() -> None:
    """Hang in a way that hears no polite signal."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)


def take_memory(size_bytes: int) -> int:
    """Take more memory than one should."""
    return len(bytearray(size_bytes))


def kill_oneself() -> None:
    """End as a worker does that the system kills for its memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    """End the process in the middle of a task."""
    os._exit(1)


def exit_loudly() -> None:
    """Raise what would end a program."""
    sys.exit(3)


def fail_as_media_do() -> None:
    """Raise an error of ours, built from other arguments than its message."""
    raise TruncatedMedia("JPEG", "the end is missing")


def fail_as_libraries_do() -> None:
    """Raise an error of somebody else, in several lines."""
    raise ValueError("first line\n second line")


def return_bytes(size_bytes: int) -> bytes:
    """Return more than a pipe holds at once."""
    return bytes(size_bytes)


def raise_bare() -> None:
    """Raise the base of all our errors."""
    raise MuseionError("as it is", remedy="do so")
