"""What people did to a collection, folded from its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from museion.archive.asset import AssetId
from museion.archive.events import (
    CollectionChanged,
    CollectionMade,
    FieldOperation,
    PersonValue,
    payload_of,
)
from museion.archive.rank import Rank
from museion.log.crdt.crdt import Stamp
from museion.log.crdt.field_map import FieldMap, FieldMapState, MergeRule, SetField
from museion.log.crdt.ordered_list import OrderedList, OrderedListState
from museion.log.event import Event
from museion.log.vector_time import VectorTime, merge_all

COLLECTION_EVENTS = (CollectionMade, CollectionChanged)
_RULES = ("name", "description", "removed", "query")


@dataclass(frozen=True, slots=True)
class CollectionHistory:
    """What people did to a collection, as far as it is known here."""

    events: tuple[Event, ...]
    fields: FieldMapState[PersonValue, str]
    members: OrderedListState[str]

    @property
    def seen(self) -> VectorTime:
        """The vector time of who has seen all of this."""
        return merge_all(event.vector_timestamp for event in self.events)

    @property
    def values(self) -> Mapping[str, PersonValue]:
        """All fields as they were written last; none of them is a set."""
        values = _fields().value(self.fields)
        return {name: value for name, value in values.items() if not isinstance(value, frozenset)}

    @property
    def name(self) -> str:
        """The name as it was written last."""
        return self._text("name")

    @property
    def description(self) -> str:
        """The description as it was written last, or nothing."""
        return self._text("description")

    @property
    def query(self) -> str:
        """What finds the members; empty where people put them in."""
        return self._text("query")

    @property
    def is_removed(self) -> bool:
        """Tell whether somebody removed the collection, and nobody brought it back."""
        return bool(self.values.get("removed"))

    @property
    def asset_ids(self) -> list[AssetId]:
        """The members in order; some may be unknown here, or not readable."""
        return [AssetId(each) for each in OrderedList(str).value(self.members)]

    def _text(self, field: str) -> str:
        value = self.values.get(field, "")
        return value if isinstance(value, str) else ""


def fold_collection(events: Iterable[Event]) -> CollectionHistory:
    """Return what people did to one collection, from its events in any order, met once or more."""
    known = sorted({event.id: event for event in events}.values(), key=Rank.of)
    fields, members = _fields(), OrderedList(str)
    said, listed = fields.zero(), members.zero()
    told: list[Event] = []
    for event in known:
        payload = payload_of(event)
        if not isinstance(payload, COLLECTION_EVENTS):
            continue
        told.append(event)
        stamp = Stamp.of(event)
        for operation in _field_operations(payload):
            said = fields.effect(said, operation, stamp)
        if isinstance(payload, CollectionChanged) and payload.members is not None:
            listed = members.effect(listed, payload.members, stamp)
    return CollectionHistory(tuple(told), said, listed)


def _fields() -> FieldMap[PersonValue, str]:
    rules = dict.fromkeys(_RULES, MergeRule.LAST_WRITER_WINS)
    return FieldMap(rules, PersonValue, str, name="collection-fields")  # type: ignore[arg-type]  # a union, which stands for a type


def _field_operations(payload: CollectionMade | CollectionChanged) -> Sequence[FieldOperation]:
    if isinstance(payload, CollectionMade):
        said: dict[str, PersonValue] = {"name": payload.name, "query": payload.query}
        return [SetField(field, value) for field, value in said.items() if value]
    return payload.operations
