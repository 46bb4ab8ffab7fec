"""A process that writes is killed again and again: what was acknowledged is there, whole."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from killing_rounds import Place, kill_again_and_again

from museion.testing.killing import kill_rounds
from museion.testing.postgres import RunningPostgres

pytest_plugins = ["postgres_fixtures"]

SEED = 20240611


def test_no_kill_loses_what_was_acknowledged_or_tears_a_batch(tmp_path: Path) -> None:
    rounds = kill_rounds(12)
    log = kill_again_and_again(Place("lmdb", str(tmp_path)), "append", rounds=rounds, seed=SEED)
    assert log.acknowledged > rounds, "it got somewhere between the kills"


def test_no_kill_during_removal_leaves_an_event_half_removed(tmp_path: Path) -> None:
    place = Place("lmdb", str(tmp_path))
    log = kill_again_and_again(place, "append,delete", rounds=kill_rounds(8), seed=SEED)
    assert log.removed > 0, "it got somewhere between the kills"


def test_no_kill_loses_or_doubles_an_event_of_another_log(tmp_path: Path) -> None:
    place = Place("lmdb", str(tmp_path / "log"), far=tmp_path / "far")
    log = kill_again_and_again(place, "append,replicate", rounds=kill_rounds(8), seed=SEED)
    assert log.acknowledged > 0, "it got somewhere between the kills"


def test_no_kill_harms_a_log_in_postgresql(postgres: RunningPostgres, tmp_path: Path) -> None:
    place = in_postgres(postgres, tmp_path)
    log = kill_again_and_again(place, "append,delete,replicate", rounds=kill_rounds(8), seed=SEED)
    assert log.acknowledged > 0, "it got somewhere between the kills"


def in_postgres(postgres: RunningPostgres, tmp_path: Path) -> Place:
    """A log of its own in the server."""
    schema = f"killed_{uuid4().hex[:8]}"
    return Place("postgres", f"{postgres.conninfo}|{schema}", far=tmp_path / "far")
