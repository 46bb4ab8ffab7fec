"""Judged queries name assets by id, digest or file name; what names none or several is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_archive import Telling, digest_of

from museion.archive.evaluating import name_assets
from museion.archive.events import AssetTrashed
from museion.archive.finding.ranker import Asking
from museion.archive.search_ways import BadWay, read_way
from museion.search.fusion import FusionSettings
from museion.search.judgements import JudgedQuery


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Telling]:
    telling = Telling(tmp_path)
    yield telling
    telling.close()


def test_an_asset_is_named_by_id_digest_or_file_name(told: Telling) -> None:
    a, b, c = (told.tell_asset(name) for name in ("a.jpg", "b.jpg", "c.jpg"))
    query = JudgedQuery("sea", {a: 2.0, digest_of("b.jpg"): 1.0, "c.jpg": 0.0, "a.jpg": 1.0}, 7)
    named = name_assets([query], told.catalog.judgements)

    assert named.queries == [JudgedQuery("sea", {a: 2.0, b: 1.0, c: 0.0}, 7)]
    assert not named.unclear


def test_names_that_mean_no_asset_or_several_are_told_with_their_line(told: Telling) -> None:
    a = told.tell_asset("a.jpg")
    gone = told.tell_asset("gone.jpg")
    told.tell(AssetTrashed(asset_id=gone, by="Ann"))
    queries = [
        JudgedQuery("sea", {"a.jpg": 1.0, "x.jpg": 1.0}, 1),
        JudgedQuery("lost", {gone: 1.0, "a.jpg": 0.0}, 2),
        JudgedQuery("nonsense", {}, 3),
    ]
    named = name_assets(queries, told.catalog.judgements)

    assert [(each.query, dict(each.gains)) for each in named.queries] == [
        ("sea", {a: 1.0}),
        ("nonsense", {}),
    ]
    assert [each.line for each in named.left] == [2]
    assert [(each.line, each.name) for each in named.unclear] == [(1, "x.jpg"), (2, gone)]
    assert "names no asset" in named.unclear[0].reason


def test_a_file_name_of_several_assets_names_none(told: Telling) -> None:
    first = told.tell_asset("a.jpg")
    told.tell_asset("b.jpg")
    told.projection._database.execute("UPDATE asset SET filename = 'same.jpg'")
    named = name_assets(
        [JudgedQuery("sea", {"same.jpg": 1.0, first: 1.0}, 1)], told.catalog.judgements
    )

    assert named.queries[0].relevant == {first}
    assert "names 2 assets" in named.unclear[0].reason


def test_a_way_to_search_is_read_from_words_and_told_in_them() -> None:
    fusion = FusionSettings(words_weight=2.0, offset=20)

    way = read_way(["mode=words", "words-weight=2", "offset=20", "model=tiny", "cut=off"])

    assert way.asking == Asking(mode="words", collapses=False, cuts=False, fusion=fusion)
    assert way.words == "mode=words model=tiny cut=off words-weight=2 offset=20"
    assert read_way([], fusion=fusion).words == "mode=all words-weight=2 offset=20"


@pytest.mark.parametrize(
    "text", ["mode=loud", "cut=maybe", "weight=2", "mode", "offset=x", "offset=", "=1"]
)
def test_what_is_no_way_to_search_is_refused(text: str) -> None:
    with pytest.raises(BadWay, match="words-weight=NUMBER"):
        read_way([text])
