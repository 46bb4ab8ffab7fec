"""Signs HTTP requests and answers between sites, and checks them.

A signature covers who speaks to whom, what is asked for, when, and the digest of the body, so
nothing of it can be changed, sent to another site or sent again. It does not hide anything: that is
for TLS. The canonical texts are documented in `docs/reference/replication-protocol.md`.

For any request between sites, not for replication alone: `covered` adds headers to what is signed,
as `range` for parts of a blob; both sides must name the same ones in the same order.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import msgspec

from museion.log.replication.canonical import (
    DIGEST,
    KEY,
    KEY_CHAIN,
    NONCE,
    NOT_COVERED,
    RECIPIENT,
    SIGNATURE,
    SITE,
    TIME,
    Addressee,
    Headers,
    Target,
    addressee,
    answer_text,
    digest_of,
    request_text,
    require_forms,
    shown_id,
)
from museion.log.replication.directory import KnownSite, TrustedSites, with_next_key
from museion.log.replication.http_errors import UntrustedRequest, WrongRecipient
from museion.log.replication.refusals import BadAnswer
from museion.log.replication.replay_guard import ReplayGuard
from museion.log.replication.site_keys import (
    KEY_BYTES,
    MAX_ANNOUNCEMENTS,
    KeyAnnouncement,
    SiteKeys,
    is_signed,
)

__all__ = [
    "NONCE",
    "NOT_COVERED",
    "Addressee",
    "Headers",
    "Target",
    "VerifiedRequest",
    "addressee",
    "digest_of",
    "require_digest",
    "sign_answer",
    "sign_request",
    "verify_answer",
    "verify_request",
]

_MAX_CHAIN_CHARACTERS = 8192
_CHAIN = msgspec.msgpack.Decoder(tuple[KeyAnnouncement, ...])
_SOME_KEY = bytes(KEY_BYTES)


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """A request of a known site whose signature is good and which was not served before.

    Attributes:
        body_digest: what the body must have as its digest, lower-case hexadecimal.
    """

    caller_id: str
    nonce: str
    body_digest: str

    def require_body(self, body: bytes) -> None:
        """Check the body. Raises `UntrustedRequest` where it is not the one that was signed."""
        if self.body_digest != digest_of(body):
            raise UntrustedRequest("the body is not the one that was signed")


def sign_request(
    keys: SiteKeys,
    target: Target,
    *,
    recipient_id: str,
    now_ms: int,
    body: bytes = b"",
    covered: Headers | None = None,
    nonce: str | None = None,
) -> dict[str, str]:
    """Return the headers that make a request one of this site; `covered` is among them.

    Args:
        recipient_id: the site that shall answer.
        now_ms: the wall clock, milliseconds since 1970.
        covered: further headers that the signature covers, by their names in lower case.
        nonce: 32 hexadecimal characters that were never used before; made up where left out.
    """
    headers = {
        SITE: shown_id(keys.site_id),
        RECIPIENT: shown_id(recipient_id),
        KEY: keys.key_id,
        TIME: str(now_ms),
        # Not from a seed: whoever could foresee it could prepare answers.
        NONCE: nonce or secrets.token_hex(16),
        DIGEST: digest_of(body),
        **(covered or {}),
    }
    text = request_text(headers, target, covered=tuple(covered or ()))
    return headers | _signed(keys, text)


def verify_request(
    headers: Headers,
    target: Target,
    *,
    own_id: str,
    directory: TrustedSites,
    guard: ReplayGuard,
    now_ms: Callable[[], int],
    covered: Sequence[str] = (),
) -> VerifiedRequest:
    """Return who sends a request, from its headers alone: before a byte of the body is read.

    Args:
        headers: by their names in lower case.
        own_id: this site.
        covered: names of further headers that the signature covers.

    Raises:
        UntrustedRequest: whatever else is wrong; its `reason` is for the log of this site.
        WrongRecipient: a trusted site means another one.
        ReplayedRequest, TooBusy: as `ReplayGuard.require_new`.
    """
    require_forms(headers)
    caller_id = unquote(headers[SITE])
    site = directory.lookup(caller_id)
    key = _key_of(site, headers, directory, now_ms)
    text = request_text(headers, target, covered=covered)
    # Also where there is no key, so that the time it takes does not tell which sites are known.
    good = is_signed(text, _bytes_of(headers[SIGNATURE]), key or _SOME_KEY)
    if site is None:
        raise UntrustedRequest(f"the site {caller_id!r:.80} is not known")
    if site.revoked:
        raise UntrustedRequest(f"the site {caller_id!r:.80} is revoked")
    if key is None:
        raise UntrustedRequest(f"{caller_id!r:.80} may not sign with the key {headers[KEY]!r:.40}")
    if not good:
        raise UntrustedRequest(f"the signature of {caller_id!r:.80} is wrong")
    recipient_id = unquote(headers[RECIPIENT])
    if recipient_id != own_id:
        raise WrongRecipient(recipient_id, own_id)
    guard.require_new(caller_id, int(headers[TIME]), headers[NONCE])
    return VerifiedRequest(caller_id, headers[NONCE], headers[DIGEST])


def sign_answer(
    keys: SiteKeys,
    *,
    recipient_id: str,
    nonce: str,
    status: int,
    body: bytes | None,
    covered: Headers | None = None,
) -> dict[str, str]:
    """Return the headers that make an answer one of this site.

    Args:
        recipient_id: the site that asked.
        nonce: of its request.
        body: None where it is not known yet (`NOT_COVERED`).
        covered: as in `sign_request`.
    """
    headers = {
        SITE: shown_id(keys.site_id),
        RECIPIENT: shown_id(recipient_id),
        KEY: keys.key_id,
        NONCE: nonce,
        DIGEST: NOT_COVERED if body is None else digest_of(body),
        **(covered or {}),
    }
    text = answer_text(headers, status, covered=tuple(covered or ()))
    return headers | _signed(keys, text)


def verify_answer(
    headers: Headers,
    status: int,
    *,
    sender_id: str,
    own_id: str,
    nonce: str,
    directory: TrustedSites,
    now_ms: Callable[[], int],
    covered: Sequence[str] = (),
) -> str:
    """Check that an answer is the site's own answer to one request; return the body's digest.

    The digest is `NOT_COVERED` where the signature does not cover the body; the caller decides
    whether to take that, and compares (`require_digest`) where it is not.

    Args:
        sender_id: the site that was asked.
        nonce: of the request.

    Raises:
        BadAnswer: it is not; the reason tells what an administrator can look for.
    """
    missing = [name for name in (SITE, RECIPIENT, KEY, NONCE, DIGEST, SIGNATURE, *covered)
               if name not in headers]  # fmt: skip
    if missing:
        raise BadAnswer(sender_id, f"it is not signed (the header {missing[0]} is missing)")
    if unquote(headers[SITE]) != sender_id:
        raise BadAnswer(sender_id, f"another site gave it: {unquote(headers[SITE])!r:.80}")
    if unquote(headers[RECIPIENT]) != own_id or headers[NONCE] != nonce:
        raise BadAnswer(sender_id, "it belongs to another request")
    key = _key_of(directory.lookup(sender_id), headers, directory, now_ms)
    if key is None:
        raise BadAnswer(sender_id, f"it is signed by a key not trusted here ({headers[KEY]:.40})")
    text = answer_text(headers, status, covered=covered)
    if not is_signed(text, _bytes_of(headers[SIGNATURE]), key):
        raise BadAnswer(sender_id, "its signature is wrong; something changed it on the way")
    return headers[DIGEST]


def require_digest(sender_id: str, digest: str, body: bytes) -> None:
    """Check the body of an answer. Raises `BadAnswer` where it is not the one that was signed."""
    if digest != digest_of(body):
        raise BadAnswer(sender_id, "its body was changed or cut on the way")


def _signed(keys: SiteKeys, text: bytes) -> dict[str, str]:
    signed = {SIGNATURE: base64.b64encode(keys.sign(text)).decode("ascii")}
    announcements = keys.announcements
    if announcements:
        chain = base64.b64encode(msgspec.msgpack.encode(announcements)).decode("ascii")
        signed[KEY_CHAIN] = chain
    return signed


def _key_of(
    site: KnownSite | None, headers: Headers, directory: TrustedSites, now_ms: Callable[[], int]
) -> bytes | None:
    """Return the key that signed, after taking the site's newer keys where it announces them."""
    if site is None or site.revoked:
        return None
    key = site.accepted_key(headers[KEY], now_ms())
    if key is not None or any(known.key_id == headers[KEY] for known in site.keys):
        return key
    for announcement in _chain(headers):
        # First without the directory: a stranger's announcements must not cost a lock of its file.
        if site is not None and with_next_key(site, announcement, now_ms()) not in (None, site):
            directory.accept(announcement, now_ms())
            site = directory.lookup(site.site_id)
    return None if site is None else site.accepted_key(headers[KEY], now_ms())


def _chain(headers: Headers) -> tuple[KeyAnnouncement, ...]:
    text = headers.get(KEY_CHAIN, "")
    if not text or len(text) > _MAX_CHAIN_CHARACTERS:
        return ()
    try:
        return _CHAIN.decode(_bytes_of(text))[-MAX_ANNOUNCEMENTS:]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ()


def _bytes_of(text: str) -> bytes:
    """Return what base64 stands for; nothing where it is none. A signature is checked anyway."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
