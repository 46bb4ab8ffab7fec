"""The query database: whatever kills it, its tables agree with each other and with the log."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from example_programs import EXAMPLES, run_example, start_program
from query_database import TYPES, CustomerMoved, CustomerRegistered

from museion.log import Event, EventLog, LmdbEventStore

PROGRAM = EXAMPLES / "query_database.py"
SEED = 20260
KILLS = 12

Customers = dict[str, tuple[str, int]]


def tables(database: Path) -> tuple[Customers, int]:
    """Return address and number of changes of each customer, and the progress beside them."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT id, address, changes FROM customer").fetchall()
        reached = connection.execute("SELECT sequence_nr FROM progress").fetchone()
    return {row[0]: (row[1], row[2]) for row in rows}, reached[0] if reached else 0


async def events(folder: Path) -> list[Event]:
    """Return all events of the log."""
    async with EventLog(LmdbEventStore(folder)) as log:
        found: list[Event] = []
        while page := await log.read(after=len(found), limit=4096):
            found.extend(page)
        return found


def folded(past: list[Event]) -> Customers:
    """Return what the tables must hold after these events."""
    customers: Customers = {}
    for event in past:
        (payload,) = TYPES.decode(event)
        assert isinstance(payload, CustomerRegistered | CustomerMoved)
        changes = customers.get(payload.customer, ("", 0))[1] + 1
        customers[payload.customer] = (payload.address, changes)
    return customers


def work_until_killed(log: Path, database: Path, after_s: float) -> None:
    """Start the program on more changes than it can do, and kill it at some moment."""
    with start_program(PROGRAM, "--log", log, "--database", database, "work", 10**6) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "working\n"
        try:
            program.wait(after_s)
        except subprocess.TimeoutExpired:
            program.kill()
        assert program.wait() == -signal.SIGKILL


def test_however_often_it_is_killed_every_event_has_its_effect_once(tmp_path: Path) -> None:
    log, database = tmp_path / "log", tmp_path / "tables.sqlite"
    moments = random.Random(SEED)  # noqa: S311 (not for secrets)
    reached_before = 0

    for _ in range(KILLS):
        work_until_killed(log, database, moments.uniform(0.02, 0.5))
        if database.exists():
            customers, reached = tables(database)
            past = asyncio.run(events(log))
            assert reached_before <= reached <= len(past), f"seed {SEED}"
            assert customers == folded(past[:reached]), f"seed {SEED}"
            reached_before = reached

    run_example("query_database.py", "--log", log, "--database", database, "query", "SELECT 1")
    customers, reached = tables(database)
    past = asyncio.run(events(log))
    assert len(past) > KILLS, "it did something before it was killed"
    assert (customers, reached) == (folded(past), len(past))


def test_a_deleted_database_is_made_anew_from_the_log(tmp_path: Path) -> None:
    log, database = tmp_path / "log", tmp_path / "tables.sqlite"
    places = ("--log", log, "--database", database)
    run_example("query_database.py", *places, "register", "ada", "Ada", "Lovelace", "London")
    run_example("query_database.py", *places, "move", "ada", "Ockham Park")
    query = ("query", "SELECT last_name, address, changes FROM customer")
    before = run_example("query_database.py", *places, *query)

    database.unlink()

    assert run_example("query_database.py", *places, *query) == before
    assert before == "Lovelace | Ockham Park | 2\n"


def test_a_refusal_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    places = ("--log", tmp_path / "log", "--database", tmp_path / "tables.sqlite")

    assert run_example("query_database.py", *places, "move", "ada", "London", expected_code=1) == ""
