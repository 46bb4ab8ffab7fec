"""Messages of the protocol as bodies of HTTP: msgpack, and zstd where that pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import zstandard

from museion.base.codec import Undecodable, decode, encode
from museion.base.errors import Damaged, InvalidInput

T = TypeVar("T")

MEDIA_TYPE = "application/vnd.museion.replication+msgpack"
"""Content type of every request and answer."""

PATH = "/replication/1/"
"""What every address of the protocol has; the number is that of the protocol's version."""

ENCODING = "museion-encoding"
ACCEPT = "museion-accept"

COVERED_IN_REQUEST = (ENCODING, ACCEPT)
COVERED_IN_ANSWER = (ENCODING,)
"""Headers of ours that the signature covers, in this order."""

PLAIN, ZSTD = "identity", "zstd"
"""Values of the header `Museion-Encoding`."""

COMPRESS_FROM_BYTES = 1024
"""Smaller bodies travel as they are: there is little to gain."""

_ZSTD_LEVEL = 1
_MAX_WINDOW_BYTES = 8 << 20


class BodyTooLarge(InvalidInput):
    """A body is larger than this site takes; nothing of it was used."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"Expected a body of at most {limit_bytes} bytes, got a larger one.",
            remedy="Ask for less at a time, or raise the limit of the other side.",
        )


class DamagedBody(Damaged):
    """A body is not what its header says."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The body cannot be read: {reason}.", remedy="Check what stands between the sites."
        )


@dataclass(frozen=True, slots=True)
class Body:
    """A body ready to travel.

    Attributes:
        content: as it travels.
        encoding: `PLAIN` or `ZSTD`.
        raw_bytes: size before compression.
    """

    content: bytes
    encoding: str
    raw_bytes: int


def is_ours(content_type: str) -> bool:
    """Tell whether a content type is that of the protocol; proxies may add parameters to it."""
    return content_type.partition(";")[0].strip().lower() == MEDIA_TYPE


def pack(message: object, *, accepts_zstd: bool) -> Body:
    """Return a message as bytes, compressed where that pays and the other side can undo it."""
    content = encode(message)
    if accepts_zstd and len(content) >= COMPRESS_FROM_BYTES:
        compressed = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(content)
        if len(compressed) < len(content):
            return Body(compressed, ZSTD, len(content))
    return Body(content, PLAIN, len(content))


def unpack(content: bytes, kind: type[T], *, encoding: str, max_bytes: int) -> tuple[T, int]:
    """Return the message in a body, and its size before compression, in bytes.

    Memory stays below twice `max_bytes`, whatever the body claims of itself.

    Raises:
        BodyTooLarge: it is larger than `max_bytes`, compressed or not.
        DamagedBody: it is not of that encoding, or holds no such message.
    """
    raw = decompressed(content, encoding=encoding, max_bytes=max_bytes)
    try:
        return decode(raw, kind), len(raw)
    except (Undecodable, UnicodeDecodeError, RecursionError) as reason:
        raise DamagedBody(str(reason)) from reason


def decompressed(content: bytes, *, encoding: str, max_bytes: int) -> bytes:
    """Return a body as it was before compression. Raises as `unpack`."""
    if len(content) > max_bytes:
        raise BodyTooLarge(max_bytes)
    if encoding == PLAIN:
        return content
    if encoding != ZSTD:
        raise DamagedBody(f"its encoding {encoding!r:.40} is none of {PLAIN}, {ZSTD}")
    try:
        size_bytes = zstandard.get_frame_parameters(content).content_size
        if size_bytes == zstandard.CONTENTSIZE_UNKNOWN:
            raise DamagedBody("zstd: the frame does not tell the size of its content")
        if size_bytes > max_bytes:
            raise BodyTooLarge(max_bytes)
        # It never makes more than the frame has told, and fails where that was a lie.
        return zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).decompress(
            content, allow_extra_data=False
        )
    except zstandard.ZstdError as reason:
        raise DamagedBody(f"zstd: {reason}") from reason
