"""One connection over which lost events come back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from msgspec.structs import replace

from museion.log.event_log import EventLog
from museion.log.replication.application_version import require_may_serve, require_same_protocol
from museion.log.replication.connection import Connection, log_id_of
from museion.log.replication.filters import is_everything
from museion.log.replication.intake import take_answer
from museion.log.replication.local_side import LocalSide
from museion.log.replication.pacing import Pace
from museion.log.replication.protocol import (
    InfoRequest,
    Neighbour,
    ReadAnswer,
    ReadRequest,
    RecoveryAnswer,
    RecoveryPoint,
    RecoveryRequest,
)
from museion.log.replication.recovery_states import ENDED, RECOVERY_OF
from museion.log.replication.refusals import BadAnswer, NowRecovering, Unreachable
from museion.log.replication.remote_logs import OutdatedAnswer

T = TypeVar("T")


class WayBack:
    """Asks one neighbour, and reads its logs.

    Attributes:
        answer: what the neighbour said last.

    Raises (all calls):
        Unreachable, Refused, BadAnswer: as `Neighbour`.
    """

    def __init__(self, local: LocalSide, connection: Connection, neighbour: Neighbour) -> None:
        self._local = local
        self._neighbour = neighbour
        self._pace = Pace(local.settings)
        self.connection = connection
        self.answer = RecoveryAnswer({})

    @property
    def remote_id(self) -> str:
        """Id of the neighbour."""
        return self.connection.remote_id

    @property
    def is_filtered(self) -> bool:
        """Tell whether something is left out over it, in either direction."""
        points = self.answer.points.values()
        told = any(point.filtered for point in points) or self._local.is_filtered(self.remote_id)
        return told or not is_everything(self.connection.only)

    def recovers(self, *, below: int = ENDED) -> bool:
        """Tell whether the neighbour said that it recovers itself, and is not in a phase yet."""
        return any(s.phase < below for s in self.answer.states if s.endpoint_id == self.remote_id)

    async def meet(self) -> bool:
        """Exchange what both know of the topology; false where the neighbour recovers itself.

        Raises:
            ApplicationTooOld, ProtocolMismatch: the neighbour would not serve this endpoint.
        """
        gossip = self._local.gossip
        request = InfoRequest(gossip.greeting(self.remote_id, full=True))
        try:
            remote = await self._within_limit(self._neighbour.info(request))
        except NowRecovering:
            return False
        require_same_protocol(remote.greeting)
        require_may_serve(remote.greeting.application, self._local.application)
        gossip.hear(remote.greeting)
        return True

    async def ask(self, request: RecoveryRequest) -> None:
        """Let the neighbour set back what it knows of this endpoint, and hear how far it reaches.

        Raises:
            ApplicationTooOld: the neighbour would not serve this endpoint.
        """
        answer = await self._within_limit(self._neighbour.recover(request))
        require_may_serve(answer.greeting.application, self._local.application)
        self._local.gossip.hear(answer.greeting)
        self.answer = answer
        if not self.is_filtered:
            self._local.recoveries.hear(answer.states)

    async def pull(self) -> None:
        """Read the neighbour's logs up to where they ended when it was asked.

        Begins where this endpoint had come to before.

        Raises:
            InvalidEvent, WriteFailed, LogUnavailable, LogClosed, LogDefect: as
                `EventLog.append_replicated`; what was read before is stored.
        """
        for name, point in self.answer.points.items():
            log = self._local.logs[name]
            if self.connection.takes(name):
                await self._begin_anew_if_moved(log, name, point)
                try:
                    while self._progress(log, name) < point.sequence_nr:
                        await self._read_next(log, name, point.sequence_nr)
                except OutdatedAnswer:  # the neighbour began to recover meanwhile
                    return

    async def _begin_anew_if_moved(self, log: EventLog, name: str, point: RecoveryPoint) -> None:
        """Read from the beginning if numbers there mean other events since this log was saved."""
        remote_id = log_id_of(self.remote_id, name)
        if not self.recovers() and point.recovered_ms != log.progress(RECOVERY_OF + remote_id):
            await self._local.remote_logs.set_back(log, remote_id, 0)
            await log.append([], progress={RECOVERY_OF + remote_id: point.recovered_ms})

    def _progress(self, log: EventLog, name: str) -> int:
        return self._local.remote_logs.progress(log, log_id_of(self.remote_id, name))

    async def _read_next(self, log: EventLog, name: str, up_to: int) -> None:
        local, settings = self._local, self._local.settings
        after, remote_id = self._progress(log, name), log_id_of(self.remote_id, name)
        generation = local.remote_logs.generation(remote_id)
        request = ReadRequest(
            name,
            log.log_id,
            after,
            log.version,
            stored_to=after,
            up_to=up_to,
            max_events=settings.max_batch_events,
            max_bytes=self._pace.max_bytes,
            max_scanned=settings.max_scanned,
            only=self.connection.only,
            recovering=True,
            greeting=local.greeting(self.remote_id, full=True),
        )
        answer = await self._in_time(request)
        if answer.scanned_to <= after:
            raise BadAnswer(self.remote_id, f"it does not come past {after}")
        await take_answer(
            local,
            log,
            answer,
            remote_id=self.remote_id,
            source_log_id=remote_id,
            after=after,
            up_to=up_to,
            generation=generation,
        )

    async def _in_time(self, request: ReadRequest) -> ReadAnswer:
        """Ask for less while the line is too narrow for what was asked."""
        while True:
            try:
                return await self._within_limit(self._neighbour.read(request))
            except _TookTooLong:
                self._pace.timed_out()
                if self._pace.max_bytes == request.max_bytes:
                    raise
                request = replace(request, max_bytes=self._pace.max_bytes)

    async def _within_limit(self, call: Awaitable[T]) -> T:
        limit_s = self._local.settings.remote_read_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await call
        except TimeoutError:
            raise _TookTooLong(self.remote_id, f"no answer within {limit_s} s") from None


class _TookTooLong(Unreachable):
    """Nothing is wrong but the time: less may come through."""
