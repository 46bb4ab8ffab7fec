"""Following one log of a remote endpoint: read, store with the progress, read again.

While it catches up, several reads of consecutive ranges are under way; they are stored in order.
So the way to the other site and back is waited for once, not once a batch, and the source reads
while this site writes. At the end of the source one read waits there for what comes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from museion.base.errors import MuseionError
from museion.log.replication.connection import Connection, log_id_of
from museion.log.replication.intake import take_answer
from museion.log.replication.link_record import LinkRecord
from museion.log.replication.local_side import LocalSide
from museion.log.replication.protocol import Neighbour, ReadAnswer, ReadRequest
from museion.log.replication.refusals import FilteredCycle, NotMet, Retired, Unreachable

ENDING = (FilteredCycle, NotMet, Retired, Unreachable)
"""After these the endpoints meet again before anything else is tried."""


@dataclass(frozen=True, slots=True)
class _Timed:
    answer: ReadAnswer
    took_s: float


@dataclass(frozen=True, slots=True)
class _Read:
    """A read that is under way."""

    after: int
    up_to: int | None
    wait_s: float
    generation: int
    task: asyncio.Task[_Timed]


class Replicator:
    """Keeps one log here up to date with its namesake at one remote endpoint.

    Correct whatever the source answers: the log drops what it knows (the causality filter), and
    progress is stored with the events. Everything else here is for speed.

    Args:
        on_filtered: called when the source says that it leaves out events, before any is stored.
    """

    def __init__(
        self,
        local: LocalSide,
        connection: Connection,
        neighbour: Neighbour,
        record: LinkRecord,
        *,
        source_end: int,
        on_filtered: Callable[[bool], None],
    ) -> None:
        self._local = local
        self._settings = local.settings
        self._connection = connection
        self._remote_id = connection.remote_id
        self._neighbour = neighbour
        self._record = record
        self._on_filtered = on_filtered
        self._log_name = record.log_name
        self._log = local.logs[record.log_name]
        self._source_log_id = log_id_of(connection.remote_id, record.log_name)
        self._pace = record.pace
        self._loop = asyncio.get_running_loop()
        self._end = source_end
        self._next = 0
        self._reads: deque[_Read] = deque()
        self._is_answered = False

    async def run(self) -> None:
        """Replicate until cancelled, or until the endpoints have to meet again.

        Raises:
            FilteredCycle, Retired: the connection must stop.
            Unreachable: no answer came; the remote endpoint may be another one when it is back.
            LogClosed: the log here was closed.
        """
        while True:
            try:
                await self._follow()
            except ENDING:
                raise
            except MuseionError as reason:
                self._record.failed(reason)
                self._log.require_open()
            await asyncio.sleep(self._record.backoff.next_s())
            self._end = 0  # the source may have lost events; it tells anew

    async def _follow(self) -> None:
        self._next = self._local.remote_logs.progress(self._log, self._source_log_id)
        self._is_answered = False
        try:
            while True:
                self._ask_for_ranges()
                if not self._reads:
                    # Only once all is stored, so that the source hears how far this log has come.
                    self._reads.append(self._begin(self._next, None))
                read = self._reads.popleft()
                timed = await read.task
                answer, is_idle = timed.answer, self._is_idle(read, timed)
                self._look_at(read, timed)
                await self._plan_after(read, answer)
                if self._settings.ahead > 1:
                    self._ask_for_ranges()  # they travel while this answer is stored
                await self._store(read, answer)
                if is_idle:
                    await asyncio.sleep(self._settings.retry_delay_s)
        finally:
            await self._give_up_reads()

    def _ask_for_ranges(self) -> None:
        """Have as many reads under way as may be, up to where the source is known to end."""
        while len(self._reads) < self._settings.ahead and self._next < self._end:
            up_to = min(self._next + self._pace.span, self._end)
            self._reads.append(self._begin(self._next, up_to))
            self._next = up_to

    def _begin(self, after: int, up_to: int | None) -> _Read:
        generation = self._local.remote_logs.generation(self._source_log_id)
        # The first answer is not held: it tells soon that the link works.
        wait_s = self._settings.wait_s if up_to is None and self._is_answered else 0.0
        task = asyncio.create_task(self._read(after, up_to, wait_s))
        return _Read(after, up_to, wait_s, generation, task)

    async def _read(self, after: int, up_to: int | None, wait_s: float) -> _Timed:
        began_s = self._loop.time()
        gossip = self._local.gossip
        revision = gossip.revision
        request = ReadRequest(
            self._log_name,
            self._log.log_id,
            after,
            self._log.version,
            stored_to=self._local.remote_logs.progress(self._log, self._source_log_id),
            up_to=up_to,
            max_events=self._settings.max_batch_events,
            max_bytes=self._pace.max_bytes,
            max_scanned=self._settings.max_scanned,
            wait_s=wait_s,
            only=self._connection.only,
            greeting=self._local.greeting(self._remote_id),
        )
        limit_s = self._settings.remote_read_timeout_s
        try:
            async with asyncio.timeout(limit_s + wait_s):
                answer = await self._neighbour.read(request)
        except TimeoutError:
            self._pace.timed_out()
            gossip.forget_told(self._remote_id)
            raise Unreachable(self._remote_id, f"no answer within {limit_s} s") from None
        except MuseionError as reason:
            if isinstance(reason, Unreachable):
                self._pace.timed_out()
            gossip.forget_told(self._remote_id)
            raise
        gossip.told(self._remote_id, revision)
        gossip.hear(answer.greeting)
        return _Timed(answer, self._loop.time() - began_s)

    def _look_at(self, read: _Read, timed: _Timed) -> None:
        answer = timed.answer
        self._is_answered = True
        size_bytes = sum(len(each.envelope) for each in answer.events)
        self._pace.answered(
            scanned=answer.scanned_to - read.after,
            events=len(answer.events),
            size_bytes=size_bytes,
            took_s=timed.took_s if read.up_to is not None else 0.0,
            was_cut=read.up_to is not None and answer.scanned_to < read.up_to,
        )
        self._record.succeeded(events=len(answer.events), size_bytes=size_bytes)
        # Before anything of it is stored: what came around a cycle says so itself.
        self._on_filtered(answer.filtered)

    async def _plan_after(self, read: _Read, answer: ReadAnswer) -> None:
        self._end = max(self._end, answer.sequence_nr)
        if read.up_to is None:
            self._next = answer.scanned_to
            return
        left = min(read.up_to, answer.sequence_nr) - answer.scanned_to
        if left > self._pace.span:
            # Events are far larger than it seemed. One short read after the other for what is left
            # of the range would take longer than to ask anew, for ranges of the right size.
            await self._give_up_reads()
            self._next = answer.scanned_to
        elif left > 0 and self._settings.ahead > 1:
            self._reads.appendleft(self._begin(answer.scanned_to, read.up_to))
        elif left > 0:
            self._next = answer.scanned_to

    async def _store(self, read: _Read, answer: ReadAnswer) -> None:
        began_s = self._loop.time()
        try:
            await take_answer(
                self._local,
                self._log,
                answer,
                remote_id=self._remote_id,
                source_log_id=self._source_log_id,
                after=read.after,
                up_to=read.up_to,
                generation=read.generation,
            )
        except MuseionError:
            self._pace.wrote(float("inf"))
            raise
        self._pace.wrote(self._loop.time() - began_s)
        self._record.stands_at(answer.scanned_to, self._end, answer.oldest_ms)

    def _is_idle(self, read: _Read, timed: _Timed) -> bool:
        """Tell whether a source that does not hold reads had nothing to say."""
        answer = timed.answer
        if read.up_to is not None or answer.scanned_to > read.after or answer.greeting.topology:
            return False
        if not read.wait_s:  # the first read of several is not held, and says nothing of the source
            return not self._settings.wait_s
        return timed.took_s <= read.wait_s / 2

    async def _give_up_reads(self) -> None:
        tasks = [read.task for read in self._reads]
        self._reads.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
