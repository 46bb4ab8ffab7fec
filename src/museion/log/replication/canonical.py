"""What a signature covers: the headers of a signed request or answer, and its canonical text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from blake3 import blake3

from museion.log.replication.http_errors import UntrustedRequest

SITE = "museion-site"
RECIPIENT = "museion-recipient"
KEY = "museion-key"
TIME = "museion-time"
NONCE = "museion-nonce"
DIGEST = "museion-digest"
SIGNATURE = "museion-signature"
KEY_CHAIN = "museion-key-chain"

NOT_COVERED = "none"
"""Stands for the digest of a body that is not known before it is sent; its content must be checked
by a digest of its own, as that of a blob."""

_REQUEST_TAG = "museion-request-1"
_ANSWER_TAG = "museion-answer-1"
_NONCE = re.compile("[0-9a-f]{32}")
_TIME = re.compile("[0-9]{1,15}")
_DIGEST = re.compile("[0-9a-f]{64}")
_MAX_HEADER_CHARACTERS = 2048

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """What a request asks for, as both sides see it, also where a proxy adds or takes a prefix.

    Attributes:
        path: below the base address of the site, with the query behind it, as it was sent.
    """

    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom an answer is for: the site that says that it asks, trusted or not."""

    site_id: str
    nonce: str


def addressee(headers: Headers) -> Addressee | None:
    """Return whom to sign an answer for; None where the request does not tell."""
    site_id, nonce = headers.get(SITE, ""), headers.get(NONCE, "")
    if not 1 <= len(site_id) <= _MAX_HEADER_CHARACTERS or not _NONCE.fullmatch(nonce):
        return None
    return Addressee(unquote(site_id), nonce)


def digest_of(body: bytes) -> str:
    """Return the digest of a body: BLAKE3, lower-case hexadecimal."""
    return blake3(body).hexdigest()


def request_text(headers: Headers, target: Target, *, covered: Sequence[str] = ()) -> bytes:
    """Return what the signature of a request covers."""
    return _text(
        _REQUEST_TAG,
        target.method,
        target.path,
        *(headers[name] for name in (SITE, RECIPIENT, KEY, TIME, NONCE, DIGEST)),
        *(f"{name}: {headers.get(name, '')}" for name in covered),
    )


def answer_text(headers: Headers, status: int, *, covered: Sequence[str] = ()) -> bytes:
    """Return what the signature of an answer covers."""
    return _text(
        _ANSWER_TAG,
        str(status),
        *(headers[name] for name in (SITE, RECIPIENT, KEY, NONCE, DIGEST)),
        *(f"{name}: {headers.get(name, '')}" for name in covered),
    )


def _text(*lines: str) -> bytes:
    # Headers and paths are ASCII; whatever else somebody sends must not fail here, nor be taken for
    # another text.
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def require_forms(headers: Headers) -> None:
    """Check that all headers are there, and are what they should be before anything uses them."""
    for name in (SITE, RECIPIENT, KEY, TIME, NONCE, DIGEST, SIGNATURE):
        if not 1 <= len(headers.get(name, "")) <= _MAX_HEADER_CHARACTERS:
            raise UntrustedRequest(f"the header {name} is missing or too long")
    for name, form in ((TIME, _TIME), (NONCE, _NONCE), (DIGEST, _DIGEST)):
        if not form.fullmatch(headers[name]):
            raise UntrustedRequest(f"the header {name} is {headers[name]!r:.80}")


def shown_id(site_id: str) -> str:
    """Return a site's id as headers hold it."""
    return quote(site_id, safe="")
