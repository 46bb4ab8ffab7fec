"""A part of the archive in the words of the query language."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_sites import SmallSite, small_sites

from museion.archive.asset import AssetId
from museion.archive.catalog.conditions import condition_of
from museion.archive.editing import Changes
from museion.archive.sharing.asset_words import AssetWords, NotOnlyFilters
from museion.search.filters import BadFilter
from museion.search.query import parse_query
from museion.testing.event_loop import in_event_loop


@pytest.mark.parametrize("words", ["", "harbour", "type:image harbour", '"a phrase"', "-sea"])
def test_a_part_is_named_by_filters_only(words: str) -> None:
    with pytest.raises(NotOnlyFilters, match="filters only"):
        AssetWords.read(words)


def test_a_filter_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(BadFilter):
        AssetWords.read("rating:>=many")


async def filled(site: SmallSite) -> list[AssetId]:
    """Take in three assets: one with a tag, one in a collection, one with stars."""
    ids = [(await site.ingest(name)).asset_id for name in ("a.jpg", "b.jpg", "c.jpg")]
    await site.editor.edit(ids[0], Changes(add_tags=["Sea"]), by="Ann")
    made = await site.collector.make("Sports", by="Ann")
    await site.collector.add(made, [ids[1]], by="Ann")
    await site.edit(ids[2], rating=4)
    await site.catch_up()
    return ids


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("tag:sea", [True, False, False]),
        ("-tag:sea", [False, True, True]),
        ("collection:sports", [False, True, False]),
        ("-collection:sports", [True, False, True]),
        ("rating:>=3", [False, False, True]),
        ("collection:Sports tag:sea", [False, False, False]),
    ],
)
def test_a_part_holds_what_a_search_with_these_words_finds(
    tmp_path: Path, words: str, expected: list[bool]
) -> None:
    @in_event_loop
    async def hold() -> None:
        async with small_sites(tmp_path, "a") as (site,):
            ids = await filled(site)
            part = AssetWords.read(words)
            searched = [condition_of(each) for each in parse_query(words).filters]

            assert [part.holds(site.catalog, each) for each in ids] == expected
            found = [all(site.catalog.fits(each, one) for one in searched) for each in ids]
            assert found == expected

    hold()
