"""Rounds of killing `appending_program` and looking at the log that it leaves behind."""

from __future__ import annotations

import sys
import time
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from random import Random

from appending_program import opened_store
from killed_log import KilledLog

from museion.base.errors import Conflict
from museion.log.event_store import EventStore
from museion.log.lmdb_store import LmdbEventStore
from museion.log.proof.findings import AnyFinding
from museion.log.proof.verification import verify
from museion.testing.killing import run_until_killed

PROGRAM = Path(__file__).parent / "appending_program.py"
_SESSION_ENDS_WITHIN_S = 30.0
_TELL_EVERY = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where the log is that is written: `kind` and `name` as `appending_program` takes them."""

    kind: str
    name: str
    far: Path | None = None

    def opened(self) -> EventStore:
        """Open the store; a server may need a moment to see that its client was killed."""
        until = time.monotonic() + _SESSION_ENDS_WITHIN_S
        while True:
            try:
                return opened_store(self.kind, self.name)
            except Conflict:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def arguments(self, random: Random, activities: str) -> list[str]:
        """Return what the program is called with."""
        far = [] if self.far is None else [str(self.far)]
        return [self.kind, self.name, str(random.randrange(1 << 30)), activities, *far]

    def looked_into(self, log: KilledLog) -> None:
        """Check what came since the last time."""
        far = nullcontext() if self.far is None else closing(LmdbEventStore(self.far))
        with closing(self.opened()) as store, far as far_store:
            log.check(store, far_store)


def kill_again_and_again(
    place: Place,
    activities: str,
    *,
    rounds: int,
    seed: int,
    longest_s: float = 0.06,
) -> KilledLog:
    """Kill and look, over and over, and prove the whole log at the end."""
    random = Random(seed)  # noqa: S311 (repeatable)
    log = KilledLog()
    for round_nr in range(1, rounds + 1):
        arguments = place.arguments(random, activities)
        log.note(run_until_killed(PROGRAM, arguments, random=random, longest_s=longest_s))
        place.looked_into(log)
        if round_nr % _TELL_EVERY == 0:
            sys.stderr.write(f"{place.kind}: {round_nr} kills, seed {seed}: {told(log)}\n")
    prove(place)
    return log


def prove(place: Place) -> None:
    """Verify a whole log: checksums, chains, index, version."""
    found: list[AnyFinding] = []
    with closing(place.opened()) as store:
        verify(store, on_finding=found.append)
    assert found == []


def told(log: KilledLog) -> str:
    """Say what came of it."""
    return f"{log.last} events, {log.acknowledged} acknowledgements, {log.removed} events removed"
