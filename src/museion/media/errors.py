"""Why a file cannot be accepted as a medium: one class for each reason.

All of them are `InvalidInput`: nothing was done, and the same bytes fail the same way again. The
messages fit on one line and name no path, since the caller knows the file and a worker process
may know it under another name.
"""

from __future__ import annotations

from museion.base.errors import InvalidInput

_MAX_DETAIL_CHARACTERS = 160


class EmptyFile(InvalidInput):
    """The file has no bytes."""

    def __init__(self) -> None:
        super().__init__("The file is empty (0 bytes).", remedy="Copy it again from its origin.")


class UnknownMedia(InvalidInput):
    """The bytes are of no kind that the archive takes; a name is never believed."""

    def __init__(self, looks_like: str) -> None:
        super().__init__(
            f"Expected a picture, video, sound or PDF; the content is {looks_like}.",
            remedy="Ingest JPEG, PNG, GIF, WebP, TIFF, AVIF, HEIC, SVG, camera RAW, PDF, MP4, "
            "MOV, WebM, MP3, WAV, FLAC, Ogg or M4A.",
        )


class UnsupportedMedia(InvalidInput):
    """The kind is known, but this file uses a part of it that cannot be shown."""

    def __init__(self, format_name: str, reason: str) -> None:
        super().__init__(
            f"This {format_name} cannot be shown: {one_line(reason)}.",
            remedy="Save it in a more common form and ingest that.",
        )


class TruncatedMedia(InvalidInput):
    """The file ends before its content does."""

    def __init__(self, format_name: str, reason: str) -> None:
        super().__init__(
            f"The {format_name} ends too early: {one_line(reason)}.",
            remedy="Copy it again from its origin.",
        )


class CorruptMedia(InvalidInput):
    """Bytes inside the file are not what its format demands."""

    def __init__(self, format_name: str, reason: str) -> None:
        super().__init__(
            f"The {format_name} is damaged: {one_line(reason)}.",
            remedy="Copy it again from its origin, or repair it with the program that wrote it.",
        )


class PixelFlood(InvalidInput):
    """The picture would need more pixels or memory than the limits allow; it was not decoded."""

    def __init__(self, *, width: int, height: int, limit: str) -> None:
        super().__init__(
            f"The picture has {width} x {height} pixels; allowed are {limit}.",
            remedy="Raise `max_megapixels` in museion.toml if you trust it, or ingest a copy.",
        )


class MemoryFlood(InvalidInput):
    """Decoding needs more memory than the process may use."""

    def __init__(self, format_name: str) -> None:
        super().__init__(
            f"Decoding the {format_name} needs more memory than this process may use.",
            remedy="Give workers more memory if you trust the file, or ingest a smaller one.",
        )


class MediaTooLarge(InvalidInput):
    """The file is larger than a format of its kind may be."""

    def __init__(self, format_name: str, *, size_bytes: int, max_bytes: int) -> None:
        super().__init__(
            f"The {format_name} has {size_bytes} bytes; allowed are {max_bytes}.",
            remedy="Simplify it, or raise the limit if you trust the file.",
        )


class UnsafeVector(InvalidInput):
    """A vector drawing has a script or reaches outside itself; it was not drawn."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The SVG is not safe to draw: {one_line(reason)}.",
            remedy="Export it as a plain SVG without scripts, entities and outside references.",
        )


class LockedDocument(InvalidInput):
    """A document opens only with a password."""

    def __init__(self) -> None:
        super().__init__(
            "The PDF is locked with a password.", remedy="Save a copy without it and ingest that."
        )


def one_line(reason: str) -> str:
    """Return a library's words as one short line without a closing stop."""
    words = " ".join(reason.split()).rstrip(".;:, ")
    if len(words) <= _MAX_DETAIL_CHARACTERS:
        return words
    return words[: _MAX_DETAIL_CHARACTERS - 1] + "…"
