"""The door of an endpoint: what it answers to others, over whatever transport they come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from museion.log.deletion import KEPT_FOR
from museion.log.event import MAX_NUMBER
from museion.log.event_log import EventLog
from museion.log.replication.application_version import (
    require_may_serve,
    require_same_protocol,
)
from museion.log.replication.connection import log_id_of
from museion.log.replication.intake import take_answer
from museion.log.replication.link import READ_BY
from museion.log.replication.local_side import LocalSide
from museion.log.replication.loss_detection import (
    heads_of,
    needs_recovery,
    require_met,
    require_nothing_lost,
)
from museion.log.replication.protocol import (
    EndpointInfo,
    Greeting,
    InfoRequest,
    LogInfo,
    Offer,
    OfferTaken,
    OriginHead,
    ReadAnswer,
    ReadRequest,
    RecoveryAnswer,
    RecoveryRequest,
)
from museion.log.replication.refusals import (
    BadRequest,
    NowRecovering,
    Refused,
    Retired,
    SourceLostEvents,
    UnknownLog,
)
from museion.log.replication.renumbering import begin_anew_where_recovered, last_recoveries
from museion.log.replication.source import Source
from museion.log.replication.status import ReaderStatus

AnswerRecovery: TypeAlias = Callable[[str, RecoveryRequest], Awaitable[RecoveryAnswer]]
"""Sets back what is known of the logs of a caller that lost events, and says what is known."""


class NotServing(Refused):
    """The endpoint is not active."""

    def __init__(self) -> None:
        super().__init__("The endpoint is not active.", remedy="It is tried again by itself.")


@dataclass(slots=True)
class _Reader:
    stored_to: int
    last_read_ms: int
    lacks_nothing_to: int = 0

    def pass_over(self, position: int) -> None:
        """Note that nothing up to a number is for the reader, though it has not heard of it yet."""
        self.lacks_nothing_to = position


class EndpointService:
    """Answers other endpoints. Every transport's server side calls it.

    The transport has made sure that `caller_id` is the endpoint that asks; here it is checked what
    that endpoint may ask for.

    Attributes:
        answer_recovery: helps a remote endpoint that lost events; set by the endpoint.

    Raises (all calls): a subclass of `Refused` that says why; errors of the log where it fails.
    """

    def __init__(self, local: LocalSide, source: Source) -> None:
        self._local = local
        self._source = source
        self.answer_recovery: AnswerRecovery | None = None
        self._readers: dict[tuple[str, str], _Reader] = {}

    @property
    def endpoint_id(self) -> str:
        """Id of the endpoint that answers."""
        return self._local.endpoint_id

    async def info(self, caller_id: str, request: InfoRequest) -> EndpointInfo:
        """Return who this endpoint is, and its logs."""
        self._meet(caller_id, request.greeting)
        await require_nothing_lost(self._local, caller_id, request.heads)
        await begin_anew_where_recovered(self._local, caller_id, request.recovered_ms)
        infos = [self._log_info(caller_id, name) for name in self._local.logs]
        filtered = any(info.filtered for info in infos) or self._local.is_filtered(caller_id)
        heads = await heads_of(self._local, caller_id, filtered=filtered)
        recovered_ms = last_recoveries(self._local)
        logs = tuple(
            msgspec.structs.replace(
                info,
                head=heads.get(info.name, OriginHead(0)),
                recovered_ms=recovered_ms[info.name],
            )
            for info in infos
        )
        # All of it: a caller that lost its memory has nothing to tell, and needs it most.
        greeting = self._greet(caller_id, request.greeting, full=True)
        return EndpointInfo(self._local.endpoint_id, logs, greeting)

    async def read(self, caller_id: str, request: ReadRequest) -> ReadAnswer:
        """Return the next events of a log for the caller's log of the same name.

        While there is nothing new for it that may leave, the answer is held for
        `request.wait_s` seconds; it moves the caller's progress on over what stays here.
        """
        self._meet(caller_id, request.greeting, recovering=request.recovering)
        log = self._log(request.log_name)
        self._require_own_log(caller_id, request.log_name, request.target_log_id)
        require_may_serve(self._local.application, request.greeting.application)
        self._require_no_cycle(caller_id, request)
        if log.write_hold.is_held and not request.recovering:
            raise needs_recovery(self._local.recoveries.needed)
        if not request.recovering:
            require_met(self._local, caller_id, log, request)
        if request.after > log.sequence_nr:
            self._local.recoveries.needed = f"{caller_id} has read on to event {request.after}"
            raise SourceLostEvents(
                f"Expected a position up to {log.sequence_nr}, the end of the log, got"
                f" {request.after}: this site has lost events.",
                remedy="Recover it: its neighbours bring back what is missing.",
            )
        reader = await self._note_reader(caller_id, log, request)
        in_turn = request.after == request.stored_to  # no earlier read is under way
        answer = await self._source.answer(
            caller_id, request, on_nothing=reader.pass_over if in_turn else None
        )
        self._require_serving(recovering=request.recovering)
        return msgspec.structs.replace(answer, greeting=self._greet(caller_id, request.greeting))

    async def offer(self, caller_id: str, offer: Offer) -> OfferTaken:
        """Take over events that a remote endpoint brings, as if they had been read from it.

        Without an answer in it, an offer only asks how far this endpoint has come. Events that do
        not begin where it stands are left out; the answer says where it stands.
        """
        self._meet(caller_id, offer.greeting)
        log = self._log(offer.log_name)
        self._require_own_log(caller_id, offer.log_name, offer.source_log_id)
        require_may_serve(offer.greeting.application, self._local.application)
        remote_logs, log_id = self._local.remote_logs, offer.source_log_id
        if offer.answer is not None and offer.after == remote_logs.progress(log, log_id):
            filtered = offer.answer.filtered
            self._local.gossip.require_no_cycle(caller_id, filtered=filtered)
            generation = remote_logs.generation(log_id)
            await take_answer(
                self._local,
                log,
                offer.answer,
                remote_id=caller_id,
                source_log_id=log_id,
                after=offer.after,
                up_to=None,
                generation=generation,
            )
        return OfferTaken(
            remote_logs.progress(log, log_id), log.version, self._greet(caller_id, offer.greeting)
        )

    async def forget_reader(self, log_name: str, remote_id: str) -> None:
        """Let deletion wait no more for a remote endpoint."""
        await self.note_stored(log_name, remote_id, MAX_NUMBER)
        self._readers.pop((remote_id, log_name), None)

    async def recover(self, caller_id: str, request: RecoveryRequest) -> RecoveryAnswer:
        """Set back what is known of an endpoint that lost events, and say what it lacks.

        It is answered while this endpoint recovers, too: two that lost events help each other.
        """
        if not self._local.is_active:
            raise NotServing
        self._require_taking_part(caller_id)
        require_same_protocol(request.greeting)
        self._local.gossip.hear(request.greeting)
        if self.answer_recovery is None:
            raise NotServing
        answer = await self.answer_recovery(caller_id, request)
        greeting = self._greet(caller_id, request.greeting)
        return msgspec.structs.replace(answer, greeting=greeting)

    def readers(self) -> tuple[ReaderStatus, ...]:
        """Return who has read from here since the start, in order of ids."""
        return tuple(
            ReaderStatus(
                remote_id,
                log_name,
                reader.stored_to,
                max(
                    0,
                    self._local.logs[log_name].sequence_nr
                    - max(reader.stored_to, reader.lacks_nothing_to),
                ),
                reader.last_read_ms,
            )
            for (remote_id, log_name), reader in sorted(self._readers.items())
        )

    async def note_stored(self, log_name: str, remote_id: str, stored_to: int) -> None:
        """Let deletion know how far a remote endpoint has stored what it got from here."""
        log = self._local.logs[log_name]
        reader = READ_BY + log_id_of(remote_id, log_name)
        if log.progress(reader) < min(stored_to, log.progress(KEPT_FOR + reader)):
            await log.append([], progress={reader: stored_to})
            log.deletion.look_again()

    def _meet(self, caller_id: str, greeting: Greeting, *, recovering: bool = False) -> None:
        self._require_serving(recovering=recovering)
        self._require_taking_part(caller_id)
        require_same_protocol(greeting)
        self._local.gossip.hear(greeting)
        self._require_taking_part(caller_id)

    def _require_serving(self, *, recovering: bool = False) -> None:
        # Endpoints that recover at once give each other what is left.
        if self._local.is_recovering and not recovering:
            raise NowRecovering(
                "The endpoint brings back lost events.", remedy="It is tried again by itself."
            )
        if not self._local.is_active:
            raise NotServing

    def _require_taking_part(self, caller_id: str) -> None:
        for endpoint_id in (caller_id, self._local.endpoint_id):
            if self._local.gossip.has_retired(endpoint_id):
                raise Retired(
                    f"{endpoint_id} takes part no more.",
                    remedy="To take part again it joins as a new site.",
                )

    def _log(self, log_name: str) -> EventLog:
        if log_name not in self._local.logs:
            raise UnknownLog(
                f"Expected one of the logs {', '.join(map(repr, self._local.logs))},"
                f" got {log_name!r}."
            )
        return self._local.logs[log_name]

    def _require_own_log(self, caller_id: str, log_name: str, log_id: str) -> None:
        expected = log_id_of(caller_id, log_name)
        if log_id != expected:
            raise BadRequest(f"Expected the log {expected!r} of {caller_id}, got {log_id!r}.")

    def _require_no_cycle(self, caller_id: str, request: ReadRequest) -> None:
        filtered = self._source.is_filtered(
            caller_id, request.log_name, request.target_log_id, request.only
        )
        self._local.gossip.require_no_cycle(caller_id, filtered=filtered)

    async def _note_reader(self, caller_id: str, log: EventLog, request: ReadRequest) -> _Reader:
        stored_to = min(request.stored_to, request.after, log.sequence_nr)
        reader = _Reader(stored_to, self._local.now_ms())
        self._readers[caller_id, request.log_name] = reader
        if not request.recovering:
            await self.note_stored(request.log_name, caller_id, stored_to)
        return reader

    def _log_info(self, caller_id: str, log_name: str) -> LogInfo:
        log = self._local.logs[log_name]
        target_log_id = log_id_of(caller_id, log_name)
        filtered = self._source.is_filtered(caller_id, log_name, target_log_id)
        return LogInfo(log_name, log.log_id, log.sequence_nr, log.version, filtered)

    def _greet(self, caller_id: str, told: Greeting, *, full: bool = False) -> Greeting:
        # An answer may be lost. Then the caller tells all again, and so is told all again.
        gossip = self._local.gossip
        greeting = gossip.greeting(caller_id, full=full or bool(told.topology))
        gossip.told(caller_id, gossip.revision)
        return greeting
