"""What a PDF's information dictionary says. Source: ISO 32000-1, 14.3.3."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from pypdfium2 import PdfDocument

from museion.media.capture_time import CaptureTime
from museion.media.document import open_document
from museion.media.errors import CorruptMedia, LockedDocument
from museion.media.metadata import Metadata, Value
from museion.media.reading import Reading, read_all

_LIST_MARKS = re.compile(r"[;,]")


def read_document_metadata(path: Path) -> Metadata:
    """Return title, author, subject, keywords, date, pages and page size of a PDF.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with open_document(path) as document:
            written = document.get_metadata_dict(skip_empty=True)
            noted = read_all(_readings(written), ValueError)
            return Metadata((*noted.values, *_structure(document)), noted.warnings)
    except (CorruptMedia, LockedDocument) as reason:
        return Metadata(warnings=(f"pdf: {reason.message}",))


def _readings(written: dict[str, str]) -> list[Reading]:
    texts = {key: value.strip() for key, value in written.items()}
    return [
        ("title", "pdf:Title", partial(texts.get, "Title")),
        ("creator", "pdf:Author", partial(_names, texts.get("Author", ""))),
        ("caption", "pdf:Subject", partial(texts.get, "Subject")),
        ("keywords", "pdf:Keywords", partial(_terms, texts.get("Keywords", ""))),
        ("capture_time", "pdf:CreationDate", partial(_moment, texts.get("CreationDate", ""))),
    ]


def _structure(document: PdfDocument) -> list[Value]:
    values = [Value("page_count", len(document), "container")]
    if len(document):
        width, height = document[0].get_size()
        values.append(Value("width", max(1, round(width)), "container"))
        values.append(Value("height", max(1, round(height)), "container"))
    return values


def _names(written: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in written.split(";") if part.strip())


def _terms(written: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _LIST_MARKS.split(written) if part.strip())


def _moment(written: str) -> str | None:
    return CaptureTime.from_pdf(written).iso() if written else None
