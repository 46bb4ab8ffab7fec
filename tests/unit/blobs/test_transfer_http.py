"""Blobs over HTTP: ranges, rights, and answers that are not what they should be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import httpx
import pytest
from blob_http_site import KEY, blobs_app, neighbour_at, serving, signed
from blob_sources import QUICK, content_of

from museion.blobs.blob_store import Digest
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.blobs.transfer.blob_source import BlobSource
from museion.blobs.transfer.errors import (
    BadBlobAnswer,
    BlobNotThere,
    SourceRefused,
    SourceUnavailable,
)
from museion.blobs.transfer.fetch_settings import WantedBlob
from museion.blobs.transfer.fetcher import BlobFetcher
from museion.blobs.transfer.http_source import HttpBlobSource
from museion.testing.contracts.blob_store import UNKNOWN, digest_of
from museion.testing.event_loop import in_event_loop, until

CONTENT = content_of(100_000)
DIGEST = digest_of(CONTENT)


async def all_of(source: BlobSource, digest: Digest, start: int = 0) -> bytes:
    return b"".join([piece async for piece in source.read(digest, start)])


@asynccontextmanager
async def asked(store: FilesystemBlobStore, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the service without a server between."""
    transport = httpx.ASGITransport(blobs_app(store))
    base = "http://graz/graz/blobs/1"
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as client:
        yield client


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> HttpBlobSource:
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return HttpBlobSource(client, "http://graz", name="Graz")


