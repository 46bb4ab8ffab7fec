"""Tells sounds by their first bytes: each format by its own structure."""

from __future__ import annotations

from typing import BinaryIO, Literal

SoundFormat = Literal["mp3", "wav", "flac", "ogg"]

_FRAME_BYTES = 4096
_OGG_HEAD_BYTES = 256
_OGG_SOUNDS = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")

# Source: ISO/IEC 11172-3, 2.4.1.3 and 13818-3: kilobits per second by version and layer, samples
# per second by version. A version of 2 stands for 2 and 2.5; index 0 is free, 15 forbidden.
_BITRATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def sound_format(file: BinaryIO, head: bytes) -> SoundFormat | None:
    """Return which sound a file is, None if it is none of them.

    Args:
        file: open for reading; it may be left anywhere.
        head: its first kilobytes.
    """
    if head.startswith(b"fLaC"):
        return "flac"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"OggS"):
        start = head[:_OGG_HEAD_BYTES]
        return "ogg" if any(mark in start for mark in _OGG_SOUNDS) else None
    return "mp3" if _is_mp3(file, head) else None


def _is_mp3(file: BinaryIO, head: bytes) -> bool:
    """Tell whether two frames follow each other, behind the tag if there is one."""
    start = 0
    if head.startswith(b"ID3") and len(head) > 10:
        # Source: ID3v2.4, 3.1: seven bits in each byte of the size, a footer of ten bytes.
        size = sum(
            (byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True)
        )
        start = 10 + size + (10 if head[5] & 0x10 else 0)
    elif head[:1] != b"\xff":
        return False
    file.seek(start)
    content = file.read(_FRAME_BYTES)
    content = content.lstrip(b"\0")  # padding of taggers
    length = _frame_bytes(content[:4])
    following = content[length : length + 4]
    return length > 0 and (len(following) < 4 or _frame_bytes(following) > 0)


def _frame_bytes(header: bytes) -> int:
    """Return how long the frame is that begins with a header; 0 if it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate_index, frequency_index = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or not 0 < rate_index < 15 or frequency_index == 3:
        return 0
    kind = 1 if version == 3 else 2
    bits_per_s = _BITRATES[kind, layer][rate_index - 1] * 1000
    rate, padding = _RATES[version][frequency_index], header[2] >> 1 & 1
    if layer == 1:
        return (12 * bits_per_s // rate + padding) * 4
    return (72 if kind == 2 and layer == 3 else 144) * bits_per_s // rate + padding
