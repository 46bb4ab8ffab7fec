"""The text of a PDF, page by page, in passages short enough to be shown beside a hit."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2

from museion.media.document import open_document

PASSAGE_CHARACTERS = 500
"""Longest passage; about a paragraph, so that it can be read at a glance."""
_SHORTEST_BEFORE_PARAGRAPH = 200
"""A passage of this length ends where a paragraph does; shorter ones, headings say, go on."""

# PDFium writes a mark of its own, or none, where a line ends with a hyphen.
_HYPHEN_AT_LINE_END = re.compile(r"(?<=\w)(?:[\x02\ufffe\xad]\s*|-[ \t]*\r?\n\s*)(?=\w)")
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’»)\]]*\s+")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class TextLimits:
    """How much of a document is read: the rest is left out, and the answer says so."""

    max_pages: int = 2_000
    max_characters: int = 1_000_000
    max_s: float = 30.0


@dataclass(frozen=True, slots=True)
class PageText:
    """A stretch of text, and the page on which it stands, from 1."""

    page: int
    text: str


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The text of a document in reading order.

    Attributes:
        pages: how many the document has, read or not.
        left_out: what was not read and why, as a sentence for people; empty where all was.
    """

    pages: int
    passages: tuple[PageText, ...]
    left_out: str = ""


def read_document_text(path: Path, limits: TextLimits | None = None) -> DocumentText:
    """Return the passages of a PDF; a scan without a text layer has none.

    A page that cannot be read is left out; the others are read.

    Raises:
        LockedDocument: it needs a password.
        CorruptMedia: it cannot be opened.
        OSError: the file cannot be read.
    """
    with open_document(path) as document:
        return _Reading(document, limits or TextLimits()).all()


def passages_of(text: str) -> Iterator[str]:
    """Cut a page's text into passages of at most `PASSAGE_CHARACTERS`.

    Each ends with a paragraph or a sentence where it can, else with a word. Words keep their order
    and none is lost; white space is not kept.
    """
    gathered = ""
    for paragraph in _PARAGRAPH.split(text):
        for piece in _pieces(paragraph):
            if gathered and len(gathered) + 1 + len(piece) > PASSAGE_CHARACTERS:
                yield gathered
                gathered = ""
            gathered = f"{gathered} {piece}" if gathered else piece
        if len(gathered) >= _SHORTEST_BEFORE_PARAGRAPH:
            yield gathered
            gathered = ""
    if gathered:
        yield gathered


class _Reading:
    """One pass over the pages of an open document."""

    def __init__(self, document: pypdfium2.PdfDocument, limits: TextLimits) -> None:
        self._document = document
        self._limits = limits
        self._until = time.monotonic() + limits.max_s
        self._characters = limits.max_characters
        self._passages: list[PageText] = []
        self._unreadable = 0

    def all(self) -> DocumentText:
        pages = len(self._document)
        for index in range(pages):
            if why := self._enough(index):
                left_out = f"The text from page {index + 1} on was left out: {why}."
                return DocumentText(pages, tuple(self._passages), left_out)
            self._read(index)
        missing = f"{self._unreadable} of {pages} pages could not be read."
        return DocumentText(pages, tuple(self._passages), missing if self._unreadable else "")

    def _enough(self, index: int) -> str:
        if index >= self._limits.max_pages:
            return f"at most {self._limits.max_pages} pages are read"
        if self._characters <= 0:
            return f"at most {self._limits.max_characters} characters are kept"
        if time.monotonic() > self._until:
            return f"reading took longer than {self._limits.max_s:g} s"
        return ""

    def _read(self, index: int) -> None:
        try:
            text = self._page_text(index)
        except pypdfium2.PdfiumError:
            self._unreadable += 1
            return
        self._characters -= len(text)
        passages = passages_of(_mended(text))
        self._passages += [PageText(index + 1, each) for each in passages]

    def _page_text(self, index: int) -> str:
        page = self._document[index]
        try:
            written = page.get_textpage()
            try:
                # NOTE: PDFium counts characters that it does not write out; asking for more than
                # there are is an error, for fewer is not.
                count = min(written.count_chars(), self._characters)
                return str(written.get_text_range(0, count)) if count else ""
            finally:
                written.close()
        finally:
            page.close()


def _mended(text: str) -> str:
    """Return a page's text with words whole that were divided at the end of a line."""
    whole = _HYPHEN_AT_LINE_END.sub(
        lambda hyphen: "" if text[hyphen.end()].islower() else "-", text
    )
    readable = _UNPRINTABLE.sub(" ", whole.replace("\r\n", "\n").replace("\r", "\n"))
    return readable.encode("utf-8", "replace").decode()


def _pieces(paragraph: str) -> Iterator[str]:
    """Return sentences, and the parts of those that are too long for one passage."""
    start = 0
    for end in [*(each.end() for each in _SENTENCE_END.finditer(paragraph)), len(paragraph)]:
        yield from _fitting(paragraph[start:end].split())
        start = end


def _fitting(words: list[str]) -> Iterator[str]:
    gathered = ""
    for word in words:
        for start in range(0, len(word), PASSAGE_CHARACTERS):
            part = word[start : start + PASSAGE_CHARACTERS]
            if gathered and len(gathered) + 1 + len(part) > PASSAGE_CHARACTERS:
                yield gathered
                gathered = ""
            gathered = f"{gathered} {part}" if gathered else part
    if gathered:
        yield gathered