@in_event_loop
async def test_a_blob_comes_over_a_real_connection_from_any_byte_on(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    store.put(CONTENT)
    async with serving(blobs_app(store)) as url, neighbour_at(url) as graz:
        assert await graz.source.has([UNKNOWN, DIGEST]) == [DIGEST]
        for start in (0, 1, 65_536, len(CONTENT) - 1, len(CONTENT), len(CONTENT) + 5):
            assert await all_of(graz.source, DIGEST, start) == CONTENT[start:]
        with pytest.raises(BlobNotThere, match="Graz has no blob"):
            await all_of(graz.source, UNKNOWN)


@in_event_loop
async def test_a_fast_connection_is_read_in_large_pieces(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    large = store.put(bytes(16 << 20)).digest
    async with serving(blobs_app(store)) as url, neighbour_at(url) as graz:
        pieces = [len(piece) async for piece in graz.source.read(large, 0)]
    assert sum(pieces) == 16 << 20
    assert max(pieces) > 1 << 16


@in_event_loop
async def test_a_reader_that_goes_away_gives_its_place_back(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    large = store.put(bytes(64 << 20)).digest
    app = blobs_app(store)
    places = app._free
    async with serving(app) as url, neighbour_at(url) as graz:
        pieces = graz.source.read(large, 0)
        await anext(pieces)
        assert app._free == places - 1
        await pieces.aclose()
        await until(lambda: app._free == places)


@in_event_loop
async def test_an_interrupted_fetch_goes_on_over_http(tmp_path: Path) -> None:
    store, target = FilesystemBlobStore(tmp_path / "a"), FilesystemBlobStore(tmp_path / "b")
    store.put(CONTENT)
    with target.resume(DIGEST) as partial:
        partial.write(CONTENT[:12_345])
    async with serving(blobs_app(store)) as url, neighbour_at(url) as graz:
        seed = Random(1)  # noqa: S311 (repeatable)
        async with BlobFetcher(target, lambda: [graz], seed=seed, settings=QUICK) as fetcher:
            await fetcher.fetch(WantedBlob(DIGEST, len(CONTENT)))
            assert fetcher.statistics().bytes_from == {"graz": len(CONTENT) - 12_345}
    assert target.read(DIGEST) == CONTENT


@in_event_loop
async def test_a_site_that_does_not_listen_is_unavailable() -> None:
    async with neighbour_at("http://127.0.0.1:1/graz") as graz:
        with pytest.raises(SourceUnavailable, match="Graz does not deliver"):
            await graz.source.has([DIGEST])
        with pytest.raises(SourceUnavailable, match="Graz does not deliver"):
            await all_of(graz.source, DIGEST)


@in_event_loop
async def test_who_cannot_be_trusted_gets_nothing(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    store.put(CONTENT)
    async with asked(store) as client:
        for method, path in (("GET", f"/{DIGEST}"), ("POST", "/have"), ("GET", "/nothing")):
            assert (await client.request(method, path)).status_code == 401
    source = answering(lambda _: httpx.Response(401))
    with pytest.raises(SourceRefused, match="joined"):
        await all_of(source, DIGEST)


@in_event_loop
async def test_a_blob_that_a_site_may_not_read_is_not_there_for_it(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    secret = store.put(b"secret").digest
    store.put(CONTENT)
    app = blobs_app(store, may_read=lambda caller, digest: caller == "linz" and digest != secret)
    async with serving(app) as url, neighbour_at(url) as graz:
        assert await graz.source.has([secret, DIGEST]) == [DIGEST]
        with pytest.raises(BlobNotThere):
            await all_of(graz.source, secret)


@in_event_loop
async def test_a_damaged_blob_does_not_leave_a_site(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    store.put(CONTENT)
    path = tmp_path / DIGEST[:2] / DIGEST
    path.chmod(0o644)
    path.write_bytes(CONTENT[:-1] + b"!")
    async with asked(store, **{KEY: "linz"}) as client:
        assert (await client.get(f"/{DIGEST}")).status_code == 404


@pytest.mark.parametrize(
    ("asked_range", "status", "expected"),
    [
        ("bytes=0-", 200, CONTENT),
        ("bytes=5-", 206, CONTENT[5:]),
        ("bytes=5-9", 206, CONTENT[5:10]),
        ("bytes=5-999999999", 206, CONTENT[5:]),
        ("bytes=100000-", 416, b""),
        ("bytes=-5", 200, CONTENT),
        ("bytes=9-5", 200, CONTENT),
        ("pages=1-2", 200, CONTENT),
    ],
)
@in_event_loop
async def test_a_range_is_served_as_http_says(
    tmp_path: Path, asked_range: str, status: int, expected: bytes
) -> None:
    store = FilesystemBlobStore(tmp_path)
    store.put(CONTENT)
    async with asked(store, **{KEY: "linz"}) as client:
        answer = await client.get(f"/{DIGEST}", headers={"Range": asked_range})
        head = await client.head(f"/{DIGEST}", headers={"Range": asked_range})
    assert (answer.status_code, answer.content) == (status, expected)
    assert head.status_code == status
    if status != 416:
        assert answer.headers["ETag"] == f'"{DIGEST}"'
        assert head.headers["Content-Length"] == str(len(expected))


@in_event_loop
async def test_another_entity_tag_gives_the_whole(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    store.put(CONTENT)
    async with asked(store, **{KEY: "linz"}) as client:
        headers = {"Range": "bytes=5-", "If-Range": f'"{UNKNOWN}"'}
        assert (await client.get(f"/{DIGEST}", headers=headers)).content == CONTENT


@in_event_loop
async def test_hostile_requests_are_refused_in_words_of_http(tmp_path: Path) -> None:
    async with asked(FilesystemBlobStore(tmp_path), **{KEY: "linz"}) as client:
        assert (await client.get("/../../etc/passwd")).status_code == 404
        assert (await client.get("/" + "g" * 64)).status_code == 404
        assert (await client.delete(f"/{DIGEST}")).status_code == 405
        assert (await client.get("/have")).status_code == 405
        assert (await client.post("/have", content=b"{")).status_code == 400
        assert (await client.post("/have", json={"digests": ["x"] * 1001})).status_code == 413
        assert (await client.post("/have", content=bytes(1 << 18))).status_code == 413
        assert (await client.post("/have", json={"digests": ["../x"]})).json() == {"digests": []}


@in_event_loop
async def test_more_readers_than_places_are_told_to_come_again(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    store.put(CONTENT)
    app = blobs_app(store)
    app._free = 0
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://graz") as client:
        answer = await client.get(f"/graz/blobs/1/{DIGEST}", headers={KEY: "linz"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        app._free = 1
        for _ in range(5):
            await client.get(f"/graz/blobs/1/{DIGEST}", headers={KEY: "linz"})
        assert app._free == 1


@in_event_loop
async def test_a_proxy_that_knows_no_ranges_only_costs_time() -> None:
    source = answering(lambda _: httpx.Response(200, stream=httpx.ByteStream(CONTENT)))
    assert await all_of(source, DIGEST, 1234) == CONTENT[1234:]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(206, content=CONTENT[9:], headers={"Content-Range": "bytes 9-99999/100000"}),
        httpx.Response(206, content=CONTENT[5:]),
        httpx.Response(302, headers={"Location": "http://elsewhere/"}),
        httpx.Response(200, content=CONTENT, headers={"Content-Encoding": "br"}),
        httpx.Response(204),
    ],
)
@in_event_loop
async def test_an_answer_that_is_not_what_was_asked_for_is_refused(answer: httpx.Response) -> None:
    with pytest.raises(BadBlobAnswer):
        await all_of(answering(lambda _: answer), DIGEST, 5)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"digests": 1}', bytes(1 << 18)])
@in_event_loop
async def test_an_answer_to_the_question_who_has_is_checked(content: bytes) -> None:
    with pytest.raises(BadBlobAnswer):
        await answering(lambda _: httpx.Response(200, stream=httpx.ByteStream(content))).has(
            [DIGEST]
        )


@in_event_loop
async def test_digests_that_were_not_asked_for_are_passed_over() -> None:
    content = f'{{"digests": ["{UNKNOWN}", "{DIGEST}"]}}'.encode()
    answer = httpx.Response(200, stream=httpx.ByteStream(content))
    assert await answering(lambda _: answer).has([DIGEST]) == [DIGEST]


@in_event_loop
async def test_a_busy_site_says_when_to_come_again() -> None:
    source = answering(lambda _: httpx.Response(503, headers={"Retry-After": "7"}))
    with pytest.raises(SourceUnavailable) as busy:
        await all_of(source, DIGEST)
    assert busy.value.retry_after_s == 7.0


def test_a_request_is_signed_after_its_body_is_known() -> None:
    request = signed(httpx.Request("POST", "http://graz/have", content=b"body"))
    assert (request.headers[KEY], request.content) == ("linz", b"body")
