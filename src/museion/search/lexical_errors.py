"""What can go wrong with a lexical index."""

from __future__ import annotations

from pathlib import Path

from museion.base.errors import Conflict, Damaged, InvalidInput, Unavailable


class LexicalDamaged(Damaged):
    """The files of an index cannot be read, or were written for other fields."""

    def __init__(self, directory: Path, reason: Exception) -> None:
        super().__init__(
            f"The lexical index in {directory} cannot be used: {reason}",
            remedy="Drop the folder and build the index again from the log.",
        )


class LexicalBusy(Conflict):
    """Someone else writes the index, or it is not open for writing."""

    def __init__(self, directory: Path, why: str) -> None:
        super().__init__(
            f"The lexical index in {directory} {why}.",
            remedy="Open it for writing in one place at a time; read_only works beside it.",
        )


class LexicalNotWritten(Unavailable):
    """Changes could not be written; the last commit still holds, later changes are forgotten."""

    def __init__(self, directory: Path, reason: Exception) -> None:
        super().__init__(
            f"The lexical index in {directory} could not be written: {reason}",
            remedy="Make room, then give it again all that came after its position.",
        )


class UnfitRecordId(InvalidInput):
    """An id is empty or begins with NUL."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(
            f"Expected an id that is not empty and does not begin with NUL; came {entry_id!r}.",
            remedy="Use the record's identifier.",
        )
