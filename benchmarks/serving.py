"""A site served by a process of its own, for benchmarks that ask over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MUSEION = Path(sys.executable).with_name("museion")
WORK = Path(__file__).parent.parent / ".build" / "bench"
GROWN_SITE = WORK / "grown"
"""The site of 10,000 assets that `benchmarks/ingest.py` leaves for others."""

_END_S = 30


@contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve a site and yield its address once it answers."""
    command: list[str | Path] = [MUSEION, "serve", "--site", site, "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())["url"]
        finally:
            server.terminate()
            server.wait(timeout=_END_S)
