"""One door to the pixels of every kind of medium."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from museion.media.limits import Limits
from museion.media.picture import Picture
from museion.media.sniff import MediaType


def decode(path: Path, media: MediaType, limits: Limits) -> Picture:
    """Return what there is to see of a file: the still itself, a drawing, a page, a frame, a wave.

    Each kind's libraries are loaded when the first file of that kind comes.

    Raises:
        TruncatedMedia, CorruptMedia, UnsupportedMedia, LockedDocument: it cannot be decoded.
        PixelFlood, MediaTooLarge, UnsafeVector: it must not be decoded.
        OSError: the file cannot be read.
    """
    if media.kind == "image":
        from museion.media.stills import decode_still

        return decode_still(path, media, limits)
    if media.kind == "raw":
        from museion.media.raw import decode_raw

        return decode_raw(path, media, limits)
    if media.kind == "vector":
        from museion.media.svg import decode_svg

        return decode_svg(path, limits)
    if media.kind == "video":
        from museion.media.video import decode_poster

        return decode_poster(path, media, limits)
    if media.kind == "sound":
        from museion.media.sound import draw_waveform

        return draw_waveform(path, media)
    if media.kind == "document":
        from museion.media.document import decode_page

        return decode_page(path)
    assert_never(media.kind)
