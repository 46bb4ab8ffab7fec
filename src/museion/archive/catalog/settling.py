"""When the failure of a processor counts: while no success and no other try outranks it.

So the order in which a failure and what speaks against it arrive changes nothing.
"""

from __future__ import annotations

from museion.archive.catalog.rows import AssetRows
from museion.archive.catalog.schema import (
    CONTENT_SLOTS,
    EMBEDDING_SLOT,
    MOMENTS_SLOT,
    STEPS_OF,
)
from museion.archive.rank import Rank


def settle(rows: AssetRows, nr: int, processor: str) -> None:
    """Drop a processor's failure where it no longer counts, and derive the asset's state."""
    failing = rows.database.execute(
        "SELECT 1 FROM failure WHERE asset_nr = ? AND processor = ?", (nr, processor)
    )
    if failing.fetchone() and not _is_last(rows, nr, processor):
        rows.forgive(nr, processor)
    rows.judge(nr)


def _is_last(rows: AssetRows, nr: int, processor: str) -> bool:
    found = rows.database.execute(
        "SELECT slot, total, origin, time FROM chosen WHERE asset_nr = ?", (nr,)
    )
    ranks = {slot: Rank(*rank) for slot, *rank in found}
    failed = ranks[f"failed {processor}"]
    against = [rank for slot, rank in ranks.items() if _answers(slot, processor)]
    return all(rank < failed for rank in against)


def _answers(slot: str, processor: str) -> bool:
    """Tell whether a slot speaks against the failure of a processor."""
    beginnings = {
        "renditions": "rendition ",
        "embedding": EMBEDDING_SLOT,
        "moments": MOMENTS_SLOT,
    }
    if processor in beginnings:
        return slot.startswith(beginnings[processor]) or slot == f"retried {processor}"
    own = processor if processor in STEPS_OF or processor in CONTENT_SLOTS else ""
    return slot in (own, f"retried {processor}")
