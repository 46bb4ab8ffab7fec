"""A process with a processor is killed again and again: every photo has its captions once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random

from processing_program import Captions, captions_of

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.log.sourced.processor import ProcessorRunner
from museion.testing.event_loop import in_event_loop, until
from museion.testing.killing import kill_rounds, run_until_killed

PROGRAM = Path(__file__).parent / "processing_program.py"
SEED = 20240612


def test_no_kill_loses_or_doubles_an_output(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311 (repeatable)
    kills_under_work = 0
    for kill in range(kill_rounds(15)):
        run_until_killed(PROGRAM, [str(tmp_path), str(kill)], random=random, longest_s=0.15)
        with closing(LmdbEventStore(tmp_path)) as store:
            missing = _missing(list(store.read(limit=1 << 30)))
            kills_under_work += bool(missing)
    catch_up(tmp_path)
    with closing(LmdbEventStore(tmp_path)) as store:
        assert _missing(list(store.read(limit=1 << 30))) == []
    assert kills_under_work > kill_rounds(15) // 3, "the kills met work under way"


@in_event_loop
async def catch_up(folder: Path) -> None:
    log = EventLog(LmdbEventStore(folder))
    captions = ProcessorRunner(log, Captions(Random(0), longest_s=0.0))  # noqa: S311 (repeatable)
    running = asyncio.create_task(captions.run())
    await until(lambda: captions.position == log.sequence_nr)
    running.cancel()
    await asyncio.wait([running])
    await log.close()


def _missing(events: Sequence[Event]) -> list[bytes]:
    """Return the captions that are still to come; a caption doubled or out of order is an error."""
    photos = [event.payload for event in events if event.type_name == "photo.added"]
    found = [event.payload for event in events if event.type_name == "photo.captioned"]
    due = [b"%s %d" % (nr, place) for nr in photos for place in range(captions_of(int(nr)))]
    assert found == due[: len(found)]
    return due[len(found) :]
