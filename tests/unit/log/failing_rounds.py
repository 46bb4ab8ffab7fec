"""Rounds of appending to a log whose disk, or store, fails at random."""

from __future__ import annotations

import asyncio
import errno
from contextlib import closing
from pathlib import Path
from random import Random

from known_fates import Fates, random_size

from museion.log.event_log import EventLog, WritePolicy
from museion.log.event_store import EventStore
from museion.log.lmdb_store import LmdbEventStore
from museion.log.log_errors import LogClosed
from museion.testing.failing_store import HEALTHY, FailingStore, FailureRates
from museion.testing.io_errors import Call, IoErrors

IMPATIENT = WritePolicy(
    first_delay_s=0.001, longest_delay_s=0.002, probe_after_s=0.001, resolve_for_s=0.02
)
ERRORS = (errno.EIO, errno.ENOSPC, errno.EROFS, errno.EDQUOT)
_META_PAGES_BYTES = 8192


async def fail_disk(folder: Path, disk: IoErrors, *, rounds: int, seed: int) -> Fates:
    """Let calls on the files of a log in LMDB fail, and compare what was told with what is there.

    In each round a healthy log goes on, or one that has stopped is opened again.
    """
    random = Random(seed)  # noqa: S311 (repeatable)
    fates = Fates()
    log = EventLog(LmdbEventStore(folder), policy=IMPATIENT)
    for _ in range(rounds):
        for _ in range(random.randint(1, 3)):
            break_disk(disk, random)
        await asyncio.gather(*(fates.append(log, random_size(random)) for _ in range(5)))
        disk.heal()
        try:
            if random.random() < 0.1:
                await log.close()
            await healthy(log, fates)
        except LogClosed:
            await log.close()
            require_kept(folder, fates)
            log = EventLog(LmdbEventStore(folder), policy=IMPATIENT)
    await log.close()
    require_kept(folder, fates)
    return fates


def require_kept(folder: Path, fates: Fates) -> None:
    """Compare what was told with what a closed log in LMDB holds."""
    with closing(LmdbEventStore(folder)) as store:
        fates.require_kept_by(store)


def break_disk(disk: IoErrors, random: Random) -> None:
    """Let some calls fail."""
    call = random.choice([Call.WRITE, Call.WRITE, Call.FLUSH])
    meta = random.random() < 0.5
    disk.fail(
        call,
        random.choice(ERRORS),
        times=random.choice([1, 2, 3, 5, 100]),
        after=random.randint(0, 4),
        done=random.random() < 0.3,
        from_byte=0 if meta or call is Call.FLUSH else _META_PAGES_BYTES,
        to_byte=_META_PAGES_BYTES if meta else 1 << 62,
    )


async def healthy(log: EventLog, fates: Fates) -> None:
    """See that a log whose disk is healthy takes an event."""
    log.require_open()
    await asyncio.sleep(2 * IMPATIENT.probe_after_s)
    written = len(fates.written)
    await fates.append(log)
    log.require_open()
    assert len(fates.written) == written + 1, "it does not go on"


async def fail_store(held: EventStore, *, rounds: int, seed: int) -> Fates:
    """Let calls of a store fail by chance, and compare what was told with what is there."""
    random = Random(seed)  # noqa: S311 (repeatable)
    fates = Fates()
    for _ in range(rounds):
        store = FailingStore(held, random=random)
        log = EventLog(store, policy=IMPATIENT)
        store.rates = FailureRates(
            refused=random.random() / 3,
            lost=random.random() / 3,
            kept=random.random() / 3,
            not_recovered=random.random(),
        )
        await asyncio.gather(*(fates.append(log, random_size(random)) for _ in range(20)))
        store.rates = HEALTHY
        await log.close()
    fates.require_kept_by(held)
    return fates
