"""Reads from the catalog which names it has, and how a word may go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from museion.archive.catalog.connections import Connections
from museion.archive.catalog.schema import folded

_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "person": "SELECT value AS name, count(*) AS n FROM metadata_value JOIN asset"
        " ON nr = asset_nr WHERE field = 'persons' AND state < 3 GROUP BY value",
        "place": "SELECT name, sum(n) AS n FROM (SELECT city AS name, count(*) AS n FROM asset"
        " WHERE state < 3 AND city <> '' GROUP BY city UNION ALL SELECT country, count(*)"
        " FROM asset WHERE state < 3 AND country <> '' GROUP BY country) GROUP BY name",
        "camera": "SELECT camera AS name, count(*) AS n FROM asset"
        " WHERE state < 3 AND camera <> '' GROUP BY camera",
        "collection": "SELECT name, 1 AS n FROM collection WHERE removed = 0",
    }
)
"""Kind of a name -> what reads all of its kind that this site may show, and how often each is."""


def names_of(read: Connections, kind: str) -> list[str]:
    """Return all names of people, places, cameras or collections, most used first.

    It looks at every asset: a second for a million.
    """
    rows = read.all(f"{_NAMES[kind]} ORDER BY n DESC, name")
    return [row["name"] for row in rows]


def first_tag(read: Connections, texts: Iterable[str]) -> str | None:
    """Return the first text that is a tag or keyword of an asset that is shown, as written there.

    It costs little however many assets have it.
    """
    sql = (
        "SELECT term FROM (SELECT term, asset_nr FROM keyword WHERE folded = :folded"
        " UNION ALL SELECT term, asset_nr FROM tag WHERE folded = :folded)"
        " JOIN asset ON nr = asset_nr WHERE state < 3 LIMIT 1"
    )
    for text in texts:
        row = read.one_or_none(sql, {"folded": folded(text)})
        if row is not None:
            return str(row["term"])
    return None


def tags_beginning(read: Connections, start: str, *, limit: int) -> list[str]:
    """Return tags and keywords that begin with a text, most used first."""
    rows = read.all(
        "SELECT min(term) AS text FROM"
        " (SELECT * FROM keyword WHERE folded >= :start AND folded < :end"
        " UNION ALL SELECT * FROM tag WHERE folded >= :start AND folded < :end)"
        " WHERE asset_nr NOT IN (SELECT nr FROM asset WHERE state <> 0 AND state >= 3)"
        " GROUP BY folded ORDER BY count(*) DESC LIMIT :limit",
        {"start": start.casefold(), "end": start.casefold() + "\U0010ffff", "limit": limit},
    )
    return [row["text"] for row in rows]


def suggestions(read: Connections, start: str, *, limit: int) -> dict[str, list[str]]:
    """Return names that begin with a text, most used first; of cameras those that contain it."""
    found = {"tag": tags_beginning(read, start, limit=limit)}
    for kind, sql in _NAMES.items():
        pattern = f"%{_like(start)}%" if kind == "camera" else f"{_like(start)}%"
        rows = read.all(
            f"SELECT name FROM ({sql}) WHERE name LIKE ? ESCAPE '\\'"  # noqa: S608 (a constant)
            " ORDER BY n DESC, name LIMIT ?",
            (pattern, limit),
        )
        found[kind] = [row["name"] for row in rows]
    return found


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
