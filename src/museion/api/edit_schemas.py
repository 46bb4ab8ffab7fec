"""What the HTTP API takes and says where people change something.

Keys are stable: they are added, never renamed. A key that is not known is refused, so that a
misspelt one does not pass for a change.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from museion.api.schemas import Tile
from museion.archive.catalog.collection_reader import CollectionSummary
from museion.archive.conflicts import FieldConflict, FieldVersionShown, conflict_id
from museion.archive.editing import Changes, Edited

Value: TypeAlias = str | int | list[str] | None
"""Text, stars, or the sites of `access` (null or "everyone" for all)."""


class AssetChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of one asset by a person; `seen` is the token of what the person looked at."""

    by: str
    seen: str | None = None
    set: dict[str, Value] = {}
    clear: list[str] = []
    add_tags: list[str] = []
    remove_tags: list[str] = []


class ManyChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same changes of several assets."""

    by: str
    ids: list[str]
    set: dict[str, Value] = {}
    clear: list[str] = []
    add_tags: list[str] = []
    remove_tags: list[str] = []


class EditOutcome(msgspec.Struct, frozen=True):
    """What became of an asset: `conflicts` are ids of conflicts that are open now."""

    id: str
    changed: bool
    seen: str
    conflicts: list[str]


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who does it."""

    by: str


class CommentWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says about an asset."""

    by: str
    text: str


class UndoWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which change is taken back: an id of the asset's `changes`."""

    by: str
    change: str


class ConflictShown(msgspec.Struct, frozen=True, kw_only=True):
    """A field that waits for a person; the version that was written last comes first."""

    id: str
    asset_id: str
    filename: str
    thumbnail: str | None
    field: str
    label: str
    seen: str
    versions: list[FieldVersionShown]


class ConflictPage(msgspec.Struct, frozen=True):
    """A stretch of the open conflicts, the last written first."""

    total: int
    items: list[ConflictShown]


class Resolution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a conflict is settled: by `choice`, the id of a version, or by a `value`.

    With the conflict's `seen` only the versions that were looked at give way.
    """

    by: str
    choice: str | None = None
    value: Value | UnsetType = UNSET
    seen: str | None = None


class CollectionShown(msgspec.Struct, frozen=True, kw_only=True):
    """A collection.

    Attributes:
        query: its members are what this finds; empty where people put them in.
        count: of the members that can be shown here; in lists null where a query finds them.
        cover: address of the first thumbnail.
    """

    id: str
    name: str
    description: str
    query: str
    count: int | None
    cover: str | None


class CollectionPage(CollectionShown, frozen=True, kw_only=True):
    """A collection with a stretch of its members, in their order."""

    items: list[Tile]


class CollectionWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new collection; with a `query` its members are what that finds."""

    by: str
    name: str
    query: str = ""


class CollectionChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a collection; `removed` takes it away, or brings it back.

    An empty `query` takes the query away: what it finds now stays as members.
    """

    by: str
    name: str | None = None
    description: str | None = None
    removed: bool | None = None
    query: str | None = None


class MembersWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Assets for a collection, in a row: before `index`, after a member, or at the end."""

    by: str
    ids: list[str]
    index: int | None = None
    after: str | None = None


def changes_of(wanted: AssetChanges | ManyChanges) -> Changes:
    """Return changes as the archive takes them."""
    return Changes(
        set=wanted.set,
        clear=wanted.clear,
        add_tags=wanted.add_tags,
        remove_tags=wanted.remove_tags,
    )


def edit_outcome(edited: Edited) -> EditOutcome:
    """Return what became of an asset."""
    conflicts = [conflict_id(edited.asset_id, field) for field in edited.conflicts]
    return EditOutcome(edited.asset_id, edited.is_changed, edited.seen, conflicts)


def conflict_shown(conflict: FieldConflict) -> ConflictShown:
    """Return a conflict with the address of its thumbnail."""
    values = {name: getattr(conflict, name) for name in ConflictShown.__struct_fields__}
    thumbnail = f"/api/blobs/{conflict.thumbnail}" if conflict.thumbnail else None
    return ConflictShown(**values | {"thumbnail": thumbnail})


def collection_shown(collection: CollectionSummary) -> CollectionShown:
    """Return a collection with the address of its cover."""
    return CollectionShown(
        id=collection.id,
        name=collection.name,
        description=collection.description,
        query=collection.query,
        count=collection.count,
        cover=f"/api/blobs/{collection.cover}" if collection.cover else None,
    )
