"""What filters ask for most, held in memory, so that a filter over a million assets costs little.

Facets follow the catalog: they are loaded from it once, in the background, and told of every asset
that changes. A filter that they do not cover, or that is asked before they are loaded, is answered
by the catalog (`selecting`). Both give the same answer; a test holds them against each other.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence

from museion.archive.asset import AssetId
from museion.archive.catalog.reader import Catalog
from museion.archive.finding.facet_values import COLUMNS, VALUES
from museion.search.facet_view import FacetView
from museion.search.facets import Facets
from museion.search.selection import Numbers


class AssetFacets:
    """The facets of all assets that screens list; safe for any number of threads.

    `load` may be called from a thread of its own while changes are told; what is told meanwhile is
    looked at after.
    """

    def __init__(self, catalog: Catalog, numbers: Numbers | None = None) -> None:
        self._catalog = catalog
        self._facets = Facets(COLUMNS, numbers=numbers)
        self._following = threading.Lock()
        self._is_loaded = False
        self._early: dict[AssetId, None] | None = None  # told of while loading

    @property
    def numbers(self) -> Numbers:
        """The numbers of assets in all selections made here."""
        return self._facets.numbers

    @property
    def view(self) -> FacetView | None:
        """What is known now; None before everything is loaded."""
        return self._facets.view if self._is_loaded else None

    def load(self) -> None:
        """Read all assets from the catalog; some twenty seconds for a million."""
        with self._following:
            self._early = {}
        self._put(self._catalog.finding.facets())
        with self._following:
            early, self._early, self._is_loaded = self._early, None, True
        self.changed(early or ())

    def changed(self, asset_ids: Iterable[AssetId]) -> None:
        """Look at assets again: they changed, are new, or are no longer shown."""
        ids = list(asset_ids)
        with self._following:
            if self._early is None and not self._is_loaded:
                return
            if self._early is not None:
                self._early.update(dict.fromkeys(ids))
                return
            rows = self._catalog.finding.facets(ids)
            self._put(rows)
            shown = {row["id"] for row in rows}
            self._facets.remove(each for each in ids if each not in shown)

    def _put(self, rows: Sequence[sqlite3.Row]) -> None:
        if rows:
            values = {name: [of(row) for row in rows] for name, of in VALUES.items()}
            self._facets.load([row["id"] for row in rows], values)
