"""A process with an aggregate is killed again and again: nothing acknowledged is lost, and each
event has exactly one event that it leads to.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random

from reacting_program import workshops

from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.testing.event_loop import in_event_loop, until
from museion.testing.killing import kill_rounds, run_until_killed

PROGRAM = Path(__file__).parent / "reacting_program.py"
SEED = 20250611


def test_no_kill_loses_a_command_or_doubles_what_an_event_leads_to(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311 (repeatable)
    kills_under_work = 0
    for _ in range(kill_rounds(12)):
        printed = run_until_killed(PROGRAM, [str(tmp_path)], random=random, longest_s=0.15)
        acknowledged = [int(line) for line in printed if line != "begun"]
        ordered, made = _counted(tmp_path / "log")
        assert ordered >= max(acknowledged, default=0)
        kills_under_work += made < ordered
    catch_up(tmp_path)
    ordered, made = _counted(tmp_path / "log")
    assert ordered == made > 0
    assert kills_under_work > 0, "a kill came between an event and what it leads to"


@in_event_loop
async def catch_up(folder: Path) -> None:
    log = EventLog(LmdbEventStore(folder / "log"))
    async with workshops(log, folder) as shops:
        await shops.get("one")
        await until(lambda: shops.unload("one"))  # it stays loaded while an answer is missing
        ordered, made = await shops.handle("one").look()
        assert ordered == made
    await log.close()


def _counted(folder: Path) -> tuple[int, int]:
    """Return how many orders there are and how many of them were answered, each at most once."""
    with closing(LmdbEventStore(folder)) as store:
        events = store.read(limit=1 << 30)
    orders = [event.id for event in events if event.type_name == "test.ordered"]
    answers = Counter(event.cause for event in events if event.type_name == "test.made")
    assert all(count == 1 for count in answers.values())
    assert set(answers) <= set(orders)
    return len(orders), len(answers)
