"""What takes a change of fields back: new operations that give way to whatever came after it."""

from __future__ import annotations

from museion.archive.events import FieldOperation, FieldsChanged, payload_of
from museion.archive.history import History, asset_fields, fold
from museion.base.errors import Conflict
from museion.log.crdt.field_map import (
    AddToField,
    ClearField,
    CountField,
    RemoveFromField,
    SetField,
)
from museion.log.event import Event, EventId


class NothingToUndo(Conflict):
    """Nothing is left of a change that could be taken back."""

    def __init__(self, event_id: str) -> None:
        super().__init__(
            f"Nothing is left of a change {event_id[:120]!r} of this asset.",
            remedy="Name a change as the asset's detail has it; later changes stay as they are.",
        )


def undo_operations(history: History, event_id: str) -> tuple[FieldOperation, ...]:
    """Return the operations that bring back what a change replaced, where it still stands.

    Args:
        event_id: `ORIGIN:TIME` of the change.

    Raises:
        NothingToUndo: no such change is known, or all of it was replaced.
    """
    found = [event for event in history.events if written_id(event.id) == event_id]
    payload = payload_of(found[0]) if found else None
    if not isinstance(payload, FieldsChanged):
        raise NothingToUndo(event_id)
    (event,) = found
    before = fold(each for each in history.events if each.vector_timestamp < event.vector_timestamp)
    fields = asset_fields()
    wanted = [_inverse(each, event, before, history) for each in payload.operations]
    prepared = [fields.prepare(history.state, each) for each in wanted if each is not None]
    operations = tuple(each for each in prepared if each is not None)
    if not operations:
        raise NothingToUndo(event_id)
    return operations


def written_id(event_id: EventId) -> str:
    """Return the id of an event as text: `ORIGIN:TIME`."""
    return f"{event_id.process_id}:{event_id.time}"


def _inverse(
    operation: FieldOperation, event: Event, before: History, now: History
) -> FieldOperation | None:
    match operation:
        case SetField() | ClearField():
            return _previous(operation.field, event.id, before, now)
        case AddToField():
            return RemoveFromField(operation.field, operation.element)
        case RemoveFromField():
            return AddToField(operation.field, operation.element)
        case CountField():
            return CountField(operation.field, -operation.by)


def _previous(
    field: str, event_id: EventId, before: History, now: History
) -> FieldOperation | None:
    """Return the value before a change, in place of the change alone, if that still stands."""
    if event_id not in [version.stamp.id for version in now.versions(field)]:
        return None
    earlier = before.versions(field)
    if not earlier or earlier[0].cleared:
        return ClearField(field, (event_id,))
    return SetField(field, earlier[0].value, (event_id,))
