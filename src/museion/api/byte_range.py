"""Byte ranges of files over HTTP (RFC 9110, section 14): one range a request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from litestar.response import Stream

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_CHUNK_BYTES = 1 << 18
_SHOWN_IN_PAGES = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "video/")
"""Media types that may be shown inline; an SVG or PDF from anyone could carry a script."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from `start` up to, not including, `end`, of `size_bytes` in all."""

    start: int
    end: int
    size_bytes: int

    @property
    def whole(self) -> bool:
        """Tell whether it is all of the file."""
        return self.start == 0 and self.end == self.size_bytes


def requested_range(header: str | None, size_bytes: int) -> ByteRange:
    """Return the asked range; the whole where none, several or an unfit one is asked for."""
    found = _RANGE.fullmatch(header or "")
    if found is None or found.groups() == ("", ""):
        return ByteRange(0, size_bytes, size_bytes)
    first, last = found.groups()
    if first:
        start, end = int(first), min(int(last) + 1, size_bytes) if last else size_bytes
    else:
        start, end = max(size_bytes - int(last), 0), size_bytes
    if start >= end:
        start, end = 0, size_bytes
    return ByteRange(start, end, size_bytes)


def stream_file(path: Path, part: ByteRange, *, media_type: str, filename: str) -> Stream:
    """Return a response with a part of a file under a name."""
    inline = media_type.startswith(_SHOWN_IN_PAGES)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(part.end - part.start),
        "Content-Disposition": f"{'inline' if inline else 'attachment'};"
        f" filename*=UTF-8''{quote(filename, safe='')}",
        "Content-Security-Policy": "sandbox",
    }
    if not part.whole:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{part.size_bytes}"
    status = 200 if part.whole else 206
    return Stream(_chunks(path, part), status_code=status, media_type=media_type, headers=headers)


def _chunks(path: Path, part: ByteRange) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(part.start)
        left = part.end - part.start
        while left > 0 and (chunk := file.read(min(_CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
