"""A process with a projection is killed again and again: its store has every event once."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from random import Random

from projecting_program import Rows

from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.streams.projection import ProjectionRunner
from museion.testing.event_loop import in_event_loop, until
from museion.testing.killing import kill_rounds, run_until_killed

PROGRAM = Path(__file__).parent / "projecting_program.py"
SEED = 20240613


def test_no_kill_loses_or_doubles_an_event(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311 (repeatable)
    for _ in range(kill_rounds(10)):
        run_until_killed(PROGRAM, [str(tmp_path)], random=random, longest_s=0.1)
        with closing(Rows(tmp_path / "rows.sqlite")) as rows:
            assert rows.numbers() == list(range(1, rows.position + 1))
    catch_up(tmp_path)
    with (
        closing(LmdbEventStore(tmp_path / "log")) as store,
        closing(Rows(tmp_path / "rows.sqlite")) as rows,
    ):
        assert rows.position == store.recover().sequence_nr > kill_rounds(10)
        assert rows.numbers() == list(range(1, rows.position + 1))


@in_event_loop
async def catch_up(folder: Path) -> None:
    log = EventLog(LmdbEventStore(folder / "log"))
    with closing(Rows(folder / "rows.sqlite")) as rows:
        running = asyncio.create_task(ProjectionRunner(log, rows).run())
        await until(lambda: rows.position == log.sequence_nr)
        running.cancel()
        await asyncio.wait([running])
    await log.close()
