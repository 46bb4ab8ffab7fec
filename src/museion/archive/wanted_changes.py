"""What a person wants of an asset's fields, and the operations that bring it about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from museion.archive.asset_fields import (
    ASSET_FIELDS,
    BadFieldValue,
    UnknownField,
    checked_tag,
    checked_value,
)
from museion.archive.events import FieldOperation
from museion.archive.history import FieldVersion, History, asset_fields
from museion.log.crdt.field_map import AddToField, ClearField, RemoveFromField, SetField
from museion.log.event import EventId


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to become of an asset's fields, all at once.

    Attributes:
        set: values by field name; see `asset_fields`.
        clear: fields whose value is taken away, so that they show what the original says.
        add_tags, remove_tags: tags to put in and to take out.
    """

    set: Mapping[str, object] = field(default_factory=dict)
    clear: Sequence[str] = ()
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()


def is_settling(changes: Changes) -> bool:
    """Tell whether changes are about who may read the asset, and nothing else."""
    fields = {*changes.set, *changes.clear}
    return fields == {"access"} and not changes.add_tags and not changes.remove_tags


def operations_for(changes: Changes, then: History) -> tuple[FieldOperation, ...]:
    """Return what has to be written so that a state becomes as wanted; nothing that is so."""
    both = set(changes.set) & set(changes.clear)
    if both:
        raise BadFieldValue(min(both), "a value or none, not both", changes.set[min(both)])
    wanted: list[FieldOperation | None] = [
        _setting(name, value, then) for name, value in changes.set.items()
    ]
    wanted += [each for name in changes.clear for each in _clearing(name, then)]
    wanted += [_adding(checked_tag(tag), then) for tag in dict.fromkeys(changes.add_tags)]
    wanted += [
        RemoveFromField("tags", checked_tag(tag)) for tag in dict.fromkeys(changes.remove_tags)
    ]
    fields = asset_fields()
    prepared = [fields.prepare(then.state, each) for each in wanted if each is not None]
    return tuple(each for each in prepared if each is not None)


def _setting(name: str, value: object, then: History) -> FieldOperation | None:
    wanted = checked_value(name, value)
    versions = then.versions(name)
    if len(versions) == 1 and not versions[0].cleared and versions[0].value == wanted:
        return None
    return SetField(name, wanted, _ids(versions))


def _clearing(name: str, then: History) -> Sequence[FieldOperation]:
    if name not in ASSET_FIELDS:
        raise UnknownField(name)
    if name == "tags":
        return [RemoveFromField("tags", tag) for tag in sorted(_tags(then))]
    return [ClearField(name, _ids(then.versions(name)))]


def _adding(tag: str, then: History) -> FieldOperation | None:
    return None if tag in _tags(then) else AddToField("tags", tag)


def _tags(then: History) -> frozenset[str]:
    tags = then.values.get("tags", frozenset[str]())
    assert isinstance(tags, frozenset)
    return tags


def _ids(versions: Sequence[FieldVersion]) -> tuple[EventId, ...]:
    return tuple(each.stamp.id for each in versions)
