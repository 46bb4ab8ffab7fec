"""An asset's identity: its id comes from its content, so every site names it alike."""

from __future__ import annotations

from typing import NewType

from museion.base.errors import NotFound
from museion.base.ids import short_id
from museion.blobs.blob_store import Digest

AssetId = NewType("AssetId", str)
"""24 lower-case base32 characters, from the digest of the asset's first original."""
CollectionId = NewType("CollectionId", str)
"""16 lower-case base32 characters, drawn by the site that made the collection."""


class UnknownAsset(NotFound):
    """No asset has this id."""

    def __init__(self, asset_id: str) -> None:
        super().__init__(
            f"No asset {asset_id[:80]!r} is in this archive.",
            remedy="Copy the id from `museion search --json`.",
        )


def asset_id_of(digest: Digest) -> AssetId:
    """Return the id of the asset whose first original has this digest."""
    return AssetId(short_id(digest))
