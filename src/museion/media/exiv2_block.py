"""The entries of EXIF, IPTC and XMP that exiv2 found, as texts and numbers.

Programs of thirty years wrote these blocks in the character sets of their time. What is valid
UTF-8 is taken for UTF-8; the rest is Windows-1252, which holds all of Latin-1's letters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import exiv2

_CHARACTER_SET = "Iptc.Envelope.CharacterSet"
_UTF8_MARK = "\x1b%G"
_DEFAULT_LANGUAGE = "x-default"
_MAX_TEXT_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class Block:
    """Entries by exiv2's key; a repeatable one has several values."""

    entries: Mapping[str, list[exiv2.Value]]
    warnings: tuple[str, ...]

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def text(self, key: str) -> str:
        """Return the first text of an entry without blanks around it; empty if there is none."""
        return next(iter(self.texts(key)), "")

    def texts(self, key: str) -> tuple[str, ...]:
        """Return all texts of an entry, each once, in their order."""
        found = [text for value in self.entries.get(key, ()) for text in _texts_of(value)]
        return tuple(dict.fromkeys(text for text in found if text))

    def utf16(self, key: str) -> str:
        """Return the text of an entry that holds the bytes of little-endian UTF-16."""
        numbers = bytes(value.toInt64(at) & 0xFF for value in self._first(key) for at in _of(value))
        return numbers.decode("utf-16-le", "replace").strip("\0 ")

    def integer(self, key: str) -> int:
        """Return a whole number.

        Raises:
            ValueError: there is none.
        """
        return round(self.number(key))

    def number(self, key: str) -> float:
        """Return a number, fractions divided.

        Raises:
            ValueError: there is none.
            ZeroDivisionError: it is a fraction over zero.
        """
        fractions = self.fractions(key)
        if not fractions:
            raise ValueError("there is no number")
        numerator, denominator = fractions[0]
        return numerator / denominator

    def fractions(self, key: str) -> list[tuple[int, int]]:
        """Return the numbers of an entry as numerators and denominators; empty if it has none."""
        return [tuple(value.toRational(at)) for value in self._first(key) for at in _of(value)]

    def _first(self, key: str) -> list[exiv2.Value]:
        return self.entries.get(key, [])[:1]


def collect(image: exiv2.Image) -> Block:
    """Return the entries of an image whose metadata were read."""
    # NOTE: exiv2's look-ups by key abort the process on a key that it does not know; iterating
    # never does.
    entries: dict[str, list[exiv2.Value]] = {}
    for block in (image.exifData(), image.iptcData(), image.xmpData()):
        for datum in block:
            entries.setdefault(datum.key(), []).append(datum.value())
    return Block(entries, _character_set_warnings(entries))


def _character_set_warnings(entries: Mapping[str, list[exiv2.Value]]) -> tuple[str, ...]:
    marks = entries.get(_CHARACTER_SET, [])
    if not any(mark.toString() == _UTF8_MARK for mark in marks):
        return ()
    wrong = [
        key
        for key, values in entries.items()
        if key.startswith("Iptc.") and any(not _is_utf8(value.toString()) for value in values)
    ]
    return tuple(f"iptc:{key.rpartition('.')[2]}: declared as UTF-8 but is not" for key in wrong)


def _texts_of(value: exiv2.Value) -> list[str]:
    if isinstance(value, exiv2.LangAltValue):
        by_language = dict(value)
        first = by_language.get(_DEFAULT_LANGUAGE) or next(iter(by_language.values()), "")
        return [_readable(first)]
    if isinstance(value, exiv2.XmpArrayValue):
        return [_readable(value.toString(at)) for at in _of(value)]
    if isinstance(value, exiv2.CommentValue):
        return [_readable(value.comment())]
    return [_readable(value.toString())]


def _of(value: exiv2.Value) -> range:
    return range(value.count())


def _readable(escaped: str) -> str:
    """Return the text that exiv2 hands over with bytes that are not UTF-8 escaped."""
    if not _is_utf8(escaped):
        content = escaped.encode("utf-8", "surrogateescape")
        try:
            escaped = content.decode("cp1252")
        except UnicodeDecodeError:
            escaped = content.decode("latin-1")
    return escaped.replace("\0", " ").strip()[:_MAX_TEXT_CHARACTERS]


def _is_utf8(escaped: str) -> bool:
    return not any("\udc80" <= character <= "\udcff" for character in escaped)
