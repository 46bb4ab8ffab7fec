"""A process that writes to SQLite is killed between and within batches: each row is there once."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from random import Random

from sqlite_writer import written_rows
from writing_program import opened_log, runner

from museion.log.lmdb_store import LmdbEventStore
from museion.testing.event_loop import in_event_loop, until
from museion.testing.killing import kill_rounds, run_until_killed

PROGRAM = Path(__file__).parent / "writing_program.py"
SEED = 20240614


def test_a_kill_between_batches_shows_no_loss_and_no_duplicate_row(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311 (repeatable)
    kills_under_work = 0
    for kill in range(kill_rounds(12)):
        run_until_killed(PROGRAM, [str(tmp_path), str(kill)], random=random, longest_s=0.2)
        rows = written_rows(tmp_path / "rows.sqlite")
        assert rows == [str(nr) for nr in range(1, len(rows) + 1)]
        kills_under_work += len(rows) < _events(tmp_path)
    catch_up(tmp_path)
    events = _events(tmp_path)
    assert written_rows(tmp_path / "rows.sqlite") == [str(nr) for nr in range(1, events + 1)]
    assert kills_under_work > kill_rounds(12) // 3, "the kills met work under way"


def _events(folder: Path) -> int:
    with closing(LmdbEventStore(folder / "log")) as store:
        return store.recover().sequence_nr


@in_event_loop
async def catch_up(folder: Path) -> None:
    log = opened_log(folder)
    writer = runner(log, folder)
    running = asyncio.create_task(writer.run())
    await until(lambda: writer.position == log.sequence_nr)
    running.cancel()
    await asyncio.wait([running])
    await log.close()
