"""A remote endpoint reached over HTTP: requests are signed, answers are checked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn, TypeVar
from urllib.parse import urlsplit

import httpx

from museion.base.errors import InvalidInput
from museion.log.replication.bodies import (
    ACCEPT,
    COVERED_IN_ANSWER,
    ENCODING,
    MEDIA_TYPE,
    PATH,
    ZSTD,
    Body,
    BodyTooLarge,
    DamagedBody,
    pack,
    unpack,
)
from museion.log.replication.directory import SiteDirectory
from museion.log.replication.protocol import (
    EndpointInfo,
    InfoRequest,
    Offer,
    OfferTaken,
    ReadAnswer,
    ReadRequest,
    RecoveryAnswer,
    RecoveryRequest,
)
from museion.log.replication.refusals import (
    BadAnswer,
    RefusalMessage,
    Unreachable,
    refusal_of,
)
from museion.log.replication.signing import (
    NONCE,
    Target,
    require_digest,
    sign_request,
    verify_answer,
)
from museion.log.replication.site_keys import SiteKeys
from museion.log.replication.transfer_statistics import TransferStatistics

T = TypeVar("T")

_BEHIND_A_PROXY = {502, 503, 504}
_PASSING_CODES = {"busy", "unavailable", "defect"}
_REDIRECTS = range(300, 400)


class InvalidAddress(InvalidInput):
    """The address of a site is none."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"Expected the address of a site, as https://office.example/museion, got {url!r:.200}."
        )


@dataclass(frozen=True, slots=True)
class HttpTimes:
    """How long one call may take, in seconds.

    Attributes:
        connect_s: until there is a connection, TLS included.
        remote_read_timeout_s: until the answer begins, beyond what a read asks to be held; and then
            between two pieces of it.
        transfer_s: for all of the answer, from its beginning; also for the request.
    """

    connect_s: float = 5.0
    remote_read_timeout_s: float = 10.0
    transfer_s: float = 120.0


@dataclass(frozen=True, slots=True)
class _Received:
    status: int
    headers: dict[str, str]
    content: bytes


