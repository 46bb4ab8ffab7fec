"""Blobs of another site over HTTP: byte ranges, so that a transfer goes on where it broke off."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager

import httpx
import msgspec

from museion.blobs.blob_store import Digest
from museion.blobs.transfer.blob_question import Digests
from museion.blobs.transfer.blob_source import MAX_ASKED
from museion.blobs.transfer.errors import (
    BadBlobAnswer,
    BlobNotThere,
    SourceRefused,
    SourceUnavailable,
)
from museion.blobs.transfer.wide_reads import WideTransport

Sign = httpx.Auth | Callable[[httpx.Request], httpx.Request]
"""Signs a request, or leaves it as it is; its body is complete when it is called."""

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/[0-9]{1,18}")
_MOST_ANSWER_BYTES = 1 << 17
_NOT_THERE = frozenset({404, 410, 422})
_REFUSED = frozenset({401, 403})
_BUSY = frozenset({408, 425, 429})
_PAST_THE_END = 416


def blob_client(
    *, idle_s: float = 30.0, connect_s: float = 10.0, tls: ssl.SSLContext | None = None
) -> httpx.AsyncClient:
    """Return a client for `HttpBlobSource`; one may serve any number of them. Close it at the end.

    It follows no redirections and takes no proxy from the environment.

    Args:
        tls: which certificates are trusted; the usual ones where it is left out.
    """
    return httpx.AsyncClient(
        timeout=httpx.Timeout(idle_s, connect=connect_s),
        transport=WideTransport(tls or httpx.create_ssl_context()),
        follow_redirects=False,
        trust_env=False,
    )


class HttpBlobSource:
    """A site that serves blobs with `museion.blobs.transfer.http_blobs`.

    Args:
        url: of that service, up to and without `/blobs/1`.
        name: of the site, for people.
        sign: puts on each request what shows who asks; see `caller_of` of the service.
    """

    def __init__(
        self, client: httpx.AsyncClient, url: str, *, name: str, sign: Sign | None = None
    ) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/blobs/1"
        self._name = name
        self._sign = sign

    async def has(self, digests: Sequence[Digest]) -> Collection[Digest]:
        """Return those that the site has for us."""
        assert len(digests) <= MAX_ASKED, "too many were asked for at once"
        body = msgspec.json.encode(Digests(list(digests)))
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        request = self._client.build_request(
            "POST", f"{self._url}/have", content=body, headers=headers
        )
        async with self._answer(request) as answer:
            if answer.status_code != httpx.codes.OK:
                raise self._refusal(answer, None)
            said = await self._digests(answer)
        return [each for each in digests if each in said]

    async def read(self, digest: Digest, start: int) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from `start` to the end."""
        headers = {"Accept-Encoding": "identity"}
        if start:
            # The digest is the entity tag: a digest names its bytes for ever.
            headers |= {"Range": f"bytes={start}-", "If-Range": f'"{digest}"'}
        request = self._client.build_request("GET", f"{self._url}/{digest}", headers=headers)
        async with self._answer(request) as answer:
            if start and answer.status_code == _PAST_THE_END:
                return
            passed_over = self._begin(answer, digest, start)
            async for piece in answer.aiter_raw():
                if passed_over >= len(piece):
                    passed_over -= len(piece)
                elif passed_over:
                    yield piece[passed_over:]
                    passed_over = 0
                else:
                    yield piece

    @asynccontextmanager
    async def _answer(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        try:
            answer = await self._client.send(request, stream=True, auth=self._sign)
            try:
                yield answer
            finally:
                await answer.aclose()
        except httpx.HTTPError as reason:
            raise SourceUnavailable(self._name, str(reason) or type(reason).__name__) from reason

    def _begin(self, answer: httpx.Response, digest: Digest, start: int) -> int:
        """Check the head of an answer; return how many of its first bytes are to be left out."""
        if answer.status_code not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
            raise self._refusal(answer, digest)
        coding = answer.headers.get("Content-Encoding", "identity")
        if coding != "identity":
            raise BadBlobAnswer(self._name, f"the bytes are coded as {coding[:40]!r}")
        if answer.status_code == httpx.codes.OK:
            return start  # something between the sites does not know ranges
        begun = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if begun is None or int(begun[1]) != start:
            raise BadBlobAnswer(self._name, f"it is not the range that begins at byte {start}")
        return 0

    async def _digests(self, answer: httpx.Response) -> frozenset[str]:
        content = b""
        async for piece in answer.aiter_raw():
            content += piece
            if len(content) > _MOST_ANSWER_BYTES:
                raise BadBlobAnswer(self._name, "it is too long")
        try:
            return frozenset(msgspec.json.decode(content, type=Digests).digests)
        except msgspec.MsgspecError as reason:
            raise BadBlobAnswer(self._name, str(reason)) from reason

    def _refusal(
        self, answer: httpx.Response, digest: Digest | None
    ) -> SourceUnavailable | SourceRefused | BlobNotThere | BadBlobAnswer:
        status = answer.status_code
        if status in _REFUSED:
            return SourceRefused(self._name, status)
        if status in _NOT_THERE and digest is not None:
            return BlobNotThere(self._name, digest)
        if status in _BUSY or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            after = answer.headers.get("Retry-After", "")
            wish_s = float(after) if after.isdecimal() and len(after) < 5 else None
            return SourceUnavailable(self._name, f"status {status}", retry_after_s=wish_s)
        return BadBlobAnswer(self._name, f"status {status}")
