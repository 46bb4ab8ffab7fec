"""Why a command on a value with concurrent versions is refused; nothing was done then."""

from __future__ import annotations

from collections.abc import Sequence

from museion.base.errors import Conflict, InvalidInput, NotFound
from museion.log.sourced.conflicts.concurrent_versions import Version
from museion.log.vector_time import VectorTime


class DoesNotExist(NotFound):
    """A command needs a value that nothing has created yet, as far as is known here."""

    def __init__(self, value_id: str) -> None:
        super().__init__(f"{value_id!r} does not exist.", remedy="Create it first.")
        self.value_id = value_id


class AlreadyExists(Conflict):
    """A command would create a value that exists."""

    def __init__(self, value_id: str) -> None:
        super().__init__(f"{value_id!r} exists already.", remedy="Change it, or take another id.")
        self.value_id = value_id


class ConflictDetected(Conflict):
    """A value has several versions, so it is not clear which one to change.

    Attributes:
        versions: what there is to choose from.
    """

    def __init__(self, value_id: str, versions: Sequence[Version[object]]) -> None:
        creators = ", ".join(sorted({version.creator for version in versions}))
        super().__init__(
            f"{value_id!r} has {len(versions)} versions in conflict, by {creators}.",
            remedy="Select one of them or merge them, then try again.",
        )
        self.value_id = value_id
        self.versions = versions


class ConflictNotDetected(Conflict):
    """There is only one version; nothing to select or merge."""

    def __init__(self, value_id: str) -> None:
        super().__init__(f"{value_id!r} has no conflict (any more): it has one version.")
        self.value_id = value_id


class ResolutionRejected(Conflict):
    """Only the owner may decide, so that no two decisions are ever concurrent."""

    def __init__(self, value_id: str, *, owner: str, origin: str) -> None:
        super().__init__(
            f"The conflict of {value_id!r} can be resolved by its owner {owner!r}, not {origin!r}.",
            remedy="Send the command to the owner.",
        )
        self.value_id = value_id
        self.owner = owner


class NothingSelected(InvalidInput):
    """A merging names no version."""

    def __init__(self, value_id: str) -> None:
        super().__init__(f"Expected versions of {value_id!r} to merge, got none.")
        self.value_id = value_id


class UnknownVersion(NotFound):
    """What was selected is not one of the versions; perhaps it was changed meanwhile."""

    def __init__(self, value_id: str, selected: VectorTime) -> None:
        super().__init__(
            f"{value_id!r} has no version {selected.times}.",
            remedy="Look at its versions again.",
        )
        self.value_id = value_id
        self.selected = selected
