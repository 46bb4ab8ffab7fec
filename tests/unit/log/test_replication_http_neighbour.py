"""What stands between two sites may answer anything; the caller tells what it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from http_sites import HttpSite, free_port, served, two_sites
from opened_log import new

from museion.base.errors import InvalidInput
from museion.log.replication.http_line import HttpTimes, InvalidAddress
from museion.log.replication.http_neighbour import HttpNeighbour
from museion.log.replication.protocol import EndpointInfo, InfoRequest, ReadRequest
from museion.log.replication.refusals import BadAnswer, Unreachable
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop

HTML = b"<html><body>It works!</body></html>"


def http(status: str, content: bytes, *headers: str, size: int | None = None) -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {size or len(content)}", *headers))
    return head.encode() + b"\r\n\r\n" + content


@asynccontextmanager
async def answering(answer: bytes, *, stay: bool = False) -> AsyncIterator[str]:
    """Answer every request with these bytes; then close the connection, or stay silent."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if stay:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def asked(site: HttpSite, url: str, **more: object) -> EndpointInfo:
    neighbour = site.neighbour(url, "there", **more)
    try:
        return await neighbour.info(InfoRequest())
    finally:
        await neighbour.close()


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (http("502 Bad Gateway", HTML), Unreachable, "a proxy before it says 502 Bad Gateway"),
        (http("504 Gateway Timeout", b""), Unreachable, "504 Gateway Timeout"),
        (http("503 Service Unavailable", HTML, "Content-Type: text/html"), Unreachable, "503"),
        (http("200 OK", HTML, "Content-Type: text/html"), BadAnswer, "content of text/html"),
        (http("404 Not Found", HTML), BadAnswer, "a proxy or another program answers there"),
        (http("413 Too Large", HTML), BadAnswer, "413"),
        (
            http("301 Moved", b"", "Location: https://new.example/"),
            BadAnswer,
            "sends on to https://new.example/; keep that address",
        ),
        (http("200 OK", b"cut", size=500), Unreachable, "ended in the middle of an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Unreachable, "middle of an answer"),
        (b"", Unreachable, "without sending a response"),
        (
            http("200 OK", b"\x90", "Content-Type: application/vnd.museion.replication+msgpack"),
            BadAnswer,
            "not signed .the header museion-site is missing",
        ),
    ],
)
def test_a_foreign_answer_is_told_as_what_it_is(
    tmp_path: Path, answer: bytes, error: type[Exception], reason: str
) -> None:
    @in_event_loop
    async def test() -> None:
        async with two_sites(tmp_path) as (here, _), answering(answer) as url:
            with pytest.raises(error, match=reason) as raised:
                await asked(here, url)
            assert "there (http://127.0.0.1" in str(raised.value) or error is BadAnswer

    test()


@in_event_loop
async def test_nobody_at_the_address_is_unreachable(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, _):
        with pytest.raises(Unreachable, match=r"does not answer: .*connect"):
            await asked(here, f"http://127.0.0.1:{free_port()}")


@in_event_loop
async def test_a_silent_site_is_unreachable_after_the_time_out(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, _), answering(b"", stay=True) as url:
        with pytest.raises(Unreachable, match=r"nothing came for 0\.1 s"):
            await asked(here, url, times=HttpTimes(remote_read_timeout_s=0.1))


@in_event_loop
async def test_an_answer_that_stops_in_the_middle_is_unreachable(tmp_path: Path) -> None:
    begun = http("200 OK", b"begun", size=1000)
    async with two_sites(tmp_path) as (here, _), answering(begun, stay=True) as url:
        with pytest.raises(Unreachable, match="nothing came for"):
            await asked(here, url, times=HttpTimes(remote_read_timeout_s=0.1))


@in_event_loop
async def test_an_answer_larger_than_the_limit_is_not_read_to_its_end(tmp_path: Path) -> None:
    large = http("200 OK", bytes(100_000))
    async with two_sites(tmp_path) as (here, _), answering(large) as url:
        with pytest.raises(BadAnswer, match="larger than 1000 bytes"):
            await asked(here, url, max_answer_bytes=1000)


@in_event_loop
async def test_an_answer_that_grows_when_unpacked_is_refused(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there), served(there.door()) as url:
        await there.log.append([new(bytes(100_000))])
        neighbour = here.neighbour(url, "there", max_answer_bytes=10_000)
        with pytest.raises(BadAnswer, match="larger than 10000 bytes"):
            await neighbour.read(ReadRequest("", "here", 0, VectorTime()))
        await neighbour.close()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda raw: raw[:-1] + bytes((raw[-1] ^ 1,)), "its body was changed or cut"),
        (lambda raw: raw.replace(b"200 OK", b"404 OK", 1), "its signature is wrong"),
        (lambda raw: raw.replace(b"museion-encoding: identity", b"museion-encoding: zstd"),
         "its signature is wrong"),
        (lambda raw: raw.replace(b"museion-site: there", b"museion-site: these"),
         "another site gave it: 'these'"),
        (lambda raw: raw.replace(b"museion-nonce: ", b"museion-nonce: 0"), "another request"),
        (lambda raw: raw.replace(b"museion-key: ", b"museion-key: x"), "a key not trusted here"),
    ],
)  # fmt: skip
def test_an_answer_that_was_changed_on_the_way_is_bad(
    tmp_path: Path, change: Callable[[bytes], bytes], reason: str
) -> None:
    @in_event_loop
    async def test() -> None:
        async with (
            two_sites(tmp_path) as (here, there),
            served(there.door()) as url,
            changing(int(url.rpartition(":")[2]), change) as way,
        ):
            with pytest.raises(BadAnswer, match=reason):
                await asked(here, way)

    test()


@asynccontextmanager
async def changing(port: int, change: Callable[[bytes], bytes]) -> AsyncIterator[str]:
    """Pass requests on to a port of loopback, and change what comes back."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward, back = await asyncio.open_connection("127.0.0.1", port)
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        back.write(head + await reader.readexactly(size))
        answer_head = await onward.readuntil(b"\r\n\r\n")
        told = int(answer_head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        writer.write(change(answer_head + await onward.readexactly(told)))
        await writer.drain()
        back.close()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    "url", ["", "office", "ftp://office", "http://", "http://a:b@c/", "http://x/?q=1", "http://ü/"]
)
def test_what_is_no_address_is_refused_at_once(tmp_path: Path, url: str) -> None:
    @in_event_loop
    async def test() -> None:
        async with two_sites(tmp_path) as (here, _):
            with pytest.raises(InvalidAddress, match="Expected the address of a site"):
                here.neighbour(url, "there")

    test()


@in_event_loop
async def test_a_file_without_certificates_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    async with two_sites(tmp_path) as (here, _):
        with pytest.raises(InvalidInput, match=r"PEM certificates in .*ca\.pem"):
            here.neighbour("https://there.example", "there", ca_file=tmp_path / "ca.pem")


@in_event_loop
async def test_closing_twice_does_no_harm(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, _):
        neighbour: HttpNeighbour = here.neighbour("http://127.0.0.1:9", "there")
        await neighbour.close()
        await neighbour.close()
