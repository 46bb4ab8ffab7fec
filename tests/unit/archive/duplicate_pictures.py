"""Assets that look alike or not, for tests of duplicates: their looks are told, not computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from small_archive import ingested, renditions
from small_sites import SmallSite

from museion.archive.asset import AssetId
from museion.archive.duplicate_keeping import DuplicateKeeper
from museion.archive.duplicates import Duplicates
from museion.archive.events import FingerprintComputed, MetadataExtracted, MetadataValue
from museion.search.exact_index import ExactIndex
from museion.search.vector_index import Embedding, VectorIndex

PICTURE = 0x0F0F0F0FFF00FF00
"""A fingerprint like that of a photo: half its bits are set."""
OTHER_PICTURE = 0x3333CCCC5A5AA5A5


def turned(fingerprint: int, bits: int, *, at: int = 20) -> int:
    """Return a fingerprint that differs in so many bits."""
    return fingerprint ^ ((1 << bits) - 1) << at


def towards(angle: float) -> Embedding:
    """Return an embedding; those of two angles are as similar as the cosine between them."""
    return np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)


class LookingSite:
    """A small site whose assets have looks."""

    def __init__(self, site: SmallSite, folder: Path) -> None:
        self.site = site
        self.vectors = ExactIndex.open(folder / f"{site.id}-vectors", space="tiny", dimension=2)
        self.duplicates = Duplicates(site.catalog, self._vectors)
        self.keeper = DuplicateKeeper(site.log, site.catalog, self.duplicates, shown=self._shown)

    async def picture(
        self,
        name: str,
        fingerprint: int = PICTURE,
        *,
        angle: float | None = 0.0,
        width: int = 300,
        height: int = 200,
        kind: str = "image",
        **metadata: str | int,
    ) -> AssetId:
        """Take in a picture that looks so; `angle` None stands for one without an embedding."""
        born = ingested(name, kind=kind)
        await self.site.tell(born)
        values = {"width": width, "height": height, **metadata}
        said = tuple(MetadataValue(field, value, "header") for field, value in values.items())
        await self.site.tell(
            *renditions(born.asset_id, width=width, height=height),
            MetadataExtracted(asset_id=born.asset_id, values=said),
            FingerprintComputed(asset_id=born.asset_id, fingerprint=fingerprint),
        )
        if angle is not None:
            self.embed(born.asset_id, angle)
        await self.site.catch_up()
        return born.asset_id

    def embed(self, asset_id: AssetId, angle: float) -> None:
        """Put an embedding into the index."""
        self.vectors.add([(str(asset_id), towards(angle))])
        self.vectors.commit(self.vectors.position + 1)

    def groups(self) -> list[list[AssetId]]:
        """Return the members of each group, by id."""
        return [sorted(each.members) for each in self.duplicates.groups()]

    async def shown(self, asset_id: AssetId) -> bool:
        """Tell whether screens list an asset."""
        return bool((await self.site.catch_up()).summaries([asset_id]))

    def close(self) -> None:
        """Close the index."""
        self.vectors.close()

    def _vectors(self) -> tuple[str, VectorIndex]:
        return "tiny", self.vectors

    async def _shown(self, sequence_nr: int) -> None:
        await self.site.catch_up()
