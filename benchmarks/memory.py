"""Peak memory of the processes below this one, as the kernel counts it."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

_LOOK_S = 0.25


class PeakOfWorkers:
    """Looks at all descendants several times a second; `mib` is the largest resident size seen.

    The kernel's own account of finished children does not reach workers that a fork server starts.
    """

    def __init__(self) -> None:
        self.mib = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakOfWorkers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(_LOOK_S):
            self.mib = max([self.mib, *(_peak_mib(process) for process in _descendants())])


def _descendants() -> list[int]:
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it has ended meanwhile
                children[_parent(entry)].append(int(entry.name))
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        below = children[waiting.pop()]
        found += below
        waiting += below
    return found


def _parent(entry: Path) -> int:
    # The second field is the name in parentheses and may hold spaces.
    return int((entry / "stat").read_text().rpartition(")")[2].split()[1])


def _peak_mib(process: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
