"""Pictures that were made because someone asked, kept in memory for who asks again soon."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeAlias

from museion.blobs.blob_store import Digest

PictureKey: TypeAlias = tuple[Digest, int]
"""The original that a picture was made of, and which of its pages or moments it shows."""


class KeptPictures:
    """The pictures that were asked for last, up to a number of bytes in all.

    Args:
        most_bytes: a larger picture than that is not kept at all.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[PictureKey, bytes] = OrderedDict()
        self.kept_bytes = 0

    def get(self, key: PictureKey) -> bytes | None:
        """Return a picture that is kept, and keep it longer."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, key: PictureKey, content: bytes) -> None:
        """Keep a picture; those that nobody asked for the longest are dropped for it."""
        self.kept_bytes += len(content) - len(self._kept.pop(key, b""))
        self._kept[key] = content
        while self.kept_bytes > self._most_bytes:
            _, dropped = self._kept.popitem(last=False)
            self.kept_bytes -= len(dropped)
