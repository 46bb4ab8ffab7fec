"""One connection at work: learns who the remote endpoint is, then moves each common log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence

from museion.base.errors import MuseionError
from museion.base.waiting import to_end
from museion.log.event_log import LogClosed
from museion.log.replication.application_version import require_same_protocol
from museion.log.replication.connection import Connection, log_id_of
from museion.log.replication.filters import is_everything
from museion.log.replication.link_record import LinkRecord, condition_after
from museion.log.replication.local_side import LocalSide
from museion.log.replication.loss_detection import heads_of, require_nothing_lost
from museion.log.replication.offerer import Offerer
from museion.log.replication.protocol import EndpointInfo, InfoRequest, Link, LogInfo, Neighbour
from museion.log.replication.refusals import BadAnswer, FilteredCycle, Refused, Retired, Unreachable
from museion.log.replication.renumbering import begin_anew_where_recovered, last_recoveries
from museion.log.replication.replicator import Replicator
from museion.log.replication.service import EndpointService
from museion.log.replication.source import Source
from museion.log.replication.status import ConnectionStatus, LinkCondition, LogStatus

_CANCEL_AGAIN_S = 1.0


class NoCommonLog(Refused):
    """The endpoints have no log of the same name that the connection is for."""

    def __init__(self, remote_id: str) -> None:
        super().__init__(
            f"There is no log of the same name here and at {remote_id}.",
            remedy="Give the remote endpoint such a log; it is looked for again by itself.",
        )


class Connector:
    """Runs one connection until it is ended.

    Attributes:
        connection: what was asked for.
        neighbour: the door of the remote endpoint; closed at the end.
        is_declared: others hear of it.
        defect: the error of this program that stopped it, None where none did.

    Args:
        declare: called when the connection turns out to be filtered, or not.
    """

    def __init__(
        self,
        local: LocalSide,
        connection: Connection,
        neighbour: Neighbour,
        *,
        source: Source,
        service: EndpointService,
        declare: Callable[[], None],
    ) -> None:
        self._local = local
        self._source = source
        self._service = service
        self._declare = declare
        self._filtered_at_source = False
        self._task: asyncio.Task[None] | None = None
        self._reason = ""
        self.condition = LinkCondition.CONNECTING
        self.connection = connection
        self.neighbour = neighbour
        self.defect: Exception | None = None
        self.is_declared = False
        names = [name for name in local.logs if connection.takes(name)]
        self._reading = self._records(names) if connection.reads else []
        self._offering = self._records(names) if connection.offers else []

    @property
    def remote_id(self) -> str:
        """Id of the remote endpoint."""
        return self.connection.remote_id

    @property
    def links(self) -> tuple[Link, ...]:
        """The connection as others hear of it."""
        own, remote = self._local.endpoint_id, self.remote_id
        links: tuple[Link, ...] = ()
        if self.connection.reads:
            filtered = self._filtered_at_source or not is_everything(self.connection.only)
            links = (Link(own, remote, filtered),)
        if self.connection.offers:
            links = (*links, Link(remote, own, self._filters_offers))
        return links

    @property
    def is_filtered(self) -> bool:
        """Tell whether either direction is."""
        return any(link.filtered for link in self.links)

    def start(self) -> None:
        """Begin to work in the background, or go on."""
        self.condition = LinkCondition.CONNECTING
        self._task = asyncio.create_task(self._run())

    async def pause(self) -> None:
        """End the work until it is started again. Nothing is under way when it returns."""
        if self._task is not None:
            # A transport may lose a cancellation that comes together with an answer.
            while not self._task.done():
                self._task.cancel()
                await to_end(asyncio.wait([self._task], timeout=_CANCEL_AGAIN_S))
            self._task = None

    async def end(self) -> None:
        """End the work for good and release the neighbour. Nothing is under way afterwards."""
        await self.pause()
        self.condition = LinkCondition.DISCONNECTED
        for record in (*self._reading, *self._offering):
            record.close()
        await self.neighbour.close()

    async def meet(self) -> EndpointInfo:
        """Ask the remote endpoint who it is, and exchange what both know of the topology.

        Raises:
            Unreachable, Refused, BadAnswer: as `Neighbour`.
            NeedsRecovery: the remote endpoint has events that this one lost.
        """
        gossip = self._local.gossip
        revision = gossip.revision
        limit_s = self._local.settings.remote_read_timeout_s
        heads = await heads_of(self._local, self.remote_id, filtered=self.is_filtered)
        greeting = gossip.greeting(self.remote_id, full=True)
        request = InfoRequest(greeting, heads, last_recoveries(self._local))
        try:
            async with asyncio.timeout(limit_s):
                remote = await self.neighbour.info(request)
        except TimeoutError:
            raise Unreachable(self.remote_id, f"no answer within {limit_s} s") from None
        if remote.endpoint_id != self.remote_id:
            raise BadAnswer(self.remote_id, f"it calls itself {remote.endpoint_id!r}")
        require_same_protocol(remote.greeting)
        gossip.told(self.remote_id, revision)
        gossip.hear(remote.greeting)
        self._filtered_at_source = any(
            log.filtered for log in remote.logs if self.connection.takes(log.name)
        )
        told = {log.name: log.head for log in remote.logs}
        await require_nothing_lost(self._local, self.remote_id, told)
        return remote

    def status(self) -> ConnectionStatus:
        """Return how the connection and its logs stand."""
        directions = ((self._reading, "read"), (self._offering, "offer"))
        kinds = [name for records, name in directions if records]
        logs = tuple(each.status() for each in (*self._reading, *self._offering))
        return ConnectionStatus(
            self.remote_id,
            "both" if len(kinds) == 2 else "".join(kinds),
            self.is_filtered,
            self._overall(tuple(each.condition for each in logs)),
            self._reason or next((each.last_error for each in logs if _needs_care(each)), ""),
            logs,
        )

    async def _run(self) -> None:
        try:
            while await self._work():
                pass
        except Exception as defect:  # kept and raised at the end; the status shows it meanwhile
            self.defect = defect
            self._fail(defect)

    async def _work(self) -> bool:
        """Connect once and work until that fails; false when it is for good."""
        try:
            self._require_taking_part()
            remote = await self.meet()
            self._declare()
            self._require_no_cycle()
            recovered_ms = {log.name: log.recovered_ms for log in remote.logs}
            await begin_anew_where_recovered(self._local, self.remote_id, recovered_ms)
            self._reason = ""
            await self._move_logs(remote)
        except (Retired, LogClosed) as reason:
            self._fail(reason)
            return False
        except FilteredCycle as reason:
            self._fail(reason)
            await self._pause(until_change=True)
        except MuseionError as reason:
            self._fail(reason)
            await self._pause(until_change=False)
        return True

    async def _move_logs(self, remote: EndpointInfo) -> None:
        offered = {log.name: log for log in remote.logs}
        for log in remote.logs:
            if log.log_id != log_id_of(self.remote_id, log.name):
                raise BadAnswer(self.remote_id, f"its log {log.name!r} is {log.log_id!r}")
        work = [self._replicator(each, offered) for each in self._reading]
        work += [self._offerer(each, offered) for each in self._offering]
        common = [each for each in work if each is not None]
        if not common:
            raise NoCommonLog(self.remote_id)
        self.condition = LinkCondition.UP_TO_DATE  # each log has its own from here on
        await _first_to_fail([*common, self._until_stopped()])

    def _replicator(
        self, record: LinkRecord, offered: dict[str, LogInfo]
    ) -> Coroutine[None, None, None] | None:
        if record.log_name not in offered:
            return None
        return Replicator(
            self._local,
            self.connection,
            self.neighbour,
            record,
            source_end=offered[record.log_name].sequence_nr,
            on_filtered=self._hear_filtered,
        ).run()

    def _offerer(
        self, record: LinkRecord, offered: dict[str, LogInfo]
    ) -> Coroutine[None, None, None] | None:
        if record.log_name not in offered:
            return None
        return Offerer(
            self._local,
            self.remote_id,
            self.neighbour,
            record,
            source=self._source,
            service=self._service,
        ).run()

    async def _until_stopped(self) -> None:
        """Wait until the topology does not allow the connection any more."""
        gossip = self._local.gossip
        while True:
            revision = gossip.revision
            self._require_taking_part()
            self._require_no_cycle()
            await gossip.changed(revision)

    def _hear_filtered(self, filtered: bool) -> None:
        if filtered and not self._filtered_at_source:
            self._filtered_at_source = True
            self._declare()
        self._require_no_cycle()

    def _require_no_cycle(self) -> None:
        self._local.gossip.require_no_cycle(self.remote_id, filtered=self.is_filtered)

    def _require_taking_part(self) -> None:
        for endpoint_id in (self._local.endpoint_id, self.remote_id):
            if self._local.gossip.has_retired(endpoint_id):
                raise Retired(f"{endpoint_id} takes part no more.")

    async def _pause(self, *, until_change: bool) -> None:
        """Wait for the next try."""
        records = (*self._reading, *self._offering)
        if not until_change:
            await asyncio.sleep(max([each.backoff.next_s() for each in records], default=1.0))
            return
        gossip = self._local.gossip
        revision = gossip.revision
        try:
            async with asyncio.timeout(self._local.settings.retry_delay_s):
                await gossip.changed(revision)
        except TimeoutError:
            pass

    def _fail(self, reason: Exception) -> None:
        self.condition = condition_after(reason)
        self._reason = str(reason)
        for record in (*self._reading, *self._offering):
            record.failed(reason)

    def _overall(self, of_logs: Sequence[LinkCondition]) -> LinkCondition:
        """Return the condition that needs attention most."""
        if self.condition is not LinkCondition.UP_TO_DATE:
            shown = [each for each in of_logs if each is LinkCondition.UNAVAILABLE]
            return shown[0] if shown else self.condition
        order = list(LinkCondition)
        troubled = [each for each in of_logs if each not in _CALM]
        if troubled:
            return max(troubled, key=order.index)
        catching_up = LinkCondition.CATCHING_UP in of_logs
        return LinkCondition.CATCHING_UP if catching_up else LinkCondition.UP_TO_DATE

    @property
    def _filters_offers(self) -> bool:
        return any(
            self._source.is_filtered(
                self.remote_id, each.log_name, log_id_of(self.remote_id, each.log_name)
            )
            for each in self._offering
        )

    def _records(self, names: Sequence[str]) -> list[LinkRecord]:
        return [LinkRecord(self._local, self.remote_id, name) for name in names]


_CALM = (LinkCondition.UP_TO_DATE, LinkCondition.CATCHING_UP)


def _needs_care(log: LogStatus) -> bool:
    return log.condition not in _CALM


async def _first_to_fail(work: Sequence[Coroutine[None, None, None]]) -> None:
    """Run all until one fails, end the others, and raise what it raised."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            if not task.done():
                task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
