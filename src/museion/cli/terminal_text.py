"""Texts from files and strangers on a terminal: always one line, and never a command to it."""

from __future__ import annotations

import re
import unicodedata

_BREAKS = str.maketrans(dict.fromkeys("\t\n\v\f\r\x85\u2028\u2029", " "))
# Those between, DC80 to DCFF, stand for bytes that a file system's name could not be decoded from.
_LONE_SURROGATES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
# Marks that change the direction of everything behind them, beyond the text that they stand in.
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line(text: str, *, longest: int = 1000) -> str:
    """Return a text as one harmless line.

    Line breaks become spaces; control characters, and marks that turn the direction of writing,
    become visible escapes; bytes that are not UTF-8 become U+FFFD; the end of a long text is cut.
    """
    readable = decodable(text[: longest + 1]).translate(_BREAKS)
    line = "".join(_escaped(each) if _is_command(each) else each for each in readable)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def decodable(text: str) -> str:
    """Return a text that UTF-8 can hold: undecodable bytes and lone surrogates become U+FFFD."""
    lone = _LONE_SURROGATES.sub("\ufffd", text)
    return lone.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_command(character: str) -> bool:
    return character in _TURNS or unicodedata.category(character) == "Cc"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
