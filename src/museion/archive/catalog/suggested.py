"""Reads from the catalog which names it has, and how a word may go on.

Statements are put together from constants; what users give is always an argument.
"""
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
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


_NEXT = (
    "(SELECT min(folded) FROM (SELECT min(folded) AS folded FROM keyword WHERE folded {0}"
    " UNION ALL SELECT min(folded) FROM tag WHERE folded {0}))"
)
_USES = "(SELECT count(*) FROM (SELECT 1 FROM {} WHERE folded = found.folded LIMIT 1000))"
_BEGINNING = (
    f"WITH RECURSIVE found(folded) AS (SELECT {_NEXT.format('>= :start')} UNION ALL"
    f" SELECT {_NEXT.format('> found.folded')} FROM found WHERE folded < :end LIMIT 300)"
    " SELECT folded FROM found WHERE folded < :end"
    f" ORDER BY {_USES.format('keyword')} + {_USES.format('tag')} DESC, folded"
)
"""Goes from one tag to the next along the index, without reading all rows between."""


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
    """Return tags and keywords that begin with a text, most used first.

    Of very many that begin so, the first of the alphabet are looked at, and the uses of each are
    counted to a thousand: it costs the same in an archive of any size.
    """
    rows = read.all(_BEGINNING, {"start": start.casefold(), "end": start.casefold() + "\U0010ffff"})
    tags = (first_tag(read, (row["folded"],)) for row in rows)
    return list(islice((tag for tag in tags if tag is not None), limit))


def suggestions(read: Connections, start: str, *, limit: int) -> dict[str, list[str]]:
    """Return names that begin with a text, most used first; of cameras those that contain it."""
    found = {"tag": tags_beginning(read, start, limit=limit)}
    for kind, sql in _NAMES.items():
        pattern = f"%{_like(start)}%" if kind == "camera" else f"{_like(start)}%"
        rows = read.all(
            f"SELECT name FROM ({sql}) WHERE name LIKE ? ESCAPE '\\' ORDER BY n DESC, name LIMIT ?",
            (pattern, limit),
        )
        found[kind] = [row["name"] for row in rows]
    return found


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
