"""A thousand kills of a process that writes, and some of the server it writes to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from killed_log import KilledLog
from killed_server import ServerToKill
from killing_rounds import PROGRAM, Place, kill_again_and_again, prove, told

from museion.testing.killing import run_disturbed
from museion.testing.postgres import running_postgres

pytestmark = pytest.mark.chaos

ALL = "append,delete,replicate"
SERVER_SHARE = 20
"""One of so many rounds kills the server."""


def test_no_kill_harms_a_log_in_lmdb(
    rounds: int, seed: int, tell: Callable[[str], None], tmp_path: Path
) -> None:
    place = Place("lmdb", str(tmp_path / "log"), far=tmp_path / "far")
    log = kill_again_and_again(place, ALL, rounds=rounds, seed=seed)
    tell(f"{rounds} kills, {told(log)}")
    assert log.acknowledged > rounds, "it got somewhere between the kills"


def test_no_kill_harms_a_log_in_postgresql(
    rounds: int, seed: int, tell: Callable[[str], None], tmp_path: Path
) -> None:
    with running_postgres() as server:
        place = Place("postgres", f"{server.conninfo}|killed", far=tmp_path / "far")
        log = kill_again_and_again(place, ALL, rounds=rounds, seed=seed)
    tell(f"{rounds} kills, {told(log)}")
    assert log.acknowledged > rounds, "it got somewhere between the kills"


def test_a_log_goes_on_after_its_server_was_killed_and_started_again(
    rounds: int, seed: int, tell: Callable[[str], None], tmp_path: Path
) -> None:
    random = Random(seed)  # noqa: S311 (repeatable)
    kills = max(2, rounds // SERVER_SHARE)
    log = KilledLog()
    with ExitStack() as stack:
        server = ServerToKill(stack.enter_context(running_postgres()))
        stack.callback(server.end)
        place = Place("postgres", f"{server.conninfo}|killed", far=tmp_path / "far")
        for _ in range(kills):
            arguments = place.arguments(random, ALL)
            log.note(
                run_disturbed(
                    PROGRAM, arguments, server.kill_and_start, random=random, longest_s=0.3
                )
            )
            place.looked_into(log)
        prove(place)
    tell(f"{kills} kills of the server, {told(log)}")
