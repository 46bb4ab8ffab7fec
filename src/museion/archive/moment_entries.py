"""How the moments of a film stand in the vector index: one entry each, replaced as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from museion.archive.catalog.reader import Catalog
from museion.archive.catalog.schema import MOMENTS_SLOT
from museion.archive.events import MomentsEmbedded
from museion.archive.rank import Rank
from museion.search.moments import entry_of_moment
from museion.search.vector_index import Embedding


@dataclass(frozen=True, slots=True)
class MomentChanges:
    """What an answer about a film's moments changes in an index: what goes, and what comes."""

    removed: list[str]
    added: list[tuple[str, Embedding]]


def moment_changes(payload: MomentsEmbedded, rank: Rank, catalog: Catalog) -> MomentChanges:
    """Return the changes of an index that follow from the moments of a film.

    Where the answer does not stand, nothing changes. Else every moment of an earlier answer goes.

    Args:
        payload: in the space of the index.
        rank: of the event that it came with.
        catalog: knows which answer stands; it has the event already.
    """
    asset_id = payload.asset_id
    if not catalog.stands(asset_id, f"{MOMENTS_SLOT}{payload.space}", rank):
        return MomentChanges([], [])
    added = {
        entry_of_moment(asset_id, each.start_s): np.frombuffer(each.vector, "<f2").astype("f4")
        for each in payload.moments
    }
    known = catalog.content.moment_starts(asset_id, payload.space)
    ids = (entry_of_moment(asset_id, start_s) for start_s in known)
    return MomentChanges([each for each in ids if each not in added], list(added.items()))
