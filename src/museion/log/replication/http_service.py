"""The door of a replication endpoint: an ASGI application, usable alone or mounted in another.

It answers `POST {prefix}/replication/1/{info,read,offer,recover,join}`, whatever the prefix is, and
where it serves devices `device-submit` and `device-read` as well.
Each request is signed by a known site and each answer by this one (`signing`). A request is
checked by its headers before its body is read, so strangers cost little.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from museion.base.errors import MuseionError
from museion.log.replication.answers import EndpointAnswers, JoinAnswers
from museion.log.replication.asgi_exchange import (
    ClientGone,
    Exchange,
    Receive,
    Scope,
    Send,
    SiteStops,
    serve_lifespan,
)
from museion.log.replication.bodies import (
    ACCEPT,
    COVERED_IN_REQUEST,
    ENCODING,
    MEDIA_TYPE,
    PATH,
    ZSTD,
    Body,
    is_ours,
    pack,
)
from museion.log.replication.devices.device_door import DeviceDoor
from museion.log.replication.devices.device_messages import (
    DeviceRead,
    DeviceReadAnswer,
    DeviceSite,
    Submission,
)
from museion.log.replication.directory import SiteDirectory
from museion.log.replication.http_errors import (
    ServerDefect,
    TooBusy,
    UntrustedRequest,
)
from museion.log.replication.http_refusals import NothingThere, on_the_wire, refusal_for
from museion.log.replication.protocol import (
    InfoRequest,
    Offer,
    ReadAnswer,
    ReadRequest,
    RecoveryRequest,
)
from museion.log.replication.refusals import BadRequest, NotTrusted, ReplayedRequest
from museion.log.replication.replay_guard import ReplayGuard
from museion.log.replication.signing import (
    Target,
    VerifiedRequest,
    addressee,
    sign_answer,
    verify_request,
)
from museion.log.replication.site_keys import SiteKeys
from museion.log.replication.transfer_statistics import TransferStatistics

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds of the door.

    Attributes:
        max_request_bytes: of a body, before and after compression.
        max_offer_bytes: as before, of an offer or what a device submits; it holds events.
        max_requests: of known sites, served at once; reads that are held count.
        max_requests_of_a_site: of these, of one site.
        max_joins: joins served at once.
        body_limit_s: in how many seconds a body must have come.
    """

    max_request_bytes: int = 1 << 20
    max_offer_bytes: int = 64 << 20
    max_requests: int = 512
    max_requests_of_a_site: int = 64
    max_joins: int = 4
    body_limit_s: float = 60.0


@dataclass(frozen=True, slots=True)
class _Call:
    """One kind of request: what it decodes to and who answers it."""

    kind: type[Any]
    answer: Callable[[str, Any], Coroutine[Any, Any, object]]
    max_bytes: int


_Answer: TypeAlias = tuple[int, object]


