"""Reads from the catalog how a word may go on."""

from __future__ import annotations

from museion.archive.catalog.connections import Connections


def suggestions(read: Connections, start: str, *, limit: int) -> dict[str, list[str]]:
    """Return keywords and cameras that begin with a text, most used first."""
    keywords = read.all(
        "SELECT min(term) AS text FROM"
        " (SELECT * FROM keyword WHERE folded >= :start AND folded < :end"
        " UNION ALL SELECT * FROM tag WHERE folded >= :start AND folded < :end)"
        " WHERE asset_nr NOT IN (SELECT nr FROM asset WHERE state <> 0 AND state >= 3)"
        " GROUP BY folded ORDER BY count(*) DESC LIMIT :limit",
        {"start": start.casefold(), "end": start.casefold() + "\U0010ffff", "limit": limit},
    )
    cameras = read.all(
        "SELECT camera AS text FROM asset WHERE state < 3 AND camera LIKE ? ESCAPE '\\'"
        " GROUP BY camera ORDER BY count(*) DESC LIMIT ?",
        ("%" + _like(start) + "%", limit),
    )
    return {
        "tag": [row["text"] for row in keywords],
        "camera": [row["text"] for row in cameras],
    }


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
