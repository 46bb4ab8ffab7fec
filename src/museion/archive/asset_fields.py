"""The fields that people can set of an asset, and how concurrent changes of each are merged.

The names are written names: they are added, never renamed or given another rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from museion.archive.events import PersonValue
from museion.base.errors import InvalidInput
from museion.log.crdt.field_rules import MergeRule

LONGEST_TEXT = 20_000
LONGEST_TAG = 200
MOST_STARS = 5


class AssetField(NamedTuple):
    """One field: its rule, and what it is for people."""

    rule: MergeRule
    label: str


ASSET_FIELDS: Mapping[str, AssetField] = MappingProxyType(
    {
        "title": AssetField(MergeRule.KEPT_UNTIL_RESOLVED, "Title"),
        "caption": AssetField(MergeRule.KEPT_UNTIL_RESOLVED, "Caption"),
        "creator": AssetField(MergeRule.KEPT_UNTIL_RESOLVED, "Creator"),
        "credit": AssetField(MergeRule.KEPT_UNTIL_RESOLVED, "Credit"),
        "copyright": AssetField(MergeRule.KEPT_UNTIL_RESOLVED, "Copyright"),
        "rights": AssetField(MergeRule.KEPT_UNTIL_RESOLVED, "Licence"),
        "access": AssetField(MergeRule.KEPT_UNTIL_RESOLVED, "Access"),
        "rating": AssetField(MergeRule.LAST_WRITER_WINS, "Rating"),
        "tags": AssetField(MergeRule.ADD_WINS_SET, "Tags"),
    }
)
"""Field name -> its rule and label. `rights` are the terms of the licence, in words; `access` says
which sites may have the asset."""

TEXT_FIELDS = ("title", "caption", "creator", "credit", "copyright", "rights")


class UnknownField(InvalidInput):
    """No field has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Expected a field that people can set, got {name[:80]!r}.",
            remedy=f"The fields are {', '.join(ASSET_FIELDS)}.",
        )


class BadFieldValue(InvalidInput):
    """A field does not take this value."""

    def __init__(self, name: str, expected: str, value: object) -> None:
        super().__init__(f"The field {name}: expected {expected}, got {value!r:.120}.")


def checked_value(name: str, value: object) -> PersonValue:
    """Return a value as a register field keeps it: text trimmed, sites in order and each once.

    Raises:
        UnknownField: no register has this name.
        BadFieldValue: the field does not take the value.
    """
    if name in TEXT_FIELDS:
        return _text(name, value)
    if name == "rating":
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_STARS:
            raise BadFieldValue(name, f"0 to {MOST_STARS} stars", value)
        return value
    if name == "access":
        return _sites(value)
    raise UnknownField(name)


def checked_tag(value: object) -> str:
    """Return a tag without outer spaces. Raises `BadFieldValue`."""
    tag = " ".join(value.split()) if isinstance(value, str) else ""
    if not 0 < len(tag) <= LONGEST_TAG or not _is_unicode(tag):
        raise BadFieldValue("tags", f"a tag of 1 to {LONGEST_TAG} letters", value)
    return tag


def _text(name: str, value: object) -> str:
    text = value.strip() if isinstance(value, str) else None
    if text is None or len(text) > LONGEST_TEXT or not _is_unicode(text):
        raise BadFieldValue(name, f"text of at most {LONGEST_TEXT} letters", value)
    return text


def _sites(value: object) -> tuple[str, ...] | None:
    if value is None or value == "everyone":
        return None
    sites = list(value) if isinstance(value, list | tuple) else None
    if sites is None or not all(isinstance(site, str) and site.strip() for site in sites):
        raise BadFieldValue("access", "`everyone` or a list of site ids", value)
    return tuple(sorted({site.strip() for site in sites}))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
