"""PDF documents through PDFium: the first page stands for the whole."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pypdfium2
import pyvips

from museion.base.errors import NotFound
from museion.media import sniff
from museion.media.containers import check_complete
from museion.media.errors import CorruptMedia, LockedDocument
from museion.media.native_path import native_path
from museion.media.picture import PREVIEW_SIDE_PIXELS, Picture, own_memory

_WHITE = (255, 255, 255, 255)
_LEAST_SIDE_POINTS = 1.0
_QUALITY = 80
"""Letters show what a lossy picture loses sooner than photos do."""


class NoSuchPage(NotFound):
    """A page was asked for that the document does not have."""

    def __init__(self, number: int, pages: int) -> None:
        super().__init__(f"Expected a page from 1 to {pages}; came {number}.")


def decode_page(path: Path, number: int = 1) -> Picture:
    """Return a page, drawn on white at preview size.

    The size reported as the original's is the page's, in points of 1/72 inch.

    Args:
        number: of the page, from 1.

    Raises:
        NoSuchPage: it has pages, but not so many.
        LockedDocument: it needs a password.
        TruncatedMedia, CorruptMedia: it cannot be read, or has no page.
        OSError: the file cannot be read.
    """
    check_complete(path, sniff.PDF)
    with open_document(path) as document:
        if len(document) == 0:
            raise CorruptMedia(sniff.PDF.format_name, "it has no page")
        if not 1 <= number <= len(document):
            raise NoSuchPage(number, len(document))
        page = document[number - 1]
        width, height = page.get_size()
        longest = max(width, height)
        if longest < _LEAST_SIDE_POINTS:
            raise CorruptMedia(sniff.PDF.format_name, f"its page {number} has no size")
        bitmap = page.render(
            scale=PREVIEW_SIDE_PIXELS / longest, rev_byteorder=True, fill_color=_WHITE
        )
        image = own_memory(pyvips.Image.new_from_array(bitmap.to_numpy()[..., :3]))
        return Picture(image, max(1, round(width)), max(1, round(height)))


def page_webp(path: Path, number: int) -> bytes:
    """Return a page as WebP at preview size. Raises as `decode_page`."""
    picture = decode_page(path, number)
    return bytes(picture.image.webpsave_buffer(Q=_QUALITY, effort=0, keep="none"))


@contextmanager
def open_document(path: Path) -> Iterator[pypdfium2.PdfDocument]:
    """Open a PDF; PDFium's errors inside the context become ours.

    Raises:
        LockedDocument: it needs a password.
        CorruptMedia: it cannot be read.
        OSError: the file cannot be read.
    """
    with native_path(path) as name:
        try:
            document = pypdfium2.PdfDocument(name)
            try:
                yield document
            finally:
                document.close()
        except pypdfium2.PdfiumError as reason:
            # PDFium can repeat the error of an earlier document, so the file is asked as well.
            if "password" in str(reason).lower() and _is_encrypted(path):
                raise LockedDocument from None
            raise CorruptMedia(sniff.PDF.format_name, str(reason)) from None


def _is_encrypted(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"/Encrypt") >= 0
