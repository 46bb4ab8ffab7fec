"""Texts of a column of `facets` as small numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from museion.search.selection import Mask

NO_CODE = -1
"""Stands where a record has no text."""

_VALUES_A_TEXT = 1024


class Vocabulary:
    """The texts of one column and their codes; texts that differ in case or outer spaces are one.

    Append only, safe for any number of threads. The spelling that came first is shown.
    """

    def __init__(self) -> None:
        self._code_of: dict[str, int] = {}
        self._folded: list[str] = []
        self._texts: list[str] = []
        self._joined: list[str] = []
        self._growing = threading.Lock()

    def __len__(self) -> int:
        return len(self._code_of)

    def text(self, code: int) -> str:
        """Return the text of a code."""
        return self._texts[code]

    def code(self, text: str) -> int | None:
        """Return the code of a text, or None if no record ever had it."""
        return self._code_of.get(_folded(text))

    def add(self, texts: Iterable[str | None]) -> NDArray[np.int32]:
        """Return the code of each text, -1 for None; new texts get the next ones."""
        with self._growing:
            seen: dict[str | None, int] = {None: NO_CODE}
            return np.fromiter((self._given(text, seen) for text in texts), dtype=np.int32)

    def matching(self, fits: Callable[[str], bool]) -> Mask:
        """Return a table of whether a text fits, by code; its last entry, for no text, is False."""
        folded = self._folded[: len(self)]
        return np.array([*map(fits, folded), False], dtype=np.bool_)

    def containing(self, part: str) -> Mask:
        """Return a table like `matching` of the texts that contain `part`, without regard to case.

        Where few texts fit, the others are passed over a thousand at a time.
        """
        part, count = _folded(part), len(self)
        table = np.zeros(count + 1, dtype=np.bool_)
        for start, joined in enumerate(self._texts_joined(count)):
            if part in joined:
                first = start * _VALUES_A_TEXT
                some = self._folded[first : min(first + _VALUES_A_TEXT, count)]
                table[first : first + len(some)] = [part in text for text in some]
        return table

    def ranks(self) -> NDArray[np.float64]:
        """Return the alphabetical rank of each code; the last entry, for no text, is NaN."""
        folded = self._folded[: len(self)]
        ranks = np.full(len(folded) + 1, np.nan)
        ranks[sorted(range(len(folded)), key=folded.__getitem__)] = np.arange(len(folded))
        return ranks

    def _given(self, text: str | None, seen: dict[str | None, int]) -> int:
        if (code := seen.get(text)) is not None:
            return code
        assert text is not None
        folded = _folded(text)
        code = self._code_of.get(folded)
        if code is None:
            code = len(self._folded)
            self._texts.append(text)
            self._folded.append(folded)
            self._code_of[folded] = code  # last: what has a code can be read
        seen[text] = code
        return code

    def _texts_joined(self, count: int) -> list[str]:
        with self._growing:
            for full in range(len(self._joined), count // _VALUES_A_TEXT):
                first = full * _VALUES_A_TEXT
                self._joined.append("\n".join(self._folded[first : first + _VALUES_A_TEXT]))
            joined = self._joined[: count // _VALUES_A_TEXT]
        return [*joined, "\n".join(self._folded[len(joined) * _VALUES_A_TEXT : count])]


def _folded(text: str) -> str:
    return text.strip().casefold()
