"""A process that delivers is killed between sending and confirmation: it sends again, never not."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random

from museion.log.lmdb_store import LmdbEventStore
from museion.testing.killing import kill_rounds, run_until_killed

PROGRAM = Path(__file__).parent / "delivering_program.py"
SEED = 20240616


def test_a_crash_between_send_and_confirmation_sends_again_and_confirms_once(
    tmp_path: Path,
) -> None:
    command = [sys.executable, str(PROGRAM), str(tmp_path), "hang", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == [b"begun\n", b"arrived\n"]
        process.kill()
    assert _arrived(tmp_path) == Counter({"0": 1})
    assert _confirmed(tmp_path) == Counter()

    _catch_up(tmp_path)

    assert _arrived(tmp_path)["0"] >= 2
    assert _confirmed(tmp_path) == Counter({"0": 1})
    arrived = _arrived(tmp_path)
    _catch_up(tmp_path)
    assert _arrived(tmp_path) == arrived, "what is confirmed is not sent again"


def test_no_kill_loses_a_delivery_or_confirms_it_twice(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311 (repeatable)
    kills_under_way = 0
    for kill in range(kill_rounds(10)):
        arguments = [str(tmp_path), "order", str(kill)]
        run_until_killed(PROGRAM, arguments, random=random, longest_s=0.25)
        kills_under_way += len(_confirmed(tmp_path)) < _ordered(tmp_path)
    _catch_up(tmp_path)
    everything = {str(number) for number in range(_ordered(tmp_path))}
    assert set(_arrived(tmp_path)) == everything
    assert _confirmed(tmp_path) == Counter(dict.fromkeys(everything, 1))
    assert kills_under_way > kill_rounds(10) // 3, "the kills met deliveries under way"


def _catch_up(folder: Path) -> None:
    command = [sys.executable, "-W", "error", str(PROGRAM), str(folder), "catch-up", "0"]
    subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)


def _arrived(folder: Path) -> Counter[str]:
    file = folder / "arrived"
    return Counter(file.read_text("utf-8").splitlines() if file.exists() else ())


def _confirmed(folder: Path) -> Counter[str]:
    with closing(LmdbEventStore(folder / "log")) as store:
        ids = [event.delivery_id for event in store.read(limit=1 << 30)]
    return Counter(each for each in ids if each is not None)


def _ordered(folder: Path) -> int:
    with closing(LmdbEventStore(folder / "log")) as store:
        events = store.read(limit=1 << 30)
    return sum(event.type_name == "test.ordered" for event in events)
