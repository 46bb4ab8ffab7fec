"""Causal tokens: what a person had seen when they changed something, as text that travels."""

from __future__ import annotations

import base64
import binascii

import msgspec

from museion.base.errors import InvalidInput
from museion.log.vector_time import VectorTime

_DECODER = msgspec.msgpack.Decoder(VectorTime)
_LONGEST = 20_000


class BadToken(InvalidInput):
    """A text is no causal token of this archive."""

    def __init__(self, token: str) -> None:
        super().__init__(
            f"Expected a causal token as an asset's detail has it in `seen`, got {token[:80]!r}.",
            remedy="Read the asset again and use its token; or leave the token out.",
        )


def as_token(seen: VectorTime) -> str:
    """Return a vector time as a causal token: URL-safe letters."""
    times = VectorTime(dict(sorted(seen.times.items())))
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(times)).decode().rstrip("=")


def seen_by(token: str, *, known: VectorTime) -> VectorTime:
    """Return the vector time of a causal token.

    Args:
        known: version of this site's log; a token cannot tell of more.

    Raises:
        BadToken: it is none, or tells of events that this site does not have.
    """
    if len(token) > _LONGEST:
        raise BadToken(token)
    try:
        seen = _DECODER.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (msgspec.MsgspecError, binascii.Error, ValueError) as reason:
        raise BadToken(token) from reason
    if not seen <= known:
        raise BadToken(token)
    return seen
