"""Reads from the catalog what could not be taken in or shown."""

from __future__ import annotations

from datetime import UTC, datetime

from museion.archive.asset import AssetId
from museion.archive.catalog.connections import Connections
from museion.archive.catalog.records import QuarantineEntry


def quarantine(read: Connections) -> list[QuarantineEntry]:
    """Return refused files and failed assets, newest first."""
    refused = [
        QuarantineEntry(
            filename=row["filename"],
            reason=row["reason"],
            remedy=row["remedy"],
            time=iso_seconds(row["time"]),
            path=row["path"],
            place=shown_path(row["path"]),
        )
        for row in read.all("SELECT * FROM refusal")
    ]
    return sorted(refused + _failed(read), key=lambda entry: entry.time, reverse=True)


def shown_path(path: bytes | None) -> str | None:
    """Return a path as text for people; bytes that are not UTF-8 become replacement marks."""
    return None if path is None else path.decode("utf-8", "replace")


def iso_seconds(time_ms: int) -> str:
    """Return milliseconds since 1970 as ISO 8601 in UTC, in whole seconds."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="seconds")


def _failed(read: Connections) -> list[QuarantineEntry]:
    rows = read.all(
        "SELECT asset.id, filename, processor, reason, remedy, time,"
        " (SELECT min(path) FROM source WHERE source.asset_nr = asset.nr) AS path"
        " FROM failure JOIN asset ON asset.nr = asset_nr WHERE state < 3"
    )
    return [
        QuarantineEntry(
            filename=row["filename"],
            reason=row["reason"],
            remedy=row["remedy"],
            time=iso_seconds(row["time"]),
            place=shown_path(row["path"]),
            asset_id=AssetId(row["id"]),
            processor=row["processor"],
        )
        for row in rows
    ]
