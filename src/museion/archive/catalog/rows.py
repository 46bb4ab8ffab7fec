"""Writes rows of one asset; what several kinds of events have in common."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from museion.archive.asset import AssetId
from museion.archive.catalog.chosen import Chosen
from museion.archive.catalog.schema import ALL_STEPS, STEPS_OF, Step


class AssetRows:
    """The rows of assets, within one transaction of the catalog's writer."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.chosen = Chosen(database)

    def nr(self, asset_id: AssetId) -> int | None:
        """Return the row number of an asset, None where its birth is not known here.

        A site that gets only part of the events may hear of an asset that it never gets.
        """
        row = self.database.execute("SELECT nr FROM asset WHERE id = ?", (asset_id,)).fetchone()
        return None if row is None else int(row[0])

    def set(self, nr: int, columns: Mapping[str, object]) -> None:
        """Set columns of the asset; their names come from the code, never from events."""
        names = ", ".join(f"{name} = ?" for name in columns)
        self.database.execute(
            f"UPDATE asset SET {names} WHERE nr = ?",  # noqa: S608
            (*columns.values(), nr),
        )

    def replace(self, table: str, nr: int, rows: Sequence[tuple[object, ...]]) -> None:
        """Put rows in place of all that a table has of the asset."""
        self.database.execute(f"DELETE FROM {table} WHERE asset_nr = ?", (nr,))  # noqa: S608
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self.database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608

    def done(self, nr: int, step: Step) -> None:
        """Note that enrichment has made a step."""
        self.database.execute("UPDATE asset SET steps = steps | ? WHERE nr = ?", (int(step), nr))

    def fails(self, nr: int, processor: str) -> None:
        """Note that the steps of a processor have failed."""
        self.database.execute(
            "UPDATE asset SET failed = failed | ? WHERE nr = ?",
            (int(STEPS_OF.get(processor, 0)), nr),
        )

    def forgive(self, nr: int, processor: str) -> None:
        """Drop the failure of a processor, if there is one."""
        self.database.execute(
            "DELETE FROM failure WHERE asset_nr = ? AND processor = ?", (nr, processor)
        )
        self.database.execute(
            "UPDATE asset SET failed = failed & ~? WHERE nr = ?",
            (int(STEPS_OF.get(processor, 0)), nr),
        )

    def judge(self, nr: int) -> None:
        """Derive the state: no picture is quarantine, a missing step without failure is pending."""
        self.database.execute(
            "UPDATE asset SET state = CASE WHEN withheld THEN 4 WHEN trashed THEN 3"
            " WHEN failed & :picture THEN 2"
            " WHEN (steps | failed) = :all THEN 0 ELSE 1 END WHERE nr = :nr",
            {"picture": int(Step.THUMBNAIL), "all": ALL_STEPS, "nr": nr},
        )
