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
        written_at: the sites at which these versions were written.
    """

    access: tuple[Access, ...] = ()
    written_at: tuple[SiteId, ...] = ()


def may_read(reader: SiteId, rights: AssetRights) -> bool:
    """Tell whether a site may have an asset and all that belongs to it.

    Every version must allow it, so a conflict lets nobody in whom one side kept out.
    """
    return all(access is EVERYONE or reader in access for access in rights.access)


def may_settle(site: SiteId, rights: AssetRights) -> bool:
    """Tell whether people at a site may change the access of an asset, and nothing else of it.

    It is enough that one version allows the site, or was written there. Else two sites that keep
    each other out, or one that keeps itself out, would have hidden the asset for good.
    """
    allowed = any(access is EVERYONE or site in access for access in rights.access)
    return not rights.access or allowed or site in rights.written_at


def narrowest(versions: Iterable[Access]) -> Access:
    """Return the access that holds for several versions at once: their intersection."""
    narrowed: Access = EVERYONE
    for access in versions:
        if access is EVERYONE:
            continue
        kept = access if narrowed is EVERYONE else [site for site in narrowed if site in access]
        narrowed = tuple(sorted(set(kept)))
    return narrowed
