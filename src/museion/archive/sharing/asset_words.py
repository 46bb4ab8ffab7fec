"""A part of the archive in the words of the query language: filters only, such as `type:image`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from museion.archive.asset import AssetId
from museion.archive.catalog.conditions import Condition, all_of, condition_on_one
from museion.archive.catalog.reader import Catalog
from museion.base.errors import InvalidInput
from museion.search.query import parse_query


class NotOnlyFilters(InvalidInput):
    """A text that shall name a part of the archive holds more, or nothing."""

    def __init__(self, words: str) -> None:
        super().__init__(
            f"Expected filters only, such as `type:image rating:>=3`, got {words[:80]!r}.",
            remedy='Leave out free words, and times that move on, as `date:"last week"`; the'
            " filters are listed in the README.",
        )


@dataclass(frozen=True, slots=True)
class AssetWords:
    """A part of the archive, as a person wrote it and as a condition on the catalog's rows."""

    words: str
    condition: Condition

    @classmethod
    def read(cls, words: str) -> Self:
        """Return the part that a text means.

        Raises:
            NotOnlyFilters: there are other words in it, a time that moves on, or no filter.
            BadFilter: the value of a filter cannot be read.
        """
        query = parse_query(words, understands=False)
        others = [part for part in query.parts if part.meaning not in query.filters]
        others += [part for part in query.parts if getattr(part.meaning, "named", "")]
        if others or not query.filters:
            raise NotOnlyFilters(words)
        return cls(words, all_of(condition_on_one(each) for each in query.filters))

    def holds(self, catalog: Catalog, asset_id: AssetId) -> bool:
        """Tell whether an asset is part of it now, as the catalog knows it, shown or not."""
        return catalog.fits(asset_id, self.condition)
