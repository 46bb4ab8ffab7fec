"""One HTTP request of an ASGI server: its parts, its body within limits, and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping
from typing import Any, TypeAlias, TypeVar

from museion.log.replication.bodies import ENCODING, BodyTooLarge, DamagedBody, unpack
from museion.log.replication.http_errors import TemporarilyUnavailable
from museion.log.replication.refusals import BadRequest

T = TypeVar("T")

# What ASGI itself prescribes.
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_DRAIN_BYTES = 1 << 18


class ClientGone(Exception):
    """The client closed the connection: nobody waits for an answer. Never leaves the service."""


class SiteStops(TemporarilyUnavailable):
    """The site ends what it serves, because it stops."""

    def __init__(self) -> None:
        super().__init__("The site is stopping.", remedy="It is tried again by itself.")


class Exchange:
    """A request and the way back.

    Attributes:
        headers: by their names in lower case; of a repeated one the last.
        path: as it was sent, with the query behind it.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._body_taken = False
        self.method: str = scope["method"]
        self.path = _sent_path(scope)
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }

    async def body(self, *, max_bytes: int, limit_s: float) -> bytes:
        """Return the body.

        Raises:
            BodyTooLarge: it is larger than `max_bytes`; no more than that was kept.
            BadRequest: it did not come within `limit_s` seconds.
            ClientGone: the client gave up.
        """
        told = self.headers.get("content-length", "")
        if told.isdecimal() and (len(told) > 15 or int(told) > max_bytes):
            raise BodyTooLarge(max_bytes)
        try:
            async with asyncio.timeout(limit_s):
                return await self._body(max_bytes)
        except TimeoutError as reason:
            raise BadRequest(f"The body did not come within {limit_s:g} s.") from reason

    async def _body(self, max_bytes: int) -> bytes:
        content = bytearray()
        while not self._body_taken:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            content += message.get("body", b"")
            if len(content) > max_bytes:
                raise BodyTooLarge(max_bytes)
            self._body_taken = not message.get("more_body", False)
        return bytes(content)

    def decoded(self, content: bytes, kind: type[T], *, max_bytes: int) -> tuple[T, int]:
        """Return the message in the body, and its size in bytes before compression.

        Raises:
            BadRequest, BodyTooLarge: it holds none, or one that is too large.
        """
        encoding = self.headers.get(ENCODING, "")
        try:
            return unpack(content, kind, encoding=encoding, max_bytes=max_bytes)
        except DamagedBody as reason:
            raise BadRequest(reason.message, remedy=reason.remedy) from reason

    async def while_connected(self, work: Coroutine[Any, Any, T], *, stopping: asyncio.Event) -> T:
        """Return what some work returns; cancel it when the client goes away or this site stops.

        Raises:
            ClientGone: it went away; the work has ended.
            SiteStops: so does this site; the work has ended.
        """
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self._disconnected())
        stop = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait([task, gone, stop], return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientGone if gone.done() else SiteStops
            return task.result()
        finally:
            for each in (task, gone, stop):
                each.cancel()
            await asyncio.gather(task, gone, stop, return_exceptions=True)

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send the answer, after taking the rest of a small body, so that it is read at all."""
        await self._drain()
        shown = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        shown.append((b"content-length", str(len(body)).encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": shown})
        await self._send({"type": "http.response.body", "body": body})

    async def _drain(self) -> None:
        """Take what is left of the body, within bounds; the server closes what is larger."""
        left = _DRAIN_BYTES
        try:
            async with asyncio.timeout(1.0):
                while not self._body_taken and left > 0:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    self._body_taken = not message.get("more_body", False)
        except TimeoutError:
            return


async def serve_lifespan(receive: Receive, send: Send) -> None:
    """Answer a server's start and stop; there is nothing to do for either."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _sent_path(scope: Scope) -> str:
    path: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
    query: bytes = scope.get("query_string") or b""
    path = path.partition(b"?")[0]
    return (path + (b"?" + query if query else b"")).decode("latin-1")
