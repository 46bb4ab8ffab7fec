"""The store that a how-to writes keeps the contract, as the page stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "write-an-event-store.md"
STORE, SUITE = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
USE = """
import asyncio
from pathlib import Path

from my_store import SqliteEventStore

from museion.log.event import NewEvent
from museion.log.event_log import EventLog


async def main() -> None:
    log = EventLog(SqliteEventStore(Path("log")))
    await log.append([NewEvent(type_name="noted", payload=b"1", emitter_id="me")])
    print([event.sequence_nr for event in await log.read()])
    await log.close()


asyncio.run(main())
"""


def test_the_store_of_the_page_passes_the_suite_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "my_store.py").write_text(STORE, "utf-8")
    (tmp_path / "test_my_store.py").write_text(SUITE, "utf-8")
    told = run(tmp_path, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider")
    assert re.search(r"^\d{2,} passed", told, re.MULTILINE), told


def test_a_log_runs_on_the_store_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "my_store.py").write_text(STORE, "utf-8")
    (tmp_path / "use.py").write_text(USE, "utf-8")
    told = [run(tmp_path, "-W", "error", "use.py").strip() for _ in range(2)]
    assert told == ["[1]", "[1, 2]"]


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
