"""Whatever comes to the door is answered with a refusal; nothing stops it."""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from http_sites import HttpSite, two_sites, wall_clock_ms
from hypothesis import given, settings
from hypothesis import strategies as st
from opened_log import new

from museion.log.replication.bodies import (
    MEDIA_TYPE,
    PATH,
    BodyTooLarge,
    DamagedBody,
    decompressed,
    pack,
    unpack,
)
from museion.log.replication.http_service import HttpService
from museion.log.replication.invitations import Invitations
from museion.log.replication.joining import JoinDesk
from museion.log.replication.protocol import (
    InfoRequest,
    Offer,
    ReadAnswer,
    ReadRequest,
    RecoveryRequest,
    WireEvent,
)
from museion.log.replication.refusals import RefusalMessage
from museion.log.replication.signing import Target, sign_request
from museion.log.replication.wire import to_wire
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop

NAMES = ("info", "read", "offer", "recover", "join")


async def send(
    app: HttpService, headers: dict[str, str], body: bytes, *, path: str, method: str = "POST"
) -> tuple[int, bytes]:
    """Send one request straight to the application; an error that leaves it fails the test."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode("utf-8", "surrogatepass"),
        "query_string": b"",
        "headers": [(k.encode(), v.encode("latin-1", "replace")) for k, v in headers.items()],
    }
    given_out = False

    async def receive() -> dict[str, Any]:
        nonlocal given_out
        if given_out:
            await asyncio.sleep(60)
        given_out = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def answer(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, answer)
    return sent[0]["status"], sent[1]["body"]


def signed(site: HttpSite, name: str, body: bytes, encoding: str = "identity") -> dict[str, str]:
    headers = sign_request(
        site.keys,
        Target("POST", PATH + name),
        recipient_id="there",
        now_ms=wall_clock_ms(),
        body=body,
        covered={"museion-encoding": encoding, "museion-accept": ""},
    )
    return headers | {"content-type": MEDIA_TYPE}


def door_of(site: HttpSite, folder: Path) -> HttpService:
    desk = JoinDesk(
        Invitations(folder / "invitations"),
        own_site=site.known,
        directory=site.directory,
        now_ms=site.now_ms,
    )
    return site.door(joins=desk)


def require_refusal(status: int, body: bytes) -> RefusalMessage:
    assert 400 <= status < 500, (status, body)
    return msgspec.msgpack.decode(body, type=RefusalMessage)


def good_messages() -> list[tuple[str, object]]:
    event = WireEvent(b"\x9f" + bytes(20), bytes(32))
    answer = ReadAnswer("here", (event,), 1, 1, VectorTime({"here": 1}))
    return [
        ("info", InfoRequest()),
        ("read", ReadRequest("", "here", 0, VectorTime({"here": 3}))),
        ("offer", Offer("", "here", 0, answer)),
        ("recover", RecoveryRequest({"": 4}, {"": bytes(32)}, {"": VectorTime({"a": 4})})),
    ]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(NAMES), st.sampled_from(["identity", "zstd", "gz"]))
def test_random_bytes_of_a_known_site_are_refused(body: bytes, name: str, encoding: str) -> None:
    @in_event_loop
    async def test() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with two_sites(Path(folder)) as (here, there):
                door = door_of(there, Path(folder))
                headers = signed(here, name, body, encoding)
                status, answer = await send(door, headers, body, path=PATH + name)
                if status != 200:  # some few random bytes are a request
                    require_refusal(status, answer)

    test()


@in_event_loop
async def test_every_cut_and_a_thousand_changes_of_good_requests_are_answered(
    tmp_path: Path,
) -> None:
    chance = random.Random(4)  # noqa: S311 (damage is repeatable)
    async with two_sites(tmp_path) as (here, there):
        door = door_of(there, tmp_path)
        for name, message in good_messages():
            whole = msgspec.msgpack.encode(message)
            cut = [whole[:size] for size in range(len(whole))]
            for body in (*cut, *(changed(whole, chance) for _ in range(250))):
                status, answer = await send(door, signed(here, name, body), body, path=PATH + name)
                if status != 200:
                    require_refusal(status, answer)


def changed(whole: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(whole))
    match chance.randrange(3):
        case 0:
            return whole[:at] + bytes((chance.randrange(256),)) + whole[at + 1 :]
        case 1:
            return whole[:at] + chance.randbytes(3) + whole[at:]
        case _:
            return whole[:at] + whole[at + 1 :]


@pytest.mark.parametrize(
    "body",
    [
        ["", "here", 2**64 - 1, [{}]],
        ["", "here", -1, [{}]],
        ["", "here", 0.5, [{}]],
        ["", "here", 0, [{"here": -1}]],
        ["", "here", 0, [{}], 0, None, 0],
        ["", "here", 0, [{}], 0, None, 512, 1, 1, 3600.0],
        ["", "here", 0, [{}], 0, None, 512, 1, 1, float("nan")],
        ["", "here", 0, [{}], 0, None, 512, 1, 1, 0.0, {"type": "no such filter"}],
        [1, 2, 3, 4],
        {"log_name": ""},
        None,
        [],
    ],
)
def test_wrong_types_and_huge_numbers_are_refused(tmp_path: Path, body: object) -> None:
    @in_event_loop
    async def test() -> None:
        async with two_sites(tmp_path) as (here, there):
            content = msgspec.msgpack.encode(body)
            status, answer = await send(
                there.door(), signed(here, "read", content), content, path=PATH + "read"
            )
            if body == ["", "here", 2**64 - 1, [{}]]:  # good for the protocol, not for a log
                assert status in {200, 400}
            else:
                assert require_refusal(status, answer).code == "bad-request"

    test()


@in_event_loop
async def test_deeply_nested_input_is_refused(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there):
        door = there.door()
        for content in (b"\x91" * 500_000, b"\x81\xa6filter" * 100_000, nested_filter(50_000)):
            headers = signed(here, "read", content)
            status, answer = await send(door, headers, content, path=PATH + "read")
            assert require_refusal(status, answer).code == "bad-request"


@in_event_loop
async def test_each_missing_or_senseless_header_is_refused_alike(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there):
        door = there.door()
        whole = signed(here, "info", b"\x90")
        told = set()
        for name in whole:
            if name == "content-type":
                continue
            for value in (None, "", "x", "é" * 5, "9" * 400, "%ff%00", "a" * 5000):
                headers = {k: v for k, v in whole.items() if k != name}
                if value is not None:
                    headers[name] = value
                status, answer = await send(door, headers, b"\x90", path=PATH + "info")
                if (name, value) in {("museion-accept", ""), ("museion-accept", None)}:
                    continue  # the same as what was signed
                told.add((status, require_refusal(status, answer).message))
        assert told == {(401, "The request is not signed by a key that is trusted here.")}
        assert there.service.callers in ([], ["here"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/replication/1/read"),
        ("POST", "/replication/1/"),
        ("POST", "/replication/2/read"),
        ("POST", "/replication/1/readx"),
        ("POST", "/"),
        ("POST", "/%00"),
        ("DELETE", "/replication/1/join"),
    ],
)
def test_other_methods_and_paths_are_refused(tmp_path: Path, method: str, path: str) -> None:
    @in_event_loop
    async def test() -> None:
        async with two_sites(tmp_path) as (here, there):
            status, answer = await send(
                there.door(), signed(here, "read", b""), b"", path=path, method=method
            )
            assert require_refusal(status, answer).code == "bad-request"

    test()


@in_event_loop
async def test_an_offer_of_damaged_events_changes_nothing(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there):
        good = [to_wire(event) for event in await here.log.append([new(b"1"), new(b"2")])]
        chance = random.Random(4)  # noqa: S311 (damage is repeatable)
        for _ in range(100):
            bad = WireEvent(changed(good[1].envelope, chance), good[1].chain_digest)
            answer = ReadAnswer("here", (good[0], bad), 2, 2, here.log.version)
            body = pack(Offer("", "here", 0, answer), accepts_zstd=False).content
            status, told = await send(
                there.door(), signed(here, "offer", body), body, path=PATH + "offer"
            )
            if status == 200:  # another letter of the payload is no damage that can be seen here
                break
            require_refusal(status, told)
            assert there.log.sequence_nr == 0


@in_event_loop
async def test_start_and_stop_of_the_server_are_answered(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (_, there):
        asked = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        told = []

        async def receive() -> dict[str, Any]:
            return next(asked)

        async def answer(message: Any) -> None:
            told.append(message["type"])

        await there.door()({"type": "lifespan"}, receive, answer)
        assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def nested_filter(depth: int) -> bytes:
    """A read whose filter is `not` of `not` of `not` and so on."""
    begin = msgspec.msgpack.encode(["", "here", 0, [{}], 0, None, 512, 1, 1, 0.0])
    one = b"\x82\xa4type\xa3not\xa6filter"
    return b"\x9b" + begin[1:] + one * depth + b"\x81\xa4type\xaaeverything"


def bomb(size_bytes: int, *, told: bool) -> bytes:
    if told:
        return zstandard.ZstdCompressor(level=3).compress(bytes(size_bytes))
    return zstandard.ZstdCompressor(write_content_size=False).compress(bytes(size_bytes))


def lying() -> bytes:
    """A frame that says that it holds 1,000 bytes, and holds 100 MB."""
    honest = bomb(100_000_000, told=True)
    small = bomb(1000, told=True)
    assert honest[:4] == small[:4]
    header = 4 + 1 + 1 + 4
    return small[:4] + b"\x60" + (1000 - 256).to_bytes(2, "little") + honest[header - 1 :]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (bomb(100_000_000, told=True), BodyTooLarge),
        (bomb(100_000_000, told=False), DamagedBody),
        (lying(), (DamagedBody, BodyTooLarge)),
        (bomb(1000, told=True)[:-3], DamagedBody),
        (bomb(1000, told=True) + b"more", DamagedBody),
        (bomb(1000, told=True) * 2, DamagedBody),
        (b"no frame", DamagedBody),
        (b"", DamagedBody),
    ],
)
def test_a_body_that_explodes_or_lies_is_refused(
    content: bytes, error: type[Exception] | tuple[type[Exception], ...]
) -> None:
    with pytest.raises(error):
        decompressed(content, encoding="zstd", max_bytes=1 << 20)


@given(st.lists(st.binary(max_size=5000), max_size=4))
def test_what_is_packed_is_unpacked(pieces: list[bytes]) -> None:
    body = pack(pieces, accepts_zstd=True)
    found, raw_bytes = unpack(body.content, list[bytes], encoding=body.encoding, max_bytes=1 << 20)
    assert (found, raw_bytes) == (pieces, body.raw_bytes)
    assert len(body.content) <= body.raw_bytes
