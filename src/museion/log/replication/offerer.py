"""Bringing the events of one log to a remote endpoint that does not come and fetch them."""

from __future__ import annotations

import asyncio

import msgspec

from museion.base.errors import MuseionError
from museion.log.replication.connection import log_id_of
from museion.log.replication.link_record import LinkRecord
from museion.log.replication.local_side import LocalSide
from museion.log.replication.protocol import Neighbour, Offer, OfferTaken, ReadAnswer, ReadRequest
from museion.log.replication.refusals import Unreachable
from museion.log.replication.replicator import ENDING
from museion.log.replication.service import EndpointService
from museion.log.replication.source import Source


class Offerer:
    """Keeps the log of one remote endpoint up to date with its namesake here.

    What may leave is decided by the same code as for a read.
    """

    def __init__(
        self,
        local: LocalSide,
        remote_id: str,
        neighbour: Neighbour,
        record: LinkRecord,
        *,
        source: Source,
        service: EndpointService,
    ) -> None:
        self._local = local
        self._remote_id = remote_id
        self._neighbour = neighbour
        self._record = record
        self._source = source
        self._service = service
        self._log = local.logs[record.log_name]
        self._pace = record.pace
        self._loop = asyncio.get_running_loop()
        self._target_log_id = log_id_of(remote_id, record.log_name)

    async def run(self) -> None:
        """Bring events until cancelled. Raises as `Replicator.run`."""
        while True:
            try:
                await self._follow()
            except ENDING:
                raise
            except MuseionError as reason:
                self._record.failed(reason)
                self._log.require_open()
            await asyncio.sleep(self._record.backoff.next_s())

    async def _follow(self) -> None:
        taken = await self._offer(0, None)
        end = self._log.sequence_nr
        while True:
            # What is there is gone through at once; at the end of it the log is watched.
            is_behind = taken.stored_to < end
            request = self._request(taken, is_behind=is_behind)
            answer = await self._source.answer(self._remote_id, request)
            end = answer.sequence_nr
            self._local.gossip.require_no_cycle(self._remote_id, filtered=answer.filtered)
            before = taken.stored_to
            taken = await self._offer(before, answer)
            await self._service.note_stored(self._record.log_name, self._remote_id, taken.stored_to)
            if answer.scanned_to > before >= taken.stored_to:
                return  # it did not take them; go on after a pause

    def _request(self, taken: OfferTaken, *, is_behind: bool) -> ReadRequest:
        settings = self._local.settings
        wait_s = max(settings.wait_s, settings.first_retry_delay_s)
        return ReadRequest(
            self._record.log_name,
            self._target_log_id,
            min(taken.stored_to, self._log.sequence_nr),
            taken.known,
            stored_to=taken.stored_to,
            max_events=settings.max_batch_events,
            max_bytes=self._pace.max_bytes,
            max_scanned=settings.max_scanned,
            wait_s=0.0 if is_behind else wait_s,
        )

    async def _offer(self, after: int, answer: ReadAnswer | None) -> OfferTaken:
        gossip = self._local.gossip
        revision = gossip.revision
        greeting = self._local.greeting(self._remote_id)
        if answer is not None:
            answer = msgspec.structs.replace(answer, greeting=greeting)
        offer = Offer(self._record.log_name, self._log.log_id, after, answer, greeting)
        limit_s = self._local.settings.remote_read_timeout_s
        began_s = self._loop.time()
        try:
            async with asyncio.timeout(limit_s):
                taken = await self._neighbour.offer(offer)
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
        gossip.hear(taken.greeting)
        self._note(taken, answer, took_s=self._loop.time() - began_s)
        return taken

    def _note(self, taken: OfferTaken, answer: ReadAnswer | None, *, took_s: float) -> None:
        events = answer.events if answer is not None else ()
        size_bytes = sum(len(each.envelope) for each in events)
        if events:  # an empty offer tells nothing of the line
            self._pace.brought(took_s)
        self._record.succeeded(events=len(events), size_bytes=size_bytes)
        # Of what has grown since, only what is new to the target matters, and that is looked for.
        end = answer.sequence_nr if answer is not None else self._log.sequence_nr
        oldest_ms = answer.oldest_ms if answer is not None else 0
        self._record.stands_at(taken.stored_to, end, oldest_ms)
