"""The names that an archive has: people, places, cameras, collections and tags.

A query is understood with their help (`museion.search.query`), and completed. Tags are looked up
when they are asked for; the others are few, and kept in memory.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from museion.archive.catalog.connections import Connections
from museion.archive.catalog.suggested import first_tag, names_of, tags_beginning
from museion.search.analysis.known import KnownKind
from museion.search.analysis.lexing import core_of
from museion.search.query import Known
from museion.search.words import STOP_WORDS, fold

_KINDS: Final[tuple[KnownKind, ...]] = ("person", "place", "camera", "collection")
"""Kinds that are kept; where one name is of several kinds, the first wins."""
_FRESH_S: Final = 2.0
"""So long names that have been read are not read again, whatever happens."""
_LARGEST_SHARE: Final = 0.02
"""Share of the time that may be spent on reading names anew while assets come in."""
_FEWEST_LETTERS: Final = 3


class CatalogNames:
    """The names of a catalog, for `parse_query` and for completions; safe to use from threads.

    A new place, camera or collection is known some seconds after it came, the later the larger the
    archive; a new tag at once. Names of assets that this site may not show are not known.
    """

    def __init__(self, catalog: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the catalog's file; it need not exist before the first question."""
        self._read = Connections(catalog)
        self._clock = clock
        self._reading = threading.Lock()
        self._names: Mapping[KnownKind, tuple[str, ...]] = MappingProxyType({})
        self._known: Mapping[str, Known] = MappingProxyType({})
        self._position = -1
        self._read_again_at = clock()

    def longest(self, words: Sequence[str]) -> tuple[int, Known] | None:
        """Return the name that the first words are, and how many of them; the longest there is.

        Args:
            words: as typed, without punctuation around them; at least one.
        """
        self._refresh_if_old()
        keys = [fold(word) for word in words]
        for used in range(len(words), 0, -1):
            known = self._known.get(" ".join(keys[:used]))
            if known is not None:
                return used, known
            tag = self._tag(words[:used])
            if tag is not None:
                return used, Known("tag", tag)
        return None

    def beginning(self, start: str, *, limit: int) -> dict[str, list[str]]:
        """Return tags that begin with a text, and names of which a word does, most used first.

        Of cameras those that contain it.
        """
        self._refresh_if_old()
        wanted = fold(start)
        return {
            "tag": tags_beginning(self._read, start, limit=limit),
            **{
                kind: _first(limit, (name for name in names if _fits(kind, name, wanted)))
                for kind, names in self._names.items()
            },
        }

    def refresh(self) -> None:
        """Read all names that are kept; a second for a million assets."""
        with self._reading:
            self._refresh()

    def close(self) -> None:
        """Close the connections to the catalog."""
        self._read.close()

    def _tag(self, words: Sequence[str]) -> str | None:
        if fold(words[0]) in STOP_WORDS:
            return None
        return first_tag(self._read, (" ".join(words),))

    def _refresh_if_old(self) -> None:
        """Read names anew where assets came in and enough time went by; only one thread waits."""
        if self._clock() < self._read_again_at or not self._reading.acquire(blocking=False):
            return
        try:
            if self._position_now() != self._position:
                self._refresh()
        finally:
            self._reading.release()

    def _refresh(self) -> None:
        started = self._clock()
        self._position = self._position_now()
        self._names = MappingProxyType({kind: tuple(names_of(self._read, kind)) for kind in _KINDS})
        known: dict[str, Known] = {}
        for kind, names in self._names.items():
            for name in names:
                for spelling in _spellings(kind, name):
                    known.setdefault(_key(spelling), Known(kind, spelling))
        known.pop("", None)
        self._known = MappingProxyType(known)
        cost = self._clock() - started
        self._read_again_at = self._clock() + max(_FRESH_S, cost / _LARGEST_SHARE)

    def _position_now(self) -> int:
        sql = "SELECT coalesce(max(position), 0) FROM progress WHERE name = 'catalog'"
        return int(self._read.one(sql)[0])


def _spellings(kind: KnownKind, name: str) -> Iterator[str]:
    """Yield a name, and of a camera also its model alone and its maker alone."""
    yield name
    maker, _, model = name.partition(" ")
    if kind == "camera" and model:
        if len(model) >= _FEWEST_LETTERS and any(letter.isdigit() for letter in model):
            yield model
        yield maker


def _key(name: str) -> str:
    """Return what a name is compared by: its words without case, accents and punctuation."""
    return " ".join(word for each in name.split() if (word := fold(core_of(each))))


def _fits(kind: str, name: str, start: str) -> bool:
    """Tell whether a word of a name begins so; people also know a `DMC-GX80` as GX80."""
    folded = fold(name)
    if kind == "camera":
        return start in folded
    return folded.startswith(start) or f" {start}" in folded


def _first(limit: int, names: Iterator[str]) -> list[str]:
    return [name for _, name in zip(range(limit), names, strict=False)]
