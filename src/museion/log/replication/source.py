"""Reading the logs of this endpoint for another one: what it lacks, wants and may have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.replication.covered import CoveredEvents, NothingLacking
from museion.log.replication.filters import (
    EVERYTHING,
    Filter,
    NamedFilters,
    Predicate,
    is_everything,
    predicate_of,
)
from museion.log.replication.gate import Gate, GateFor
from museion.log.replication.local_side import LocalSide
from museion.log.replication.protocol import ReadAnswer, ReadRequest
from museion.log.replication.reading import ReadLimits, read_for_replication
from museion.log.replication.refusals import Refused
from museion.log.replication.remote_logs import Held
from museion.log.replication.source_filters import SourceFilters
from museion.log.replication.wire import to_wire


class GateNotReady(Refused):
    """What may leave could not be decided in time."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"Expected the rights to be known within {limit_s} s; they are still worked out.",
            remedy="It is tried again by itself.",
        )


class Source:
    """Reads logs for other endpoints, and holds a read while there is nothing for it.

    For each event all of these are asked: is it new to the target, may it leave by the gate, does
    it pass the filters. The progress of the target moves on over those that stay.
    """

    def __init__(
        self,
        local: LocalSide,
        *,
        gate_for: GateFor,
        filters: SourceFilters,
        named_filters: NamedFilters,
    ) -> None:
        self._local = local
        self._gate_for = gate_for
        self._filters = filters
        self._named = named_filters

    def is_filtered(
        self, remote_id: str, log_name: str, target_log_id: str, only: Filter = EVERYTHING
    ) -> bool:
        """Tell whether some events of a log may stay here when another log reads it."""
        chosen = self._filters.filter_for(log_name, target_log_id, only)
        return self._gate_for(remote_id).parts or not is_everything(chosen)

    async def answer(
        self,
        remote_id: str,
        request: ReadRequest,
        *,
        on_nothing: Callable[[int], None] | None = None,
    ) -> ReadAnswer:
        """Return the next events for another log; whether it may ask is checked already.

        Args:
            on_nothing: told up to which number nothing is for the other log, while it waits.

        Raises:
            GateNotReady: the gate took too long.
            UnknownFilter, TooManyFilters: the filter cannot be used here.
            DamagedEvent, ReadFailed, LogClosed: as `EventLog.read`.
        """
        log = self._local.logs[request.log_name]
        gate = self._gate_for(remote_id)
        chosen = self._filters.filter_for(request.log_name, request.target_log_id, request.only)
        may_leave = _both(gate, predicate_of(chosen, self._named), all_pass=is_everything(chosen))
        with self._local.remote_logs.hold(
            request.target_log_id, request.known, recovering=request.recovering
        ) as held:
            passed = on_nothing or (lambda _: None)
            events, position = await self._next(log, request, held, gate, may_leave, passed)
        return ReadAnswer(
            source_log_id=log.log_id,
            events=tuple(map(to_wire, events)),
            scanned_to=position,
            sequence_nr=max(position, log.sequence_nr),
            version=log.version,
            oldest_ms=await _oldest_ms(log, position),
            filtered=gate.parts or not is_everything(chosen),
        )

    async def _next(
        self,
        log: EventLog,
        request: ReadRequest,
        held: Held,
        gate: Gate,
        may_leave: Predicate | None,
        on_nothing: Callable[[int], None],
    ) -> tuple[list[Event], int]:
        """Return the next events and how far the log was looked through, perhaps after a wait."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + request.wait_s
        revision = self._local.gossip.revision
        position, last = request.after, request.after + request.max_scanned
        if request.up_to is not None:
            last = min(last, request.up_to)
        while position < last:
            end = min(last, log.sequence_nr)
            if position < end:
                # Not only to where it reads: rights may have been taken away behind that.
                await self._until_ready(gate, log.sequence_nr)
                found = await read_for_replication(
                    log,
                    after=position,
                    known=held.known,
                    up_to=end,
                    may_leave=may_leave,
                    may_be_lacking=_lacking(self._local.covered, request),
                    limits=ReadLimits(request.max_events, request.max_bytes, request.max_scanned),
                )
                position = found.scanned_to
                if found.events:
                    return list(found.events), position
                on_nothing(position)
                continue
            left_s = deadline - loop.time()
            if left_s <= 0 or revision != self._local.gossip.revision:
                break
            if not self._local.is_active or self._local.is_recovering:
                break
            await self._news(log, position, revision, left_s)
        return [], position

    async def _until_ready(self, gate: Gate, sequence_nr: int) -> None:
        limit_s = self._local.settings.remote_read_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await gate.ready(sequence_nr)
        except TimeoutError:
            raise GateNotReady(limit_s) from None

    async def _news(self, log: EventLog, position: int, revision: int, limit_s: float) -> None:
        """Wait until the log has grown or the topology has changed, or the time is over."""
        growth = asyncio.create_task(grown(log, position))
        change = asyncio.create_task(self._local.gossip.changed(revision))
        tasks = (growth, change)
        try:
            await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            growth.cancel()
            change.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        log.require_open()


async def grown(log: EventLog, after: int) -> None:
    """Wait until a log ends behind a number. No limit of its own. Raises `LogClosed`."""
    if log.sequence_nr > after:
        return
    subscription = log.subscribe(log.sequence_nr)
    try:
        await subscription.next()
    finally:
        subscription.close()


def _lacking(covered: CoveredEvents, request: ReadRequest) -> Predicate | None:
    """Return what tells of events that the reader may lack; its own it has, or brings back."""
    if isinstance(covered, NothingLacking):
        return None
    reader_id = request.target_log_id
    return lambda event: event.process_id != reader_id and covered.may_be_lacking(event)


def _both(gate: Gate, passes: Predicate, *, all_pass: bool) -> Predicate | None:
    """Return the predicate of gate and filter; None where nothing can stay here."""
    may_leave = gate.may_leave
    if all_pass:
        return may_leave if gate.restricts else None
    if not gate.restricts:
        return passes
    return lambda event: may_leave(event) and passes(event)


async def _oldest_ms(log: EventLog, position: int) -> int:
    if position >= log.sequence_nr:
        return 0
    following = await log.read(after=position, limit=1, deleted=True)
    return following[0].system_time_ms if following else 0