class HttpNeighbour:
    """The door of a remote endpoint over HTTP/1.1, with kept connections; implements `Neighbour`.

    Calls may run side by side. All raise `Unreachable`, `BadAnswer` and `Refused`.

    Args:
        url: base address of the site; the protocol's path comes behind it.
        remote_id: the site that must answer; no other one is believed.
        keys: sign the requests.
        directory: knows the keys of the remote site.
        now_ms: the wall clock, milliseconds since 1970.
        ca_file: certificates to trust instead of the system's, PEM; for a private authority.
        max_answer_bytes: of one answer, before and after compression.

    Raises:
        InvalidAddress: `url` is none of http or https.
        InvalidInput: `ca_file` holds no certificates.
    """

    def __init__(
        self,
        url: str,
        remote_id: str,
        *,
        keys: SiteKeys,
        directory: SiteDirectory,
        now_ms: Callable[[], int],
        ca_file: Path | None = None,
        times: HttpTimes | None = None,
        max_answer_bytes: int = 64 << 20,
    ) -> None:
        self._url = require_address(url)
        self._remote_id = remote_id
        self._keys = keys
        self._directory = directory
        self._now_ms = now_ms
        self._times = times or HttpTimes()
        self._max_answer_bytes = max_answer_bytes
        self._statistics = TransferStatistics()
        self._client = client_for(self._url, ca_file, connect_s=self._times.connect_s)

    @property
    def statistics(self) -> TransferStatistics:
        """What went over this line since the object was made."""
        return self._statistics

    async def info(self, request: InfoRequest) -> EndpointInfo:
        """Return who the remote endpoint is."""
        return await self._call("info", request, EndpointInfo)

    async def read(self, request: ReadRequest) -> ReadAnswer:
        """Return the next events of a log, or hold on until there are some."""
        answer = await self._call("read", request, ReadAnswer, wait_s=request.wait_s)
        self._count(received_events=len(answer.events))
        return answer

    async def offer(self, offer: Offer) -> OfferTaken:
        """Bring events to an endpoint that cannot come and fetch them."""
        taken = await self._call("offer", offer, OfferTaken)
        self._count(sent_events=0 if offer.answer is None else len(offer.answer.events))
        return taken

    async def recover(self, request: RecoveryRequest) -> RecoveryAnswer:
        """Let the remote endpoint set back what it believes to know of this one."""
        return await self._call("recover", request, RecoveryAnswer)

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._client.aclose()

    async def _call(self, name: str, message: object, kind: type[T], *, wait_s: float = 0.0) -> T:
        body = pack(message, accepts_zstd=True)
        headers = sign_request(
            self._keys,
            Target("POST", PATH + name),
            recipient_id=self._remote_id,
            now_ms=self._now_ms(),
            body=body.content,
            covered={ENCODING: body.encoding, ACCEPT: ZSTD},
        )
        received = await self._received(name, headers, body, wait_s)
        digest = self._verified(received, headers[NONCE])
        require_digest(self._remote_id, digest, received.content)
        if received.status != 200:
            self._count(requests=1, refused=1)
            self._refuse(self._unpacked(received, RefusalMessage))
        answer = self._unpacked(received, kind)
        self._count(requests=1, sent_bytes=len(body.content), sent_raw_bytes=body.raw_bytes)
        return answer

    async def _received(
        self, name: str, headers: dict[str, str], body: Body, wait_s: float
    ) -> _Received:
        try:
            async with self._answering(name, headers, body, wait_s) as received:
                return received
        except TimeoutError as reason:
            waited_s = wait_s + self._times.remote_read_timeout_s
            raise Unreachable(self._where, f"nothing came for {waited_s:g} s") from reason
        except httpx.HTTPError as reason:
            raise Unreachable(self._where, _cause_of(reason)) from reason

    @asynccontextmanager
    async def _answering(
        self, name: str, headers: dict[str, str], body: Body, wait_s: float
    ) -> AsyncIterator[_Received]:
        loop = asyncio.get_running_loop()
        quiet_s = self._times.remote_read_timeout_s
        # A large body takes its time on a slow line, and is no sign of a dead one.
        sending_s = self._times.transfer_s if len(body.content) > 1 << 16 else 0.0
        async with asyncio.timeout(wait_s + quiet_s + sending_s) as limit:
            sent = self._client.stream(
                "POST",
                self._url + PATH + name,
                content=body.content,
                headers=headers | {"content-type": MEDIA_TYPE, "accept-encoding": "identity"},
            )
            async with sent as answer:
                ends_at = loop.time() + self._times.transfer_s
                content = bytearray()
                async for piece in answer.aiter_raw():
                    content += piece
                    if len(content) > self._max_answer_bytes:
                        raise self._too_large()
                    limit.reschedule(min(loop.time() + quiet_s, ends_at))
                yield _Received(answer.status_code, dict(answer.headers), bytes(content))

    def _verified(self, received: _Received, nonce: str) -> str:
        if received.headers.get("content-type") != MEDIA_TYPE:
            self._refuse_foreign(received)
        return verify_answer(
            received.headers,
            received.status,
            sender_id=self._remote_id,
            own_id=self._keys.site_id,
            nonce=nonce,
            directory=self._directory,
            now_ms=self._now_ms,
            covered=COVERED_IN_ANSWER,
        )

    def _refuse_foreign(self, received: _Received) -> NoReturn:
        """Say who may have answered in place of the site: mostly a proxy or another server."""
        status = received.status
        shown = f"{status} {_phrase(status)}".strip()
        if status in _BEHIND_A_PROXY:
            raise Unreachable(
                self._where, f"a proxy before it says {shown}: the site behind does not run"
            )
        if status in _REDIRECTS:
            to = received.headers.get("location", "nowhere")
            raise BadAnswer(self._where, f"it sends on to {to:.200}; keep that address instead")
        kind = received.headers.get("content-type", "no type")
        raise BadAnswer(
            self._where,
            f"{shown} with content of {kind:.80}: a proxy or another program answers there",
        )

    def _unpacked(self, received: _Received, kind: type[T]) -> T:
        encoding = received.headers.get(ENCODING, "")
        try:
            message, raw_bytes = unpack(
                received.content, kind, encoding=encoding, max_bytes=self._max_answer_bytes
            )
        except BodyTooLarge as reason:
            raise self._too_large() from reason
        except DamagedBody as reason:
            raise BadAnswer(self._where, reason.message) from reason
        self._count(received_bytes=len(received.content), received_raw_bytes=raw_bytes)
        return message

    def _refuse(self, message: RefusalMessage) -> NoReturn:
        if message.code in _PASSING_CODES:
            raise Unreachable(self._where, f"it says: {message.message.rstrip('.')}")
        raise refusal_of(message)

    def _too_large(self) -> BadAnswer:
        return BadAnswer(self._where, f"it is larger than {self._max_answer_bytes} bytes")

    def _count(self, **more: int) -> None:
        self._statistics = self._statistics.plus(**more)

    @property
    def _where(self) -> str:
        return f"{self._remote_id} ({self._url})"


def require_address(url: str) -> str:
    """Return the base address of a site without a slash at its end. Raises `InvalidAddress`."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username or not url.isascii():
        raise InvalidAddress(url)
    return url.rstrip("/")


def client_for(url: str, ca_file: Path | None, *, connect_s: float) -> httpx.AsyncClient:
    """Return a client for the door of one site; time-outs beyond that to connect are the caller's.

    Raises:
        InvalidInput: `ca_file` holds no certificates.
    """
    verify: ssl.SSLContext | bool = url.startswith("https:")
    if ca_file is not None:
        try:
            verify = ssl.create_default_context(cafile=str(ca_file))
        except OSError as reason:  # an error of TLS is one, too
            raise InvalidInput(
                f"Expected certificates in PEM in {ca_file}, got: {reason}."
            ) from reason
    return httpx.AsyncClient(
        verify=verify,
        timeout=httpx.Timeout(None, connect=connect_s),
        limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
        headers={"user-agent": "museion"},
        trust_env=False,
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _cause_of(error: httpx.HTTPError) -> str:
    match error:
        case httpx.ConnectTimeout():
            return "no connection came about in time"
        case httpx.RemoteProtocolError():
            return f"the connection ended in the middle of an answer ({error})"
        case _:
            return str(error).rstrip(".") or type(error).__name__
