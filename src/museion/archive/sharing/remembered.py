"""Answers about assets that hold as long as the catalog stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from museion.archive.asset import AssetId

_MOST_REMEMBERED = 100_000


class Following(Protocol):
    """What brings the catalog after the log."""

    @property
    def position(self) -> int:
        """Sequence number of the last event that the catalog holds, or held a moment ago."""

    async def reached(self, sequence_nr: int) -> None:
        """Return when the catalog holds everything up to an event of the log."""


class Remembered:
    """Looks up an answer about an asset once for each state of the catalog.

    Args:
        look_up: gives the answer that holds now.
        following: tells how far the catalog has come.
    """

    def __init__(self, look_up: Callable[[AssetId], bool], following: Following) -> None:
        self._look_up = look_up
        self._following = following
        self._as_of = -1
        self._known: dict[AssetId, bool] = {}

    def of(self, asset_id: AssetId) -> bool:
        """Return the answer about an asset."""
        position = self._following.position
        if position != self._as_of or len(self._known) > _MOST_REMEMBERED:
            self._known.clear()
            self._as_of = position
        found = self._known.get(asset_id)
        if found is None:
            found = self._known[asset_id] = self._look_up(asset_id)
        return found
