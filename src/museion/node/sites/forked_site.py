"""The way out for a site that wrote on after it had lost events: both histories are kept.

1. The forked log is put aside, as a folder `log-forked-…` in the site's folder.
2. The log begins anew under its id, and brings back from the other sites what they have.
3. What only the forked log has is appended anew, so it comes to all sites as what it is: new.

What is under way is kept in the folder `sites`, so that a repeat goes on where the last try ended,
however that ended. New events of anybody are refused until then.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from museion.archive.catalog.schema import drop_database
from museion.log.durable_file import flush_folder
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.log.replication.forked_history import append_anew, find_fork
from museion.log.replication.recovery_errors import HistoryForked
from museion.node.settings import read_settings
from museion.node.site import Site
from museion.node.site_lock import SiteLock
from museion.node.sites.site_files import SiteFiles, forked_log
from museion.node.sites.site_network import SiteNetwork

_LOOKS = 200
_LOOK_S = 0.05

OnStep = Callable[[str], None]


class KeptOwn(msgspec.Struct, frozen=True):
    """What became of a forked history.

    Attributes:
        events: how many events only the forked log had; all of them are in the new one.
        forked_log: the folder with the forked log, to be deleted by a person; None where the log
            had not forked, and was recovered as it was.
    """

    events: int
    forked_log: str | None


async def recover_and_keep_own(folder: Path, *, on_step: OnStep | None = None) -> KeptOwn:
    """Recover a site that wrote on after a loss, and keep what it wrote.

    Nothing is put aside before the other sites were met and the log is known to have forked. Blobs
    stay where they are; catalog and indexes are built anew. Needs room for a second log.

    Args:
        folder: the site's folder; nobody may have it open.
        on_step: told of each step when it begins.

    Raises:
        NoSite, SiteInUse: nothing was done.
        RecoveryImpossible, RecoveryFailed, NotActive: as `Endpoint.recover`; a repeat goes on.
        WriteFailed, LogUnavailable: the disk is full, for example; a repeat goes on.
    """
    tell = on_step or _nobody
    read_settings(folder)  # whether it is a site at all, before anything is made in it
    if forked_log(folder) is None:
        tell("looking for a fork")
        if not await _is_forked(folder):
            return KeptOwn(0, None)
        SiteFiles(folder).begin_keeping(_free_name(folder))
    aside = forked_log(folder)
    assert aside is not None, "it was noted"
    tell("putting the forked log aside")
    _put_aside(folder, aside)
    async with _connected(folder) as (site, network):
        tell("recovering")
        await network.endpoint.recover()
        tell("appending what only this site has")
        async with EventLog(LmdbEventStore(aside, log_id=site.log.log_id)) as forked:
            fork = await find_fork(forked, site.log)
            await append_anew(forked, site.log)
    SiteFiles(folder).end_keeping()
    return KeptOwn(fork.events, str(aside))


async def recover_unserved(folder: Path) -> None:
    """Recover a site that nobody serves, as it is.

    Raises:
        NoSite, SiteInUse: nothing was done.
        RecoveryImpossible, RecoveryFailed, HistoryForked, NotActive: as `Endpoint.recover`.
    """
    read_settings(folder)
    async with _connected(folder) as (_, network):
        await network.endpoint.recover()


async def _is_forked(folder: Path) -> bool:
    """Recover a site; tell whether that is in vain, for its log has forked."""
    try:
        await recover_unserved(folder)
    except HistoryForked:
        return True
    return False


@asynccontextmanager
async def _connected(folder: Path) -> AsyncIterator[tuple[Site, SiteNetwork]]:
    """Open a site with its connections; those that cannot be made in time are left out."""
    wanted = {each.site_id for each in SiteFiles(folder).connections().values() if each.connected}
    async with Site.open(folder) as site, SiteNetwork.open(site) as network:
        wanted -= set(network.endpoint.status().retired)
        for _ in range(_LOOKS):
            if wanted <= set(network.endpoint.neighbours):
                break
            await asyncio.sleep(_LOOK_S)
        yield site, network


def _put_aside(folder: Path, aside: Path) -> None:
    """Rename the log, unless that is done; drop what was built from it."""
    lock = SiteLock(folder).acquire()
    try:
        if not aside.exists():
            (folder / "log").rename(aside)
            flush_folder(folder)
        if not (folder / "log").exists():  # else the new log has begun, and they follow that
            drop_database(folder / "catalog.sqlite")
            drop_database(folder / "missing-blobs.sqlite")
            shutil.rmtree(folder / "index", ignore_errors=True)
    finally:
        lock.release()


def _free_name(folder: Path) -> str:
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    names = [f"log-forked-{day}", *(f"log-forked-{day}-{number}" for number in range(2, 1000))]
    return next(name for name in names if not (folder / name).exists())


def _nobody(step: str) -> None:
    del step
