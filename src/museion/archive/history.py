"""What people did to one asset: the fold of its events, the same at every site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from museion.archive.asset_fields import ASSET_FIELDS
from museion.archive.events import (
    ArchiveEvent,
    AssetRestored,
    AssetTrashed,
    CommentAdded,
    FieldsChanged,
    PersonValue,
    payload_of,
)
from museion.archive.rank import Rank
from museion.archive.rights import Access, AssetRights
from museion.log.crdt.crdt import Stamp
from museion.log.crdt.field_map import FieldMap, FieldMapState
from museion.log.crdt.versions import Version
from museion.log.event import Event, EventId
from museion.log.vector_time import VectorTime, merge_all

EDITS = (FieldsChanged, AssetTrashed, AssetRestored, CommentAdded)
"""Events that people cause to one asset."""

AssetFields: TypeAlias = FieldMap[PersonValue, str]
AssetState: TypeAlias = FieldMapState[PersonValue, str]
FieldVersion: TypeAlias = Version[PersonValue]


@cache
def asset_fields() -> AssetFields:
    """Return the replicated type of an asset's fields."""
    rules = {name: field.rule for name, field in ASSET_FIELDS.items()}
    return FieldMap(rules, PersonValue, str, name="asset-fields")  # type: ignore[arg-type]  # a union, which stands for a type


@dataclass(frozen=True, slots=True)
class Comment:
    """What a person said about an asset; `event` tells when and where."""

    by: str
    text: str
    event: Event


@dataclass(frozen=True, slots=True)
class History:
    """What people did to an asset, as far as some reader knows it.

    Attributes:
        events: each once, causes before effects.
        authors: who wrote each version, by the id of its event.
    """

    events: tuple[Event, ...]
    state: AssetState
    authors: dict[EventId, str]
    comments: tuple[Comment, ...]
    is_trashed: bool

    @property
    def seen(self) -> VectorTime:
        """The vector time of who has seen all of this, and nothing else."""
        return merge_all(event.vector_timestamp for event in self.events)

    @property
    def values(self) -> dict[str, PersonValue | frozenset[str]]:
        """What people gave to fields, by name."""
        return dict(asset_fields().value(self.state))

    @property
    def conflicts(self) -> dict[str, tuple[FieldVersion, ...]]:
        """The fields that wait for a person, with their versions."""
        return asset_fields().conflicts(self.state)

    @property
    def rights(self) -> AssetRights:
        """What the predicate of rights needs to know."""
        versions = self.versions("access")
        return AssetRights(
            access=tuple(as_access(each) for each in versions),
            written_at=tuple(each.stamp.creator for each in versions),
        )

    def versions(self, field: str) -> tuple[FieldVersion, ...]:
        """Return the versions of a field that stand, the last written first."""
        return asset_fields().versions(self.state, field)

    def as_seen(self, seen: VectorTime) -> History:
        """Return this history as someone knew it who had seen so much."""
        return fold(event for event in self.events if event.vector_timestamp <= seen)


def fold(events: Iterable[Event]) -> History:
    """Return what people did, from events in any order, met once or several times.

    Events of other kinds are passed over. O(events of people).
    """
    met = {event.id: event for event in events}
    known = sorted(met.values(), key=Rank.of)
    edits = [
        (event, payload)
        for event in known
        for payload in [payload_of(event)]
        if isinstance(payload, EDITS)
    ]
    fields = asset_fields()
    state = fields.zero()
    for event, payload in edits:
        if isinstance(payload, FieldsChanged):
            for operation in payload.operations:
                state = fields.effect(state, operation, Stamp.of(event))
    return History(
        events=tuple(event for event, _ in edits),
        state=state,
        authors={event.id: payload.by for event, payload in edits},
        comments=tuple(
            Comment(payload.by, payload.text, event)
            for event, payload in edits
            if isinstance(payload, CommentAdded)
        ),
        is_trashed=_is_trashed(edits),
    )


def as_access(version: FieldVersion) -> Access:
    """Return what a version of the field `access` says; a cleared one keeps nobody out."""
    return version.value if isinstance(version.value, tuple) else None


def _is_trashed(edits: Sequence[tuple[Event, ArchiveEvent]]) -> bool:
    """Tell whether a trashing stands: one that happened after every restoring.

    So a restoring wins over a concurrent trashing: what is hidden in error is missed by nobody.
    """
    trashed = _of(edits, lambda payload: isinstance(payload, AssetTrashed))
    restored = _of(edits, lambda payload: isinstance(payload, AssetRestored))
    return any(
        all(back.vector_timestamp < gone.vector_timestamp for back in restored) for gone in trashed
    )


def _of(
    edits: Sequence[tuple[Event, ArchiveEvent]], fits: Callable[[ArchiveEvent], bool]
) -> list[Event]:
    return [event for event, payload in edits if fits(payload)]
