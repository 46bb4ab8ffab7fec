"""One door to the pixels of every kind of medium."""

from __future__ import annotations

from pathlib import Path

from museion.media.limits import Limits
from museion.media.picture import Picture
from museion.media.sniff import MediaType


def decode(path: Path, media: MediaType, limits: Limits) -> Picture:
    """Return what there is to see of a file: the still itself, a drawing, a page or a film frame.

    Each kind's libraries are loaded when the first file of that kind comes.

    Raises:
        TruncatedMedia, CorruptMedia, UnsupportedMedia, LockedDocument: it cannot be decoded.
        PixelFlood, MediaTooLarge, UnsafeVector: it must not be decoded.
        OSError: the file cannot be read.
    """
    if media.kind == "image":
        from museion.media.stills import decode_still

        return decode_still(path, media, limits)
    raise NotImplementedError