class HttpService:
    """Serves an endpoint over HTTP.

    Nothing that comes in raises: bad input is refused in words of the protocol, and a defect of the
    program is answered as such and logged. When a client goes away its request is cancelled.

    Args:
        service: what answers; `keys.site_id` is the id of its endpoint.
        keys: sign the answers.
        directory: the sites that may ask.
        now_ms: the wall clock, milliseconds since 1970.
        joins: answers joins by invitation; they are refused where it is left out.
        devices: answers devices, as `DeviceIntake` does; they are refused where it is left out. A
            device is known as a site is, by an id that is its device id.
        guard: shared with other doors of this site, so that no request passes at two of them.
    """

    def __init__(
        self,
        service: EndpointAnswers,
        *,
        keys: SiteKeys,
        directory: SiteDirectory,
        now_ms: Callable[[], int],
        joins: JoinAnswers | None = None,
        devices: DeviceSite | None = None,
        limits: HttpLimits | None = None,
        guard: ReplayGuard | None = None,
    ) -> None:
        self._keys = keys
        self._directory = directory
        self._now_ms = now_ms
        self._joins = joins
        self._limits = limits or HttpLimits()
        self._guard = guard or ReplayGuard(now_ms)
        small, large = self._limits.max_request_bytes, self._limits.max_offer_bytes
        self._calls = {
            "info": _Call(InfoRequest, service.info, small),
            "read": _Call(ReadRequest, service.read, small),
            "offer": _Call(Offer, service.offer, large),
            "recover": _Call(RecoveryRequest, service.recover, small),
        }
        if devices is not None:
            door = DeviceDoor(devices)
            self._calls["device-submit"] = _Call(Submission, door.submit, large)
            self._calls["device-read"] = _Call(DeviceRead, door.read, small)
        self._served: Counter[str] = Counter()
        self._joining = 0
        self._stopping = asyncio.Event()
        self._statistics = TransferStatistics()

    @property
    def statistics(self) -> TransferStatistics:
        """What went through this door since it was made."""
        return self._statistics

    @property
    def served_now(self) -> int:
        """How many requests of known sites are being served, held reads among them."""
        return self._served.total()

    def close(self) -> None:
        """End reads that are held, so that a server can stop; serve nobody any more. Idempotent."""
        self._stopping.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the start and stop of the server, as ASGI prescribes."""
        match scope["type"]:
            case "lifespan":
                await serve_lifespan(receive, send)
            case "http":
                await self._serve(Exchange(scope, receive, send))
            case _:
                await send({"type": "websocket.close"})

    async def _serve(self, exchange: Exchange) -> None:
        try:
            status, answer = await self._answered(exchange)
        except ClientGone:
            return
        except MuseionError as error:
            if isinstance(error, NotTrusted | ReplayedRequest):
                reason = error.reason if isinstance(error, UntrustedRequest) else error.message
                _LOG.warning("refused a request to %s: %s", exchange.path, reason)
            status, answer = on_the_wire(refusal_for(error))
        except RecursionError:  # msgspec takes what Python can just not walk through any more
            status, answer = on_the_wire(BadRequest("The request is nested too deeply."))
        except Exception:
            _LOG.exception("a request to %s met a defect", exchange.path)
            status, answer = on_the_wire(ServerDefect())
        await self._send(exchange, status, answer)

    async def _answered(self, exchange: Exchange) -> _Answer:
        if self._stopping.is_set():
            raise SiteStops
        name = exchange.path.rpartition(PATH)[2]
        if name == "join" and self._joins is not None:
            _require_post(exchange)
            return 200, await self._join(exchange, self._joins)
        call = self._calls.get(name)
        if call is None or PATH not in exchange.path:
            raise NothingThere(exchange.path)
        _require_post(exchange)
        verified = self.verified(exchange)
        with self._counted(verified.caller_id):
            request = await self._received(exchange, verified, call)
            return 200, await exchange.while_connected(
                call.answer(verified.caller_id, request), stopping=self._stopping
            )

    def verified(self, exchange: Exchange) -> VerifiedRequest:
        """Return who sends a request. Raises as `verify_request`."""
        return verify_request(
            exchange.headers,
            Target(exchange.method, PATH + exchange.path.rpartition(PATH)[2]),
            own_id=self._keys.site_id,
            directory=self._directory,
            guard=self._guard,
            now_ms=self._now_ms,
            covered=COVERED_IN_REQUEST,
        )

    async def _received(self, exchange: Exchange, verified: VerifiedRequest, call: _Call) -> object:
        content = await exchange.body(max_bytes=call.max_bytes, limit_s=self._limits.body_limit_s)
        verified.require_body(content)
        request, raw_bytes = exchange.decoded(content, call.kind, max_bytes=call.max_bytes)
        self._statistics = self._statistics.plus(
            received_bytes=len(content),
            received_raw_bytes=raw_bytes,
            received_events=_events_in(request),
        )
        return request

    async def _join(self, exchange: Exchange, joins: JoinAnswers) -> object:
        if self._joining >= self._limits.max_joins:
            raise TooBusy(f"{self._joining} sites are joining just now")
        self._joining += 1
        try:
            return await joins.join(exchange)
        finally:
            self._joining -= 1

    @contextmanager
    def _counted(self, caller_id: str) -> Iterator[None]:
        """Count a request while it is served; refuse it where too many are."""
        limits = self._limits
        if self._served[caller_id] >= limits.max_requests_of_a_site:
            raise TooBusy(f"{self._served[caller_id]} requests of this site are served just now")
        if self._served.total() >= limits.max_requests:
            raise TooBusy(f"{limits.max_requests} requests are served just now")
        self._served[caller_id] += 1
        try:
            yield
        finally:
            self._served[caller_id] -= 1
            if not self._served[caller_id]:
                del self._served[caller_id]

    async def _send(self, exchange: Exchange, status: int, answer: object) -> None:
        accepts_zstd = exchange.headers.get(ACCEPT) == ZSTD
        body = pack(answer, accepts_zstd=accepts_zstd)
        headers = {"content-type": MEDIA_TYPE, "cache-control": "no-store"}
        to = addressee(exchange.headers)
        covered = {ENCODING: body.encoding}
        if to is None:
            headers |= covered
        else:
            headers |= sign_answer(
                self._keys,
                recipient_id=to.site_id,
                nonce=to.nonce,
                status=status,
                body=body.content,
                covered=covered,
            )
        self._count_sent(status, answer, body)
        await exchange.answer(status, headers, body.content)

    def _count_sent(self, status: int, answer: object, body: Body) -> None:
        self._statistics = self._statistics.plus(
            requests=1,
            refused=int(status != 200),
            sent_bytes=len(body.content),
            sent_raw_bytes=body.raw_bytes,
            sent_events=_events_in(answer),
        )


def _events_in(message: object) -> int:
    """Return how many events a message carries."""
    match message:
        case Offer(answer=ReadAnswer(events=events)):
            return len(events)
        case ReadAnswer() | DeviceReadAnswer() | Submission():
            return len(message.events)
        case _:
            return 0


def _require_post(exchange: Exchange) -> None:
    if exchange.method != "POST":
        raise BadRequest(f"Expected the method POST, got {exchange.method!r:.20}.")
    found = exchange.headers.get("content-type", "none")
    if not is_ours(found):
        raise BadRequest(f"Expected the content type {MEDIA_TYPE}, got {found!r:.80}.")
