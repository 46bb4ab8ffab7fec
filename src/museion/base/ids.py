"""Identifiers: random names for sites and short text forms of digests."""

from __future__ import annotations

import base64
import secrets

from museion.base.errors import InvalidInput

_RANDOM_BYTES = 10
_SHORT_BYTES = 15


def random_id() -> str:
    """Return 16 lower-case base32 characters (80 random bits), safe in file names and addresses."""
    return _base32(secrets.token_bytes(_RANDOM_BYTES))


def short_id(digest_hex: str) -> str:
    """Return the first 120 bits of a hexadecimal digest as 24 lower-case base32 characters.

    The same digest gives the same id everywhere, so two sites that meet the same content name it
    alike. 120 bits keep the chance of any collision among a billion contents below 1e-18.

    Raises:
        InvalidInput: the text is not hexadecimal, or has fewer than 30 characters.
    """
    try:
        digest = bytes.fromhex(digest_hex)
    except ValueError as reason:
        raise _not_a_digest(digest_hex) from reason
    if len(digest) < _SHORT_BYTES:
        raise _not_a_digest(digest_hex)
    return _base32(digest[:_SHORT_BYTES])


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()


def _not_a_digest(text: str) -> InvalidInput:
    wanted = _SHORT_BYTES * 2
    return InvalidInput(f"Expected {wanted} or more hexadecimal characters, got {text[:80]!r}.")
