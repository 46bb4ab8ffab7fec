"""What can go wrong with a vector index."""

from __future__ import annotations

from pathlib import Path

from museion.base.errors import Conflict, Damaged, InvalidInput, Unavailable


class NotAnEmbedding(InvalidInput):
    """An array is not a unit vector of the index's embedding space."""

    def __init__(self, what: str, dimension: int, came: str) -> None:
        super().__init__(
            f"Expected {what} to be a finite unit vector of {dimension} numbers; came {came}.",
            remedy="Give what an encoder of this embedding space returns.",
        )


class UnfitId(InvalidInput):
    """An id is empty, holds a line break, or is no Unicode text."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(
            f"Expected an id that is not empty and has no line breaks; came {entry_id!r}.",
            remedy="Use the record's identifier.",
        )


class BadLimit(InvalidInput):
    """A search was asked for less than one hit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Expected a limit of at least 1; came {limit}.", remedy="Raise it.")


class ReadOnlyIndex(Conflict):
    """A change was asked of an index that is open for reading, or closed."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"The index in {directory} is not open for writing.",
            remedy="Open it without read_only; one process at a time may.",
        )


class IndexBusy(Conflict):
    """Another process, or another part of this one, writes the index."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"The index in {directory} is being written by someone else.",
            remedy="Open it with read_only, or close the other writer.",
        )


class IndexNotWritten(Unavailable):
    """A commit could not be written; the last one still holds and the changes still wait."""

    def __init__(self, directory: Path, reason: OSError) -> None:
        super().__init__(
            f"The index in {directory} could not be written: {reason.strerror or reason}.",
            remedy="Make room or mend the folder's rights, then commit again.",
        )


class SegmentDamaged(Damaged):
    """The files of an index are not what was committed."""

    def __init__(self, directory: Path, what: str) -> None:
        super().__init__(
            f"The index in {directory} is damaged: {what}.",
            remedy="Drop the folder and build the index again from the log.",
        )


class OtherSpace(Conflict):
    """A folder holds embeddings of another space than the one asked for."""

    def __init__(self, directory: Path, expected: str, came: str) -> None:
        super().__init__(
            f"Expected embeddings of {expected} in {directory}; it holds {came}.",
            remedy="Keep one folder for each embedding space.",
        )
