"""Serves blobs to other sites over HTTP: a small ASGI application, usable alone or mounted.

`GET {prefix}/blobs/1/{digest}` gives a blob or one range of it, `POST {prefix}/blobs/1/have` tells
which of many are here. Who may not have a blob is told that it is not here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import msgspec

from museion.base.errors import Damaged, InvalidInput, MuseionError, NotFound
from museion.blobs.blob_store import BlobStore, Digest, as_digest
from museion.blobs.transfer.bandwidth import Bandwidth
from museion.blobs.transfer.blob_question import Digests
from museion.blobs.transfer.blob_source import MAX_ASKED

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_CHUNK_BYTES = 1 << 18
_MOST_BODY_BYTES = 1 << 17
_BODY_LIMIT_S = 10.0
_BUSY_S = 5
_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class BlobRequest:
    """A request as it came in, for whoever checks its signature.

    Attributes:
        target: path and query, as they stood in the request line.
        headers: by lower-case name; of a repeated one the last.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


CallerOf: TypeAlias = Callable[[BlobRequest], Awaitable[str | None]]
"""Tells which site asks; None, or a `MuseionError`, for a request that cannot be trusted."""

MayRead: TypeAlias = Callable[[str, Digest], bool]
"""Tells whether a site may have a blob. May block; may be called in any thread."""


class HttpBlobs:
    """An ASGI application that gives out the blobs of one store.

    Bytes are verified before they leave; a damaged blob is not here. At most `at_once` blobs leave
    at a time, whoever comes then is told to come again. Memory is bounded for each of them.

    Args:
        caller_of: checks who asks.
        may_read: the rights predicate; asked for each blob and each caller.
        prefix: what comes before `/blobs/1` in the paths.
        bandwidth: limit of all that leaves.
        idle_s: how long a reader may take for one piece before it is given up.
    """

    def __init__(
        self,
        store: BlobStore,
        *,
        caller_of: CallerOf,
        may_read: MayRead,
        prefix: str = "",
        bandwidth: Bandwidth | None = None,
        at_once: int = 32,
        idle_s: float = 60.0,
    ) -> None:
        self._store = store
        self._caller_of = caller_of
        self._may_read = may_read
        self._root = f"{prefix.rstrip('/')}/blobs/1/"
        self._bandwidth = bandwidth or Bandwidth()
        self._free = at_once
        self._idle_s = idle_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == "http", "only HTTP is served here"
        request = await _request(scope, receive)
        answer = _Answer(413) if request is None else await self._answer(request)
        try:
            await answer.send_through(send, self._bandwidth, self._idle_s)
        finally:
            answer.close()
            self._free += answer.places

    async def _answer(self, request: BlobRequest) -> _Answer:
        caller = await self._caller(request)
        if caller is None:
            return _Answer(401, {"WWW-Authenticate": "Signature"})
        path = request.target.partition("?")[0]
        name = path.removeprefix(self._root)
        if name == path:
            return _Answer(404)
        if name == "have":
            return await self._have(request, caller)
        if request.method not in {"GET", "HEAD"}:
            return _Answer(405, {"Allow": "GET, HEAD"})
        return await self._blob(request, caller, name)

    async def _caller(self, request: BlobRequest) -> str | None:
        try:
            return await self._caller_of(request)
        except MuseionError:
            return None

    async def _have(self, request: BlobRequest, caller: str) -> _Answer:
        if request.method != "POST":
            return _Answer(405, {"Allow": "POST"})
        try:
            asked = msgspec.json.decode(request.body, type=Digests).digests
        except msgspec.MsgspecError:
            return _Answer(400)
        if len(asked) > MAX_ASKED:
            return _Answer(413)
        here = await asyncio.to_thread(
            lambda: [each for each in asked if self._has(caller, Digest(each))]
        )
        body = msgspec.json.encode(Digests(here))
        return _Answer(200, {"Content-Type": "application/json"}, body)

    def _has(self, caller: str, digest: Digest) -> bool:
        return digest in self._store and self._may_read(caller, digest)

    async def _blob(self, request: BlobRequest, caller: str, name: str) -> _Answer:
        if not self._free:
            return _Answer(503, {"Retry-After": str(_BUSY_S)})
        self._free -= 1
        try:
            path = await asyncio.to_thread(self._path, caller, name)
            return _part(request, name, path)
        except (InvalidInput, NotFound, Damaged, FileNotFoundError):
            return _Answer(404, places=1)
        except (MuseionError, OSError):
            return _Answer(503, {"Retry-After": str(_BUSY_S)}, places=1)
        except BaseException:
            self._free += 1
            raise

    def _path(self, caller: str, name: str) -> Path | None:
        digest = as_digest(name)
        return self._store.path(digest) if self._has(caller, digest) else None


@dataclass(slots=True)
class _Answer:
    """Status, headers and either a body or a part of an open file."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    file: BinaryIO | None = None
    file_bytes: int = 0
    places: int = 0

    async def send_through(self, send: Send, bandwidth: Bandwidth, idle_s: float) -> None:
        size = {"Content-Length": str(len(self.body) + self.file_bytes)}
        headers = size | dict(self.headers) | {"Cache-Control": "private, no-store"}
        raw = [(key.lower().encode("ascii"), each.encode("ascii")) for key, each in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                await bandwidth.take(len(piece))
                async with asyncio.timeout(idle_s):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})

    def close(self) -> None:
        if self.file is not None:
            self.file.close()

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        left = self.file_bytes
        while self.file is not None and left > 0:
            piece = await asyncio.to_thread(self.file.read, min(_CHUNK_BYTES, left))
            if not piece:
                raise EOFError("a blob became shorter while it was sent")  # breaks the answer off
            left -= len(piece)
            yield piece


def _part(request: BlobRequest, name: str, path: Path | None) -> _Answer:
    """Return the answer with a blob, or the range of it that was asked for."""
    if path is None:
        return _Answer(404, places=1)
    size = path.stat().st_size
    headers = {
        "Content-Type": "application/octet-stream",
        "Accept-Ranges": "bytes",
        "ETag": f'"{name}"',
    }
    start, end = _asked_range(request.headers, name, size)
    if start >= size and start > 0:
        return _Answer(416, {"Content-Range": f"bytes */{size}"}, places=1)
    status = 200
    if (start, end) != (0, size):
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    if request.method == "HEAD":
        return _Answer(status, headers | {"Content-Length": str(end - start)}, places=1)
    file = path.open("rb")
    file.seek(start)
    return _Answer(status, headers, file=file, file_bytes=end - start, places=1)


def _asked_range(headers: Mapping[str, str], name: str, size: int) -> tuple[int, int]:
    asked = _RANGE.fullmatch(headers.get("range", ""))
    if asked is None or headers.get("if-range", f'"{name}"') != f'"{name}"':
        return 0, size
    start, end = int(asked[1]), int(asked[2]) + 1 if asked[2] else size
    if start >= end and start < size:
        return 0, size
    return start, min(end, size)


async def _request(scope: Scope, receive: Receive) -> BlobRequest | None:
    """Return a request with its body; None where that is too long or does not come."""
    body = b""
    try:
        async with asyncio.timeout(_BODY_LIMIT_S):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > _MOST_BODY_BYTES:
                    return None
    except TimeoutError:
        return None
    headers = {
        key.decode("latin-1").lower(): each.decode("latin-1") for key, each in scope["headers"]
    }
    path = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0]
    query = scope.get("query_string", b"")
    target = (path + (b"?" + query if query else b"")).decode("latin-1")
    return BlobRequest(scope["method"], target, headers, body)
