"""A world of simulated sites: one seed decides everything in it that is by chance."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from random import Random
from typing import Any, TypeVar

from museion.base.errors import MuseionError
from museion.log.event import Event
from museion.log.replication.connection import Connection
from museion.log.replication.filters import EVERYTHING, Filter
from museion.testing.simulation.disk import DiskCopy, Entry
from museion.testing.simulation.ledger import Ledger
from museion.testing.simulation.life import current_life, own_by_context
from museion.testing.simulation.log_ledger import MayHave, Violated
from museion.testing.simulation.network import SimulatedNetwork
from museion.testing.simulation.site import SimulatedSite
from museion.testing.simulation.site_plan import SitePlan
from museion.testing.simulation.trace import Trace
from museion.testing.simulation.virtual_loop import VirtualLoop

T = TypeVar("T")

_RESTART_AFTER_S = 2.0
_RETRY_S = 1.0


class SimulatedWorld:
    """Sites, their lines and their disks, on one virtual loop. Made by `simulate`.

    What a site's program does is watched at every write to a disk; what must not be raises
    `Violated` at once.

    Attributes:
        chance: where all randomness of the world comes from.
        trace: what happened.
        ledger: what is known of all events, and checks them.
        network: the lines.
        sites: by id.
    """

    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self.seed = seed
        self.loop = loop
        self.chance = Random(seed)  # noqa: S311 (repeatable)
        self.trace = Trace(loop.time)
        self.ledger = Ledger()
        self.network = SimulatedNetwork(self._fork(), self.trace, self)
        self.sites: dict[str, SimulatedSite] = {}
        self._failure: BaseException | None = None
        self._background: dict[asyncio.Task[Any], None] = {}
        loop.on_task = own_by_context
        loop.work_delay = self._work_delay_s
        loop.is_dead = _is_dead
        loop.set_exception_handler(self._hear)

    @property
    def now_s(self) -> float:
        """Virtual time, seconds."""
        return self.loop.time()

    async def site(
        self, site_id: str, plan: SitePlan | None = None, *, may_have: MayHave | None = None
    ) -> SimulatedSite:
        """Found a site and start it.

        Args:
            may_have: what may ever get there; everything where it is left out.
        """
        site = SimulatedSite(self, site_id, plan or SitePlan(), self._fork())
        for log_id in site.log_ids:
            self.ledger.log(log_id).may_have = may_have
        self.sites[site_id] = site
        self.network.add(site_id, site)
        await site.start()
        return site

    async def connect(self, first: str, second: str, *, only: Filter = EVERYTHING) -> None:
        """Connect two sites both ways; `only` is what the second one reads of the first."""
        await self.sites[first].connect(Connection(second))
        await self.sites[second].connect(Connection(first, only))

    async def disconnect(self, first: str, second: str) -> None:
        """End both connections between two sites."""
        await self.sites[first].disconnect(second)
        await self.sites[second].disconnect(first)

    async def partition(self, *groups: tuple[str, ...]) -> None:
        """Cut all lines between groups of sites."""
        for group in groups:
            for other in groups:
                if other is not group:
                    for sender in group:
                        for receiver in other:
                            self.network.cut(sender, receiver)

    async def restart(self, site: SimulatedSite, after_s: float = _RESTART_AFTER_S) -> None:
        """Kill the program of a site, and start it again later."""
        async with site.turn:
            await site.crash()
            await asyncio.sleep(after_s)
            await site.start()

    async def lose(
        self,
        site: SimulatedSite,
        copy: DiskCopy | None = None,
        *,
        keep_snapshots: bool = False,
        after_s: float = _RESTART_AFTER_S,
    ) -> None:
        """Kill the program of a site, set back its disk, and start it in recovery later.

        Args:
            copy: what is left of its disk; nothing where it is left out.
        """
        async with site.turn:
            await site.crash()
            site.lose_disk(copy, keep_snapshots=keep_snapshots)
            await asyncio.sleep(after_s)
            await site.start()

    async def recovered(self, site: SimulatedSite, *, limit_s: float = 600.0) -> None:
        """Try to recover a site until that succeeds.

        Raises:
            Violated: it does not within the limit.
        """
        until_s = self.now_s + limit_s
        reason: Exception | None = None
        while self.now_s < until_s:
            self.require_well()
            try:
                if site.is_running and site.endpoint is not None:
                    await site.recover()
                    return
            except (MuseionError, asyncio.CancelledError) as error:
                reason = Exception(repr(error))
                self.trace(site.site_id, f"does not recover: {type(error).__name__}")
            await asyncio.sleep(_RETRY_S)
        raise Violated(f"{site.site_id}: it does not recover: {reason!r}")

    async def settled(self, *, limit_s: float = 600.0) -> None:
        """Wait until every site has all that it may have, and has read its neighbours to the end.

        Raises:
            Violated: it takes longer than the limit, or something else is wrong in the end.
        """
        until_s = self.now_s + limit_s
        while not self._is_settled():
            self.require_well()
            if self.now_s > until_s:
                self.ledger.check_complete()
                raise Violated(f"not all has been read everywhere: {self._unsettled()}")
            await asyncio.sleep(0.5)
        self.require_well()
        self.check()

    async def stop_programs(self) -> None:
        """Wait for restarts under way, then end what runs at the sites beside their endpoints."""
        await self.quiet()
        for site in self.sites.values():
            site.disk.steps_left = None
            await site.stop_program()

    def check(self) -> None:
        """Compare all logs with each other and with their stores. Raises `Violated`."""
        for site in self.sites.values():
            site.check()
        self.ledger.check_complete()

    def violated(self, reason: str, cause: BaseException | None = None) -> None:
        """Note that something is wrong; the run fails at its next look."""
        if self._failure is None:
            failure = cause if isinstance(cause, Violated) else Violated(reason)
            failure.__cause__ = cause if failure is not cause else None
            self._failure = failure
            self.trace("world", f"violated: {reason}")

    def require_well(self) -> None:
        """Raise what was noted."""
        if self._failure is not None:
            raise self._failure

    def left(self, source: str, target: str, answer: Any) -> None:
        """Look at what leaves a site."""
        first = answer.scanned_to
        self.trace(source, f"answers {target}: {len(answer.events)} events up to {first}")
        with self._noted():
            self.ledger.left(source, target, answer)

    def mounted(self, log_id: str, journal: Sequence[Entry]) -> None:
        """Look through a log that was opened."""
        with self._noted():
            self.ledger.mounted(log_id, journal)

    def written(self, log_id: str, entry: Entry) -> None:
        """Look at what got to a disk."""
        with self._noted():
            self.ledger.written(log_id, entry)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Keep a violation: the program in which it is raised may take it for its own trouble."""
        try:
            yield
        except Violated as reason:
            self.violated(str(reason), reason)
            raise

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something as a part of the world, not of a site."""
        task = self.loop.create_task(work, context=Context())
        self._background[task] = None
        task.add_done_callback(self._ended)

    async def quiet(self) -> None:
        """Wait until nothing runs in the background any more."""
        while self._background:
            await asyncio.wait(list(self._background))

    def acknowledged(self, log_id: str, events: list[Event]) -> None:
        """Note that a program of a site was told that its events are written."""
        if not _is_dead():
            with self._noted():
                self.ledger.acknowledge(log_id, events)

    def _is_settled(self) -> bool:
        return not self._background and not self._unsettled()

    def _unsettled(self) -> list[str]:
        found = []
        for site in self.sites.values():
            if not site.is_running or site.lost_events:
                found.append(f"{site.site_id} is down")
                continue
            for log in site.logs.values():
                written = self.ledger.log(log.log_id).by_number
                if written and written[-1][0] > log.sequence_nr:
                    found.append(f"{log.log_id} is being written")
            for remote_id, connection in site.links.items():
                remote = self.sites[remote_id]
                if connection.reads:
                    found += self._behind(site, remote)
                if connection.offers:
                    found += self._behind(remote, site)
        return found

    def _behind(self, site: SimulatedSite, remote: SimulatedSite) -> list[str]:
        found = []
        for name, log in site.logs.items():
            source = remote.logs.get(name)
            if source is None:
                continue
            position = self.ledger.log(log.log_id).progress.get(source.log_id, 0)
            if position != source.sequence_nr:
                found.append(
                    f"{log.log_id} has read {source.log_id} up to {position} of"
                    f" {source.sequence_nr}"
                )
        return found

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._background.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            if isinstance(error, Violated):
                self.violated(str(error), error)
            else:
                self.violated(f"something failed: {error!r}", error)

    def _hear(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Violated):
            self.violated(str(error), error)
        elif not _is_dead():
            self.violated(f"{context.get('message')}: {error!r}", error)

    def _work_delay_s(self) -> float:
        life = current_life()
        return self.sites[life.site].disk_delay_s() if life is not None else 0.0

    def _fork(self) -> Random:
        return Random(self.chance.getrandbits(64))  # noqa: S311 (repeatable)


def _is_dead() -> bool:
    life = current_life()
    return life is not None and not life.is_alive
