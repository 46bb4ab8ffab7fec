"""Vector drawings: checked for what could run, fetch or flood, then drawn by librsvg.

librsvg itself runs no scripts and, given bytes without an address, fetches nothing. The check
before it refuses such drawings with a reason instead of showing them with parts missing.
"""

from __future__ import annotations

from pathlib import Path

import pyvips

from museion.media import sniff
from museion.media.errors import CorruptMedia, MediaTooLarge
from museion.media.limits import Limits
from museion.media.picture import PREVIEW_SIDE_PIXELS, Picture, decoding_errors
from museion.media.svg_safety import check_safe


def decode_svg(path: Path, limits: Limits) -> Picture:
    """Return a drawing at preview size: it has no pixels of its own, so it is drawn to fit.

    The size reported as the original's is the one that the drawing states, in CSS pixels.

    Raises:
        MediaTooLarge: the file or its number of elements exceeds `limits`.
        UnsafeVector: it has a script or reaches outside itself; it was not drawn.
        TruncatedMedia, CorruptMedia: it is no XML, or has no size.
        PixelFlood: a picture inside it is too large.
        OSError: the file cannot be read.
    """
    content = read_svg(path, limits)
    check_safe(content, limits)
    with decoding_errors(path, sniff.SVG):
        drawing = pyvips.Image.svgload_buffer(content)
        if drawing.width < 1 or drawing.height < 1:
            raise CorruptMedia(sniff.SVG.format_name, "it has no size")
        scale = PREVIEW_SIDE_PIXELS / max(drawing.width, drawing.height)
        image = pyvips.Image.svgload_buffer(content, scale=scale, fail_on="error")
        return Picture(image.copy_memory(), drawing.width, drawing.height)


def read_svg(path: Path, limits: Limits) -> bytes:
    """Return the bytes of a drawing that is not too large.

    Raises:
        MediaTooLarge: it is.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(limits.max_svg_bytes + 1)
    if len(content) > limits.max_svg_bytes:
        raise MediaTooLarge(
            sniff.SVG.format_name, size_bytes=path.stat().st_size, max_bytes=limits.max_svg_bytes
        )
    return content
