"""Signatures cover all that matters, and a request passes once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from museion.log.replication.directory import FileSiteDirectory, KnownKey, KnownSite
from museion.log.replication.http_errors import (
    ClockTooFarOff,
    OlderThanThisRun,
    SeenBefore,
    TooBusy,
    UntrustedRequest,
    WrongRecipient,
)
from museion.log.replication.refusals import BadAnswer
from museion.log.replication.replay_guard import ReplayGuard
from museion.log.replication.signing import (
    NOT_COVERED,
    Target,
    VerifiedRequest,
    require_digest,
    sign_answer,
    sign_request,
    verify_answer,
    verify_request,
)
from museion.log.replication.site_keys import SiteKeys

TARGET = Target("GET", "/blobs/ab12?part=1")
NOW_MS = 1_790_000_000_000
BODY = b"body"


@dataclass
class Pair:
    """Site `b` is asked by site `a`; they know each other."""

    folder: Path
    now_ms: int = NOW_MS
    a: SiteKeys = field(init=False)
    b: SiteKeys = field(init=False)
    directory: FileSiteDirectory = field(init=False)
    guard: ReplayGuard = field(init=False)

    def __post_init__(self) -> None:
        self.a = SiteKeys.make(self.folder / "a", "a")
        self.b = SiteKeys.make(self.folder / "b", "b")
        self.directory = FileSiteDirectory(self.folder / "sites.json")
        for keys in (self.a, self.b):
            key = KnownKey.of(keys.public_key)
            self.directory.put(KnownSite(keys.site_id, keys.site_id, None, (key,)))
        self.guard = ReplayGuard(self.clock)

    def clock(self) -> int:
        return self.now_ms

    def signed(self, *, recipient_id: str = "b", **more: object) -> dict[str, str]:
        return sign_request(
            self.a,
            TARGET,
            recipient_id=recipient_id,
            now_ms=self.now_ms,
            body=BODY,
            covered={"range": "bytes=0-99"},
            **more,  # type: ignore[arg-type]  # a nonce
        )

    def verified(self, headers: dict[str, str], target: Target = TARGET) -> VerifiedRequest:
        return verify_request(
            headers,
            target,
            own_id="b",
            directory=self.directory,
            guard=self.guard,
            now_ms=self.clock,
            covered=("range",),
        )

    def answer(self, nonce: str, body: bytes | None = BODY) -> dict[str, str]:
        return sign_answer(self.b, recipient_id="a", nonce=nonce, status=206, body=body)

    def checked(self, headers: dict[str, str], nonce: str, status: int = 206) -> str:
        return verify_answer(
            headers,
            status,
            sender_id="b",
            own_id="a",
            nonce=nonce,
            directory=self.directory,
            now_ms=self.clock,
        )


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def test_a_signed_request_tells_who_asks(pair: Pair) -> None:
    verified = pair.verified(pair.signed())
    verified.require_body(BODY)
    assert verified.caller_id == "a"


@pytest.mark.parametrize(
    "changes",
    [
        {"museion-site": "b"},
        {"museion-time": str(NOW_MS + 1)},
        {"museion-nonce": "0" * 32},
        {"museion-digest": "0" * 64},
        {"museion-recipient": "c"},
        {"range": "bytes=0-100"},
        {"museion-signature": "AAAA"},
    ],
)
def test_each_part_of_a_request_is_covered(pair: Pair, changes: dict[str, str]) -> None:
    with pytest.raises(UntrustedRequest):
        pair.verified(pair.signed() | changes)


@pytest.mark.parametrize(
    "target", [Target("PUT", TARGET.path), Target("GET", "/blobs/ab13?part=1"), Target("GET", "/")]
)
def test_method_path_and_query_are_covered(pair: Pair, target: Target) -> None:
    with pytest.raises(UntrustedRequest):
        pair.verified(pair.signed(), target)


def test_another_body_is_refused(pair: Pair) -> None:
    with pytest.raises(UntrustedRequest):
        pair.verified(pair.signed()).require_body(b"bodY")


def test_a_trusted_site_that_means_another_one_is_told_so(pair: Pair) -> None:
    with pytest.raises(WrongRecipient, match="meant for the site 'c'; this one is 'b'"):
        pair.verified(pair.signed(recipient_id="c"))


def test_all_that_a_stranger_is_told_is_the_same(pair: Pair) -> None:
    told = set()
    for headers in (
        pair.signed() | {"museion-site": "unknown"},
        pair.signed() | {"museion-key": "x" * 24},
        pair.signed() | {"museion-signature": "AAAA"},
        {},
    ):
        with pytest.raises(UntrustedRequest) as refused:
            pair.verified(headers)
        told.add(str(refused.value))
    assert len(told) == 1


def test_site_ids_of_any_letters_can_sign(tmp_path: Path) -> None:
    keys = SiteKeys.make(tmp_path, "Büro 北\n")
    headers = sign_request(keys, TARGET, recipient_id="ü\r\n", now_ms=NOW_MS)
    assert headers["museion-site"] == "B%C3%BCro%20%E5%8C%97%0A"
    assert all(value.isascii() and value.isprintable() for value in headers.values())


def test_an_answer_belongs_to_its_request(pair: Pair) -> None:
    nonce = "1" * 32
    digest = pair.checked(pair.answer(nonce), nonce)
    require_digest("b", digest, BODY)
    with pytest.raises(BadAnswer, match="another request"):
        pair.checked(pair.answer("2" * 32), nonce)
    with pytest.raises(BadAnswer, match="its signature is wrong"):
        pair.checked(pair.answer(nonce), nonce, status=200)
    with pytest.raises(BadAnswer, match="changed or cut"):
        require_digest("b", digest, BODY + b"!")


def test_an_answer_can_be_signed_before_its_body_is_known(pair: Pair) -> None:
    nonce = "1" * 32
    assert pair.checked(pair.answer(nonce, None), nonce) == NOT_COVERED
    with pytest.raises(BadAnswer, match="changed or cut"):
        require_digest("b", NOT_COVERED, b"")


def test_a_rolled_key_is_taken_with_the_request_that_it_signs(pair: Pair) -> None:
    pair.a.roll(NOW_MS)
    pair.a.roll(NOW_MS)
    assert pair.verified(pair.signed()).caller_id == "a"


def test_a_request_passes_once(pair: Pair) -> None:
    headers = pair.signed()
    pair.verified(headers)
    for later_ms in (0, 30_000, 60_000):
        pair.now_ms = NOW_MS + later_ms
        with pytest.raises(SeenBefore):
            pair.verified(headers)
    pair.now_ms = NOW_MS + 60_001
    with pytest.raises(ClockTooFarOff):
        pair.verified(headers)


def test_a_clock_that_is_too_far_off_is_told_with_both_times(pair: Pair) -> None:
    headers = pair.signed()
    pair.now_ms = NOW_MS + 90_500
    with pytest.raises(ClockTooFarOff, match=r"2026-09-21 .* UTC .* 90\.5 s apart, at most 60 s"):
        pair.verified(headers)
    pair.now_ms = NOW_MS - 90_500
    with pytest.raises(ClockTooFarOff):
        pair.verified(headers)


def test_a_request_from_before_the_start_is_refused(pair: Pair) -> None:
    headers = pair.signed()
    pair.now_ms += 1
    pair.guard = ReplayGuard(pair.clock)
    with pytest.raises(OlderThanThisRun):
        pair.verified(headers)


def test_a_clock_that_is_set_back_shuts_nobody_out(pair: Pair) -> None:
    pair.now_ms -= 3_600_000
    assert pair.verified(pair.signed()).caller_id == "a"


def test_a_full_memory_refuses_rather_than_forgets(pair: Pair) -> None:
    pair.guard = ReplayGuard(pair.clock, max_nonces=3)
    headers = [pair.signed() for _ in range(4)]
    for each in headers[:3]:
        pair.verified(each)
    with pytest.raises(TooBusy):
        pair.verified(headers[3])
    with pytest.raises(SeenBefore):
        pair.verified(headers[0])
    pair.now_ms += 120_001
    assert pair.verified(pair.signed()).caller_id == "a"


def test_one_site_does_not_fill_the_memory_of_another(pair: Pair) -> None:
    guard = ReplayGuard(pair.clock, max_nonces=1)
    guard.require_new("loud", NOW_MS, "1")
    with pytest.raises(TooBusy):
        guard.require_new("loud", NOW_MS, "2")
    guard.require_new("quiet", NOW_MS, "1")
