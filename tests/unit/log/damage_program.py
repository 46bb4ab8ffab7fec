"""Damages copies of a log in LMDB at random, reads each, and prints what came of it.

    damage_program.py WHOLE SCRATCH SEED FLIPS TRUNCATIONS

One JSON object a line: `what` was done, `came` of it, `detail`. Each copy is read in a process of
its own, since LMDB maps its file into memory and trusts it. What can come of it:

unharmed   everything reads as it was written: the byte was in space that is not used
named      reading (or opening) ended with an error of this project
died       the process was ended by the system
held up    the process did not end
short      something is missing without an error, and verification names it
unnoticed  something is missing without an error, and verification finds nothing
WRONG      an event came that was not written so, or in a place where it was not
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

from museion.base.errors import MuseionError
from museion.log.event import Event
from museion.log.event_store import EventStore
from museion.log.frame import frame_of
from museion.log.lmdb_store import LmdbEventStore
from museion.log.proof.findings import AnyFinding
from museion.log.proof.verification import verify

READ_WITHIN_S = 10
PAGE = 64


class Wrong(Exception):
    """Damage was replayed as if it had been written."""


def main(whole: Path, scratch: Path, seed: int, flips: int, truncations: int) -> None:
    random = Random(seed)  # noqa: S311 (repeatable)
    with closing(LmdbEventStore(whole)) as store:
        written = everything(store)
    content = (whole / "data.mdb").read_bytes()
    for turn in range(flips + truncations):
        damaged = bytearray(content)
        if turn < flips:
            at, bit = random.randrange(len(content)), random.randrange(8)
            damaged[at] ^= 1 << bit
            what = f"bit {bit} of byte {at} flipped"
        else:
            del damaged[random.randrange(len(content)) :]
            what = f"cut to {len(damaged)} bytes"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        (scratch / "data.mdb").write_bytes(damaged)
        came, detail = read_apart(scratch, written)
        sys.stdout.write(json.dumps({"what": what, "came": came, "detail": detail}) + "\n")


def read_apart(folder: Path, written: Mapping[str, object]) -> tuple[str, str]:
    """Read a log in a process of its own."""
    answer, told = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(READ_WITHIN_S)
        os.write(told, "\n".join(read(folder, written)).encode()[:4_000])
        os._exit(0)
    os.close(told)
    _, status = os.waitpid(child, 0)
    with open(answer, "rb") as pipe:
        came, _, detail = pipe.read().decode().partition("\n")
    if os.WIFSIGNALED(status):
        ended_by = signal.Signals(os.WTERMSIG(status))
        return ("held up" if ended_by == signal.SIGALRM else "died"), ended_by.name
    return came, detail


def read(folder: Path, written: Mapping[str, object]) -> tuple[str, str]:
    try:
        with closing(LmdbEventStore(folder)) as store:
            found = everything(store, written)
            missing = [what for what, content in written.items() if found[what] != content]
            if not missing:
                return "unharmed", ""
            return verified(store, missing)
    except MuseionError as named:
        return "named", f"{type(named).__name__}: {named.message}"
    except Wrong as wrong:
        return "WRONG", str(wrong)
    except Exception as other:
        return "WRONG", f"an error that names nothing: {other!r}"


def everything(store: EventStore, written: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return all that a log holds; what it replays must be a part of what was written."""
    found: dict[str, object] = {"events": replayed(store, None, written)}
    found["ids"] = list(store.aggregate_ids(limit=1 << 20))
    for aggregate_id in ("a0", "a1", "a2", "all"):
        found[aggregate_id] = replayed(store, aggregate_id, written)
    found["progress"] = dict(store.all_progress())
    found["state"] = store.recover()
    return found


def replayed(
    store: EventStore, aggregate_id: str | None, written: Mapping[str, object] | None
) -> list[tuple[int, bytes]]:
    """Page through a log as a reader does."""
    frames: list[tuple[int, bytes]] = []
    after = 0
    while events := store.read(after=after, limit=PAGE, aggregate_id=aggregate_id):
        frames += [(event.sequence_nr, frame_of(event)) for event in events]
        require_written(events, frames[-len(events) :], aggregate_id, written)
        after = events[-1].sequence_nr
    return frames


def require_written(
    events: Sequence[Event],
    frames: Sequence[tuple[int, bytes]],
    aggregate_id: str | None,
    written: Mapping[str, object] | None,
) -> None:
    if written is None:
        return
    known = written[aggregate_id or "events"]
    assert isinstance(known, list)
    for event, frame in zip(events, frames, strict=True):
        if frame not in known:
            raise Wrong(f"{event} was not written to {aggregate_id}")


def verified(store: EventStore, missing: Sequence[str]) -> tuple[str, str]:
    """See whether the verification of the log names what reading passed over."""
    found: list[AnyFinding] = []
    verify(store, on_finding=found.append)
    kinds = sorted({type(each).__name__ for each in found})
    return ("short" if found else "unnoticed"), f"{', '.join(missing)} differ; found: {kinds}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *(int(number) for number in sys.argv[3:]))
