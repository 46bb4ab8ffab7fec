"""What a file may cost before it is refused; the defaults fit a worker of 2 GiB."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one file, checked against its header before its pixels are decoded."""

    max_pixels: int = 500_000_000
    """Width times height of a still. The largest single-shot sensors have 150 million pixels and
    stitched scans a few hundred; 60,000 x 60,000 has 3,600 million."""

    max_side_pixels: int = 250_000
    """Width or height of a still. What is read row by row is held in bands of 64 rows and more, so
    that very long rows cost memory however few they are; the widest scans have about 200,000."""

    max_decoded_bytes: int = 1 << 30
    """Memory for pixels, where a format must be decoded whole (interlaced PNG, progressive JPEG,
    WebP, GIF, AVIF, HEIC); formats read row by row need only `max_pixels`."""

    max_frame_pixels: int = 8192 * 8192
    """Width times height of a video frame; 8K film has 33 million."""

    max_svg_bytes: int = 16 << 20
    """Size of an SVG file."""

    max_svg_elements: int = 200_000
    """Elements in an SVG; each costs time to draw."""
