"""A whole log to be damaged, and what came of damaging copies of it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from museion.log.event import NewEvent
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore

PROGRAM = Path(__file__).parent / "damage_program.py"
EVENTS = 300


class Came(NamedTuple):
    """What came of one damage, as `damage_program` says."""

    what: str
    came: str
    detail: str


def make_log(folder: Path) -> None:
    """Write a log with events of many sizes, an index, and progress."""

    async def write() -> None:
        log = EventLog(LmdbEventStore(folder))
        for first in range(0, EVENTS, 10):
            events = [sample(number) for number in range(first, first + 10)]
            await log.append(events, progress={f"reader-{first % 7}": first})
        await log.close()

    asyncio.run(write())


def sample(number: int) -> NewEvent:
    return NewEvent(
        type_name="test.happened",
        payload=b"%d " % number + bytes(number * 7 % 400),
        emitter_id="emitter",
        aggregate_id=f"a{number % 3}",
        destinations=("all",),
    )


def damage_copies(folder: Path, *, seed: int, flips: int, truncations: int) -> list[Came]:
    """Damage copies of a new log in a folder, and read each."""
    make_log(folder / "whole")
    numbers = [str(number) for number in (seed, flips, truncations)]
    command = [sys.executable, str(PROGRAM), str(folder / "whole"), str(folder / "scratch")]
    ended = subprocess.run([*command, *numbers], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return [Came(**json.loads(line)) for line in ended.stdout.splitlines()]


def counted(came: list[Came]) -> Counter[str]:
    """Count what came, what was named by the kind of the error."""
    return Counter(
        f"named {each.detail.split(':')[0]}" if each.came == "named" else each.came for each in came
    )
