"""Files that are made to harm whoever opens them, each a few kilobytes."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

_ROWS_AT_ONCE = 1000
_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'xmlns:xi="http://www.w3.org/2001/XInclude" width="90" height="60">{body}</svg>'
)


def make_png_bomb(path: Path, *, width: int = 60_000, height: int = 60_000) -> Path:
    """Write a black PNG (one bit a pixel, valid in every byte) and return its path."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    parts = []
    for start in range(0, height, _ROWS_AT_ONCE):
        parts.append(packer.compress(row * min(_ROWS_AT_ONCE, height - start)))
    parts.append(packer.flush())
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", b"".join(parts)), _chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


def unsafe_svgs() -> dict[str, bytes]:
    """Return drawings that run something, reach outside themselves or flood, by what they do."""
    bodies = {
        "script": "<script>alert(1)</script>",
        "script in another case": '<SCRIPT href="#x"/>',
        "event handler": '<rect width="9" height="9" onclick="alert(1)"/>',
        "picture by http": '<image href="http://example.org/a.png" width="9" height="9"/>',
        "picture by old http": '<image xlink:href="https://example.org/a.png" width="9"/>',
        "picture by file": '<image href="file:///etc/hostname" width="9" height="9"/>',
        "picture by relative path": '<image href="../secret.png" width="9" height="9"/>',
        "use of another file": '<use href="other.svg#part"/>',
        "style that imports": "<style>@import url(http://example.org/a.css);</style>",
        "style with a font": "<style>@font-face{src:url('http://example.org/a.ttf')}</style>",
        "hidden address": r"<style>rect{fill:\75rl(http://example.org/a)}</style>",
        "fill by http": '<rect width="9" height="9" fill="url(http://example.org/a#b)"/>',
        "page inside": '<foreignObject><iframe src="http://example.org/"/></foreignObject>',
        "inclusion": '<xi:include href="/etc/hostname"/>',
        "link that runs": '<a href="javascript:alert(1)"><rect width="9" height="9"/></a>',
        "changing link": '<a href="#"><set attributeName="href" to="javascript:alert(1)"/></a>',
        "drawing inside": '<image href="data:image/svg+xml;base64,PHN2Zy8+" width="9"/>',
        "moved base": '<g xml:base="http://example.org/"><use href="#a"/></g>',
    }
    attributes = 'width="90" height="60"'
    drawings = {
        name: _SVG.format(attributes=attributes, body=body).encode()
        for name, body in bodies.items()
    }
    return drawings | _unsafe_documents()


def _unsafe_documents() -> dict[str, bytes]:
    levels = 9
    entities = '<!ENTITY l0 "lol">' + "".join(
        f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, levels)
    )
    drawing = _SVG.format(body="<text>{}</text>")
    return {
        "billion laughs": (
            f"<!DOCTYPE svg [{entities}]>" + drawing.format(f"&l{levels - 1};")
        ).encode(),
        "external entity": (
            '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + drawing.format("&x;")
        ).encode(),
        "style sheet": (
            '<?xml-stylesheet href="http://example.org/a.css"?>' + drawing.format("")
        ).encode(),
    }


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum
