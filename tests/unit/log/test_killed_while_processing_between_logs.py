"""A process whose processors fill other logs is killed again and again: no loss, no double."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from random import Random

from processing_between_logs_program import due_receipts, due_totals, opened_site

from museion.log.lmdb_store import LmdbEventStore
from museion.testing.event_loop import in_event_loop, until
from museion.testing.killing import kill_rounds, run_until_killed

PROGRAM = Path(__file__).parent / "processing_between_logs_program.py"
SEED = 20240613


def test_no_kill_loses_or_doubles_what_processors_write_to_another_log(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311 (repeatable)
    kills_under_work = 0
    for kill in range(kill_rounds(12)):
        run_until_killed(PROGRAM, [str(tmp_path), str(kill)], random=random, longest_s=0.2)
        kills_under_work += _missing(tmp_path) > 0
    catch_up(tmp_path)
    assert _missing(tmp_path) == 0
    assert kills_under_work > kill_rounds(12) // 3, "the kills met work under way"


@in_event_loop
async def catch_up(folder: Path) -> None:
    site = opened_site(folder)
    end = site.source.sequence_nr
    runs = [asyncio.create_task(each.run()) for each in (site.receipts, site.totals)]
    await until(lambda: site.receipts.position == site.totals.position == end)
    for run in runs:
        run.cancel()
    await asyncio.wait(runs)
    await site.close()


def _missing(folder: Path) -> int:
    """Return how many outputs are still to come; one doubled or out of order is an error."""
    payments = len(_payloads(folder / "source"))
    missing = 0
    for name, due in (("first", due_receipts(payments)), ("second", due_totals(payments))):
        found = _payloads(folder / name)
        assert found == due[: len(found)]
        missing += len(due) - len(found)
    return missing


def _payloads(folder: Path) -> list[bytes]:
    with closing(LmdbEventStore(folder)) as store:
        return [event.payload for event in store.read(limit=1 << 30)]
