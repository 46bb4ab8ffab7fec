"""The line to one site over HTTP: sends a request, takes the answer, says what is wrong with it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn, TypeVar
from urllib.parse import urlsplit

import httpx

from museion.base.errors import InvalidInput
from museion.log.replication.bodies import (
    ENCODING,
    MEDIA_TYPE,
    PATH,
    BodyTooLarge,
    DamagedBody,
    is_ours,
    unpack,
)
from museion.log.replication.refusals import BadAnswer, Unreachable

T = TypeVar("T")

_BEHIND_A_PROXY = frozenset({502, 503, 504})
_REDIRECTS = range(300, 400)
_SMALL_BYTES = 1 << 16


class InvalidAddress(InvalidInput):
    """The address of a site is none."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"Expected the address of a site, as https://office.example/museion, got {url!r:.200}."
        )


class _NoCertificates(InvalidInput):
    def __init__(self, ca_file: Path, reason: OSError) -> None:
        super().__init__(f"Expected PEM certificates in {ca_file}, got: {reason}.")


@dataclass(frozen=True, slots=True)
class HttpTimes:
    """How long one call may take, in seconds.

    Attributes:
        connect_s: until there is a connection, TLS included.
        remote_read_timeout_s: until the answer begins, beyond what a read asks to be held; and then
            between two pieces of it.
        transfer_s: for all of an answer, from its beginning; and for sending a large request.
    """

    connect_s: float = 5.0
    remote_read_timeout_s: float = 10.0
    transfer_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Received:
    """An answer as it came, not checked yet."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class HttpLine:
    """Sends requests to one site over HTTP/1.1; connections are kept.

    Args:
        url: base address of the site; the protocol's path comes behind it.
        remote_id: whose it is, for messages.
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
        ca_file: Path | None = None,
        times: HttpTimes | None = None,
        max_answer_bytes: int = 64 << 20,
    ) -> None:
        self._url = require_address(url)
        self._times = times or HttpTimes()
        self._max_answer_bytes = max_answer_bytes
        self._client = _client(self._url, ca_file, self._times.connect_s)
        self.where = f"{remote_id} ({self._url})"

    async def post(
        self, name: str, headers: Mapping[str, str], body: bytes, *, wait_s: float = 0.0
    ) -> Received:
        """Return the answer of a program that speaks the protocol; whose, is not checked yet.

        Args:
            name: of the request, as `read`.
            wait_s: how long the other side may hold it, seconds.

        Raises:
            Unreachable: no answer came, or a proxy's that there is none.
            BadAnswer: something else answers there, or the answer is too large.
        """
        try:
            received = await self._received(name, headers, body, wait_s)
        except TimeoutError as reason:
            waited_s = wait_s + self._times.remote_read_timeout_s
            raise Unreachable(self.where, f"nothing came for {waited_s:g} s") from reason
        except httpx.HTTPError as reason:
            raise Unreachable(self.where, _cause_of(reason)) from reason
        if not is_ours(received.headers.get("content-type", "")):
            self._refuse_foreign(received)
        return received

    def unpacked(self, received: Received, kind: type[T]) -> tuple[T, int]:
        """Return the message in an answer, and its size in bytes before compression.

        Raises:
            BadAnswer: it holds none.
        """
        encoding, limit = received.headers.get(ENCODING, ""), self._max_answer_bytes
        try:
            return unpack(received.content, kind, encoding=encoding, max_bytes=limit)
        except BodyTooLarge as reason:
            raise self._too_large() from reason
        except DamagedBody as reason:
            raise BadAnswer(self.where, reason.message.rstrip(".")) from reason

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._client.aclose()

    async def _received(
        self, name: str, headers: Mapping[str, str], body: bytes, wait_s: float
    ) -> Received:
        loop = asyncio.get_running_loop()
        quiet_s = self._times.remote_read_timeout_s
        # A large body takes its time on a slow line, and is no sign of a dead one.
        sending_s = self._times.transfer_s if len(body) > _SMALL_BYTES else 0.0
        async with asyncio.timeout(wait_s + quiet_s + sending_s) as limit:
            sent = self._client.stream(
                "POST",
                self._url + PATH + name,
                content=body,
                headers={**headers, "content-type": MEDIA_TYPE, "accept-encoding": "identity"},
            )
            async with sent as answer:
                ends_at = loop.time() + self._times.transfer_s
                content = bytearray()
                async for piece in answer.aiter_raw():
                    content += piece
                    if len(content) > self._max_answer_bytes:
                        raise self._too_large()
                    limit.reschedule(min(loop.time() + quiet_s, ends_at))
                return Received(answer.status_code, answer.headers, bytes(content))

    def _refuse_foreign(self, received: Received) -> NoReturn:
        """Say who may have answered in place of the site: mostly a proxy or another server."""
        status = received.status
        shown = f"{status} {_phrase(status)}".strip()
        if status in _BEHIND_A_PROXY:
            raise Unreachable(
                self.where, f"a proxy before it says {shown}: the site behind does not answer"
            )
        if status in _REDIRECTS:
            to = received.headers.get("location", "nowhere")
            raise BadAnswer(self.where, f"it sends on to {to:.200}; keep that address instead")
        kind = received.headers.get("content-type", "no type")
        raise BadAnswer(
            self.where,
            f"{shown} with content of {kind:.80}: a proxy or another program answers there",
        )

    def _too_large(self) -> BadAnswer:
        return BadAnswer(self.where, f"it is larger than {self._max_answer_bytes} bytes")


def require_address(url: str) -> str:
    """Return the base address of a site without a slash at its end. Raises `InvalidAddress`."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        raise InvalidAddress(url) from None
    if not usable or parts.query or parts.fragment or parts.username or not url.isascii():
        raise InvalidAddress(url)
    return url.rstrip("/")


def _client(url: str, ca_file: Path | None, connect_s: float) -> httpx.AsyncClient:
    verify: ssl.SSLContext | bool = url.startswith("https:")
    if ca_file is not None:
        try:
            verify = ssl.create_default_context(cafile=str(ca_file))
        except OSError as reason:  # an error of TLS is one, too
            raise _NoCertificates(ca_file, reason) from reason
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
            return f"the connection ended in the middle of an answer ({error})".rstrip(".")
        case _:
            return str(error).rstrip(".") or type(error).__name__
