"""Head digests as people note them: the chain digest of a log's last event, hexadecimal."""

from __future__ import annotations

from museion.base.errors import InvalidInput
from museion.log.chain import START

_DIGEST_BYTES = len(START)


class NotADigest(InvalidInput):
    """A head to expect is not a chain digest."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"Expected a head digest of {2 * _DIGEST_BYTES} hexadecimal digits, got {text!r:.100}.",
            remedy="Take it from an earlier `museion log verify`.",
        )


def head_digest(text: str) -> bytes:
    """Return the chain digest that a hexadecimal text names.

    Raises:
        NotADigest: it names none.
    """
    try:
        digest = bytes.fromhex(text)
    except ValueError as reason:
        raise NotADigest(text) from reason
    if len(digest) != _DIGEST_BYTES:
        raise NotADigest(text)
    return digest
