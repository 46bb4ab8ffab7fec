"""Reads what a file says about itself, whatever its kind.

The readers are imported when one of their files comes: a worker that meets photos only never loads
what films and pages need.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from museion.media.metadata import Metadata
from museion.media.sniff import MediaType


def extract_metadata(path: Path, media: MediaType) -> Metadata:
    """Return everything that a file says about itself.

    A value that cannot be read becomes a warning and never hinders the others; a file that no
    library can open gives a `Metadata` of warnings only.

    Raises:
        OSError: the file cannot be read.
    """
    if media.kind == "image" or media.kind == "raw":  # noqa: PLR1714 (narrows the type)
        from museion.media.still_metadata import read_still_metadata

        return read_still_metadata(path, media)
    if media.kind == "video":
        from museion.media.video_metadata import read_video_metadata

        return read_video_metadata(path, media)
    if media.kind == "sound":
        from museion.media.sound_metadata import read_sound_metadata

        return read_sound_metadata(path, media)
    if media.kind == "document":
        from museion.media.document_metadata import read_document_metadata

        return read_document_metadata(path)
    if media.kind == "vector":
        from museion.media.svg_metadata import read_svg_metadata

        return read_svg_metadata(path)
    assert_never(media.kind)
