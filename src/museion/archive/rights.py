"""Who may read an asset: the one predicate that reads ask, and that decides what leaves a site.

Access is a field that people set like any other: everyone, or a list of sites. While several
versions of it stand, none resolved yet, the most restrictive reading holds.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

SiteId = str
"""Id of a site: the id of its log."""

EVERYONE: None = None
"""Value of the field `access` that keeps nobody out."""

Access = tuple[SiteId, ...] | None
"""Sites that may have an asset, in order and each once; None for everyone."""


class AssetRights(msgspec.Struct, frozen=True):
    """What the predicate needs to know of an asset.

    Attributes:
        access: every version of the field that stands, one unless there is a conflict; none where
            nobody ever set it, which is as if everyone may read.
    """

    access: tuple[Access, ...] = ()


def may_read(reader: SiteId, rights: AssetRights) -> bool:
    """Tell whether a site may have an asset and all that belongs to it.

    Every version must allow it, so a conflict lets nobody in whom one side kept out.
    """
    return all(access is EVERYONE or reader in access for access in rights.access)


def narrowest(versions: Iterable[Access]) -> Access:
    """Return the access that holds for several versions at once: their intersection."""
    narrowed: Access = EVERYONE
    for access in versions:
        if access is EVERYONE:
            continue
        kept = access if narrowed is EVERYONE else [site for site in narrowed if site in access]
        narrowed = tuple(sorted(set(kept)))
    return narrowed
