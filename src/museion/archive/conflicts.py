"""Fields that two sites gave different values: what each says, and how one person settles it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET

from museion.archive.asset import AssetId
from museion.archive.asset_fields import ASSET_FIELDS
from museion.archive.causal_token import as_token
from museion.archive.events import PersonValue
from museion.archive.history import FieldVersion, History
from museion.archive.undoing import written_id
from museion.archive.wanted_changes import Changes
from museion.base.errors import InvalidInput, NotFound

SiteNames = Callable[[str], str | None]
"""Site id -> its name, None where it is not known."""


class FieldVersionShown(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a field.

    Attributes:
        id: names the version when it is chosen.
        value: text, stars, or the sites of `access`; None with `cleared` off means everyone.
        cleared: the value was taken away.
        site: id of the site where it was written; `site_name` where the name is known here.
        time: ISO 8601 in UTC, by the clock of that site.
        text: the value as people read it.
    """

    id: str
    value: PersonValue
    cleared: bool
    by: str
    site: str
    site_name: str | None
    time: str
    text: str
    source: str = "person"


class FieldConflict(msgspec.Struct, frozen=True, kw_only=True):
    """A field that waits for a person.

    Attributes:
        id: asset and field, the same at every site.
        seen: causal token: a resolution that gives it replaces just these versions.
        versions: the last written first.
    """

    id: str
    asset_id: AssetId
    filename: str
    thumbnail: str | None
    field: str
    label: str
    seen: str
    versions: list[FieldVersionShown]


class UnknownConflict(NotFound):
    """No field waits under this id."""

    def __init__(self, conflict_id: str) -> None:
        super().__init__(
            f"No conflict {conflict_id[:120]!r} is open here.",
            remedy="It may be resolved already; `museion conflicts list` tells what is open.",
        )


class UnknownChoice(InvalidInput):
    """A resolution names no version of the conflict, or both a version and a value."""

    def __init__(self, conflict: FieldConflict, choice: str | None) -> None:
        known = ", ".join(version.id for version in conflict.versions)
        came = "none of them" if choice is None else repr(choice[:120])
        super().__init__(
            f"Expected one of the versions {known}, or a value; got {came}.",
            remedy="Look at the conflict again: another version may have come in.",
        )


def conflict_id(asset_id: AssetId, field: str) -> str:
    """Return the id of the conflict that a field of an asset may have."""
    return f"{asset_id}:{field}"


def parts_of(identifier: str) -> tuple[AssetId, str]:
    """Return asset and field of a conflict's id. Raises `UnknownConflict`."""
    asset_id, _, field = identifier.partition(":")
    if field not in ASSET_FIELDS:
        raise UnknownConflict(identifier)
    return AssetId(asset_id), field


def shown_versions(history: History, field: str, names: SiteNames) -> list[FieldVersionShown]:
    """Return the versions of a field that stand, the last written first."""
    return [_shown(history, version, names) for version in history.versions(field)]


def shown_conflict(
    history: History,
    field: str,
    names: SiteNames,
    *,
    asset_id: AssetId,
    filename: str = "",
    thumbnail: str | None = None,
) -> FieldConflict:
    """Return the conflict of a field that has one."""
    return FieldConflict(
        id=conflict_id(asset_id, field),
        asset_id=asset_id,
        filename=filename,
        thumbnail=thumbnail,
        field=field,
        label=ASSET_FIELDS[field].label,
        seen=as_token(history.seen),
        versions=shown_versions(history, field, names),
    )


def settling_changes(conflict: FieldConflict, choice: str | None, value: object = UNSET) -> Changes:
    """Return the changes that settle a conflict: by the id of a version, or by a value.

    Raises:
        UnknownChoice: neither is given, or both, or no version has the id.
    """
    if (choice is None) == (value is UNSET):
        raise UnknownChoice(conflict, choice)
    if choice is None:
        return Changes(set={conflict.field: value})
    for version in conflict.versions:
        if version.id == choice:
            cleared = Changes(clear=[conflict.field])
            return cleared if version.cleared else Changes(set={conflict.field: version.value})
    raise UnknownChoice(conflict, choice)


def iso_time(time_ms: int) -> str:
    """Return milliseconds since 1970 as ISO 8601 in UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")


def readable_value(version: FieldVersion) -> str:
    """Return the value of a version as people read it; nothing for one that was cleared."""
    if version.cleared:
        return ""
    if version.value is None:
        return "everyone"
    return ", ".join(version.value) if isinstance(version.value, tuple) else str(version.value)


def _shown(history: History, version: FieldVersion, names: SiteNames) -> FieldVersionShown:
    stamp = version.stamp
    return FieldVersionShown(
        id=written_id(stamp.id),
        value=version.value,
        cleared=version.cleared,
        by=history.authors.get(stamp.id, ""),
        site=stamp.creator,
        site_name=names(stamp.creator),
        time=iso_time(stamp.time_ms),
        text=readable_value(version),
    )
