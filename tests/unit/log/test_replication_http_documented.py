"""The page that describes the protocol is up to date, and enough to write a client from."""

from __future__ import annotations

import base64
import json
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import msgspec
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_sites import http_site, served, wall_clock_ms
from opened_log import new

from museion.log.replication import canonical
from museion.log.replication.bodies import ACCEPT, ENCODING, MEDIA_TYPE
from museion.log.replication.directory import KnownKey, KnownSite
from museion.testing.event_loop import in_event_loop

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "replication-protocol.md"


def test_the_page_of_the_protocol_is_up_to_date() -> None:
    program = "from make_replication_protocol import page; print(page(), end='')"
    made = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PAGE.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert made == PAGE.read_text("utf-8"), "run docs/reference/make_replication_protocol.py"


def test_every_header_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8").lower()
    names = [value for name, value in vars(canonical).items() if re.match("[A-Z]", name)]
    headers = [name for name in names if isinstance(name, str) and name.startswith("museion-")]
    assert len(headers) == 8
    for header in (*headers, ENCODING, ACCEPT, MEDIA_TYPE):
        assert f"`{header}`" in text


def test_the_example_bytes_fit_each_other_by_the_rules_of_the_page() -> None:
    found = re.search(r"```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    examples = json.loads(found[1])
    for name, site in (("request", "annex"), ("answer", "office")):
        example, key = examples[name], examples[site]
        headers = example["headers"]
        assert blake3(bytes.fromhex(example["body"])).hexdigest() == headers["museion-digest"]
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key["public key"])).verify(
            base64.b64decode(headers["museion-signature"]), "\n".join(example["text"]).encode()
        )
        assert headers["museion-key"] == key["key id"]
    envelope = bytes.fromhex(examples["event"]["envelope"])
    digest = blake3(bytes(32) + envelope).digest()
    assert msgspec.msgpack.decode(bytes.fromhex(examples["answer"]["body"]))[1] == [
        [envelope, digest]
    ]


class PlainClient:
    """A client written from the page alone, with nothing of ours."""

    def __init__(self, url: str, own_id: str, remote_id: str) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.public_key = self.key.public_key().public_bytes_raw()
        digest = blake3(self.public_key).digest()[:15]
        self.key_id = base64.b32encode(digest).decode().lower()
        self.url, self.own_id, self.remote_id = url, own_id, remote_id

    async def ask(self, name: str, message: list[Any]) -> tuple[list[Any], httpx.Response]:
        body = msgspec.msgpack.encode(message)
        path = f"/replication/1/{name}"
        headers = {
            "Museion-Site": self.own_id,
            "Museion-Recipient": self.remote_id,
            "Museion-Key": self.key_id,
            "Museion-Time": str(wall_clock_ms()),
            "Museion-Nonce": secrets.token_hex(16),
            "Museion-Digest": blake3(body).hexdigest(),
        }
        encodings = ["museion-encoding: identity", "museion-accept: "]
        text = "\n".join(["museion-request-1", "POST", path, *headers.values(), *encodings])
        headers |= {
            "Museion-Signature": base64.b64encode(self.key.sign(text.encode())).decode(),
            "Museion-Encoding": "identity",
            "Museion-Accept": "",
            "Content-Type": "application/vnd.museion.replication+msgpack",
        }
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(self.url + path, content=body, headers=headers)
        assert answer.headers["Museion-Nonce"] == headers["Museion-Nonce"]
        return msgspec.msgpack.decode(answer.content), answer


def is_genuine(answer: httpx.Response, public_key: bytes) -> bool:
    names = ("Site", "Recipient", "Key", "Nonce", "Digest")
    lines = [answer.headers[f"Museion-{name}"] for name in names]
    encoding = f"museion-encoding: {answer.headers['Museion-Encoding']}"
    text = "\n".join(["museion-answer-1", str(answer.status_code), *lines, encoding])
    signature = base64.b64decode(answer.headers["Museion-Signature"])
    Ed25519PublicKey.from_public_bytes(public_key).verify(signature, text.encode())
    return bool(blake3(answer.content).hexdigest() == answer.headers["Museion-Digest"])


@in_event_loop
async def test_a_client_that_is_written_from_the_page_is_served(tmp_path: Path) -> None:
    async with http_site(tmp_path, "there") as there, served(there.door()) as url:
        client = PlainClient(url, "field", "there")
        there.directory.put(KnownSite("field", "Field", None, (KnownKey.of(client.public_key),)))
        await there.log.append([new(b"payload")])
        answer, response = await client.ask("read", ["", "field", 0, [{}]])
        assert is_genuine(response, there.keys.public_key)
        source_log_id, events, scanned_to, *_ = answer
        assert (source_log_id, scanned_to) == ("there", 1)
        [[envelope, digest]] = events
        assert digest == blake3(bytes(32) + envelope).digest()
        assert msgspec.msgpack.decode(envelope)[2] == b"payload"
        offered = await client.ask("offer", ["", "there", 0, answer])
        assert offered[0][0] == 1


@in_event_loop
async def test_a_client_reads_the_refusals_that_the_page_lists(tmp_path: Path) -> None:
    async with http_site(tmp_path, "there") as there, served(there.door()) as url:
        client = PlainClient(url, "field", "there")
        told, response = await client.ask("info", [])
        assert (response.status_code, told[0]) == (401, "not-trusted")
        assert is_genuine(response, there.keys.public_key)
