"""A map from ids to rows of which every state stays readable while newer ones are made."""

from __future__ import annotations

from collections.abc import Mapping

_FEWEST_TO_FOLD = 4096
_SHARE_TO_FOLD = 16


class RowMap:
    """Which row each id has; never changes.

    A newer state costs as much as what changed since the two were last joined: at most a
    sixteenth of all, which comes to a constant for each change, however many ids there are.
    """

    __slots__ = ("_base", "_changed", "_count")

    def __init__(
        self,
        base: Mapping[str, int] | None = None,
        changed: Mapping[str, int | None] | None = None,
        count: int = 0,
    ) -> None:
        self._base: Mapping[str, int] = {} if base is None else base
        self._changed: Mapping[str, int | None] = {} if changed is None else changed
        self._count = count

    def __len__(self) -> int:
        return self._count

    def get(self, entry_id: str) -> int | None:
        """Return the row of an id, or None."""
        if entry_id in self._changed:
            return self._changed[entry_id]
        return self._base.get(entry_id)

    def with_changes(self, changes: Mapping[str, int | None]) -> RowMap:
        """Return the state after some ids got a row, or lost theirs (None)."""
        count = self._count
        for entry_id, row in changes.items():
            count += (row is not None) - (self.get(entry_id) is not None)
        changed = {**self._changed, **changes}
        if len(changed) < max(_FEWEST_TO_FOLD, len(self._base) // _SHARE_TO_FOLD):
            return RowMap(self._base, changed, count)
        joined: dict[str, int | None] = {**self._base, **changed}
        base = {entry_id: row for entry_id, row in joined.items() if row is not None}
        return RowMap(base, {}, count)
