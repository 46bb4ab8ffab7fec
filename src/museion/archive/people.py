"""What people said about an asset, as readers see it: each value with who, when and where."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec

from museion.archive.asset_fields import ASSET_FIELDS
from museion.archive.causal_token import as_token
from museion.archive.conflicts import FieldVersionShown, SiteNames, iso_time, shown_versions
from museion.archive.events import FieldsChanged, payload_as, type_name
from museion.archive.history import History, fold
from museion.archive.rights import narrowest
from museion.archive.undoing import written_id
from museion.log.crdt.add_wins_set import AddWinsSetState
from museion.log.event import Event, EventId

_MOST_CHANGES = 100


class PersonField(msgspec.Struct, frozen=True, kw_only=True):
    """A field that people have set.

    Attributes:
        in_conflict: several versions say different things, and a person has to choose.
        versions: that stand, the last written first; of `tags` one for each tag.
    """

    field: str
    label: str
    in_conflict: bool
    versions: list[FieldVersionShown]


class CommentShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said, where, and when."""

    text: str
    by: str
    site: str
    site_name: str | None
    time: str


class ChangeShown(msgspec.Struct, frozen=True, kw_only=True):
    """One change of fields, by which it can be undone.

    Attributes:
        id: `ORIGIN:TIME` of its event.
        fields: names of the fields that it changed.
    """

    id: str
    by: str
    fields: list[str]
    site: str
    site_name: str | None
    time: str
    undoes: str = ""


class People(msgspec.Struct, frozen=True, kw_only=True):
    """What people did to an asset.

    Attributes:
        seen: causal token of this state; a change that gives it says what its author had seen.
        access: sites that may have the asset while all versions hold; None for everyone.
        changes: the last first, as many as anybody looks at.
    """

    seen: str
    tags: list[str]
    access: list[str] | None
    fields: list[PersonField]
    comments: list[CommentShown]
    changes: list[ChangeShown]

    @property
    def conflicts(self) -> list[str]:
        """Names of the fields that wait for a person."""
        return [each.field for each in self.fields if each.in_conflict]


def nobody_yet() -> People:
    """Return what people did to an asset that nobody has changed."""
    return people_of(fold(()), lambda _: None)


def people_of(history: History, names: SiteNames) -> People:
    """Return what people did, for readers."""
    values, conflicts = history.values, history.conflicts
    tags = values.get("tags", frozenset[str]())
    assert isinstance(tags, frozenset)
    access = narrowest(history.rights.access)
    fields = [
        PersonField(field=name, label=field.label, in_conflict=name in conflicts, versions=versions)
        for name, field in ASSET_FIELDS.items()
        for versions in [shown_versions(history, name, names)]
        if versions
    ]
    return People(
        seen=as_token(history.seen),
        tags=sorted(tags, key=str.casefold),
        access=None if access is None else list(access),
        fields=[*fields, *_tag_field(history, names)],
        comments=_comments(history, names),
        changes=_changes(history, names),
    )


def _tag_field(history: History, names: SiteNames) -> list[PersonField]:
    state = history.state.fields.get("tags")
    if not isinstance(state, AddWinsSetState) or not state.adds:
        return []
    versions = [
        _tag_version(history, tag, adds[-1], names) for tag, adds in sorted(state.adds.items())
    ]
    return [PersonField(field="tags", label="Tags", in_conflict=False, versions=versions)]


def _tag_version(history: History, tag: str, added: EventId, names: SiteNames) -> FieldVersionShown:
    return FieldVersionShown(
        id=written_id(added),
        value=tag,
        cleared=False,
        by=history.authors.get(added, ""),
        site=added.process_id,
        site_name=names(added.process_id),
        time=iso_time(
            next((event.system_time_ms for event in history.events if event.id == added), 0)
        ),
        text=tag,
    )


def _comments(history: History, names: SiteNames) -> list[CommentShown]:
    return [
        CommentShown(
            text=comment.text,
            by=comment.by,
            site=comment.event.process_id,
            site_name=names(comment.event.process_id),
            time=iso_time(comment.event.system_time_ms),
        )
        for comment in history.comments
    ]


def _changes(history: History, names: SiteNames) -> list[ChangeShown]:
    return [
        ChangeShown(
            id=written_id(event.id),
            by=payload.by,
            fields=list(dict.fromkeys(each.field for each in payload.operations)),
            site=event.process_id,
            site_name=names(event.process_id),
            time=iso_time(event.system_time_ms),
            undoes=payload.undoes,
        )
        for event in islice(_field_changes(history), _MOST_CHANGES)
        for payload in [payload_as(event, FieldsChanged)]
    ]


def _field_changes(history: History) -> Iterator[Event]:
    """Yield the events that changed fields, the last first."""
    kind = type_name(FieldsChanged)
    return (event for event in reversed(history.events) if event.type_name == kind)
