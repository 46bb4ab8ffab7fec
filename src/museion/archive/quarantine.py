"""Another try for what could not be taken in or enriched."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from museion.archive.catalog.records import AssetDetail, QuarantineEntry
from museion.archive.events import EnrichmentRetried, new_event
from museion.archive.folders import is_folder
from museion.log.event import NewEvent
from museion.log.vector_time import VectorTime

_FROM_THE_ORIGINAL = frozenset({"metadata", "renditions", "document", "shots", "moments", "speech"})


def retry_events(
    details: Iterable[AssetDetail], *, seen: VectorTime | None = None
) -> list[NewEvent]:
    """Return one `EnrichmentRetried` for each asset that has failures, each asset once.

    What is computed from a rendition begins anew with the renditions.

    Args:
        seen: version of the log, so that another try comes after failures of other sites.
    """
    failed = {detail.summary.id: detail for detail in details if detail.failures}
    return [_retry(detail, seen or VectorTime()) for detail in failed.values()]


def one_each(entries: Iterable[QuarantineEntry]) -> list[QuarantineEntry]:
    """Return one entry for each asset, what hinders its picture first, and every refused file."""
    chosen: dict[object, QuarantineEntry] = {}
    for entry in entries:
        about = entry.asset_id or entry.path
        if about not in chosen or entry.processor == "renditions":
            chosen[about] = entry
    return list(chosen.values())


def is_gone(path: Path) -> bool:
    """Tell whether nothing is at a path any more, though the folder that it lay in is there.

    Where the folder is gone, too, the disk may just not be plugged in.
    """
    return is_folder(path.parent) and not os.path.lexists(path)


def can_be_listed(folder: Path) -> bool:
    """Tell whether a path is a folder whose names can be read now."""
    try:
        os.scandir(folder).close()
    except OSError:
        return False
    return True


def _retry(detail: AssetDetail, seen: VectorTime) -> NewEvent:
    summary = detail.summary
    failed = {failure.processor for failure in detail.failures}
    processors = failed & _FROM_THE_ORIGINAL
    if failed - _FROM_THE_ORIGINAL:
        processors |= {"renditions"}
    payload = EnrichmentRetried(
        asset_id=summary.id,
        digest=summary.digest,
        media_type=summary.media_type,
        kind=summary.kind,
        processors=tuple(sorted(failed | processors)),
    )
    return new_event(payload, emitter_id="quarantine", aggregate_id=summary.id, seen=seen)
