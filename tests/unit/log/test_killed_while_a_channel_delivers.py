"""A process with a reliable channel is killed again and again: all arrives, in order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from channel_program import FileEnd, opened_channel

from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.testing.event_loop import in_event_loop, until
from museion.testing.killing import kill_rounds, run_until_killed

PROGRAM = Path(__file__).parent / "channel_program.py"
SEED = 20240617


def test_a_reliable_channel_survives_kills_alone_without_loss_and_in_order(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311 (repeatable)
    acknowledged = kills_under_way = 0
    for kill in range(kill_rounds(10)):
        lines = run_until_killed(PROGRAM, [str(tmp_path), str(kill)], random=random, longest_s=0.25)
        acknowledged = max([acknowledged, *(int(line) for line in lines if line != "begun")])
        kills_under_way += _first_times(tmp_path) != list(range(1, acknowledged + 1))
    catch_up(tmp_path)
    arrived = _first_times(tmp_path)
    assert arrived == list(range(1, len(arrived) + 1))
    assert len(arrived) >= acknowledged
    assert kills_under_way > 0, "the kills met messages under way"


@in_event_loop
async def catch_up(folder: Path) -> None:
    log = EventLog(LmdbEventStore(folder / "log"))
    channel = opened_channel(log, FileEnd(folder, Random(0), failures=0.0))  # noqa: S311 (repeatable)
    channel.activate()
    running = asyncio.create_task(channel.run())
    await channel.activated()
    await until(lambda: channel.pending == 0)
    running.cancel()
    await asyncio.wait([running])
    await log.close()


def _first_times(folder: Path) -> list[int]:
    file = folder / "arrived"
    return list(dict.fromkeys(map(int, file.read_text("utf-8").split()))) if file.exists() else []
