"""Filters, phrases and exclusions hold exactly; exact words come first; the weak tail is bounded.

The real catalog, indexes, text tower and fusion, over assets whose embeddings the tests choose.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from small_archive import Telling, events_of, ingested

from museion.archive.asset import AssetId, UnknownAsset
from museion.archive.events import ArchiveEvent, EmbeddingComputed, EnrichmentFailed
from museion.archive.indexing import Indexes
from museion.archive.searching import NotEnrichedYet, Searcher
from museion.models.embedded import EMBEDDED, open_embedded_text_tower
from museion.models.registry import built_in_checkpoint

_CAPTIONED = {
    "dogs.jpg": "two dogs run on a beach",
    "slide.jpg": "a child on a red slide",
    "red.jpg": "a red car beside a slide",
    "leash.jpg": "a dog on a leash",
    "leashes.jpg": "a dog with two leashes",
}
_UNCAPTIONED = 60


class Finding(Telling):
    """A catalog with indexes that follow it, and a searcher over both."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.checkpoint = built_in_checkpoint(EMBEDDED)
        self.indexes = Indexes.open(folder / "index", self.checkpoint)
        self.searcher = Searcher(self.catalog, self.indexes)

    def names(self, query: str, *, limit: int = 500, offset: int = 0) -> list[str]:
        """Return the names of the hits, best first."""
        answer = self.searcher.search(query, limit=limit, offset=offset)
        return [hit.asset.filename for hit in answer.hits]

    def close(self) -> None:
        self.indexes.close()
        super().close()


@pytest.fixture(scope="module")
def finding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finding]:
    """Captioned assets; sixty that only have an embedding; one that cannot be shown."""
    finding = Finding(tmp_path_factory.mktemp("finding"))
    random = np.random.default_rng(7)
    lexical, vectors = finding.indexes.projections(finding.catalog)
    told: list[ArchiveEvent] = []
    dimension = finding.checkpoint.space.dimension
    space = finding.checkpoint.space.id
    (dog,) = open_embedded_text_tower().encode_texts(["a dog running on the beach"])
    for name, caption in _CAPTIONED.items():
        finding.tell_asset(name, caption=caption, rating=4, keywords=("captioned",))
        told.append(ingested(name))
    for number in range(_UNCAPTIONED):
        asset_id = finding.tell_asset(f"IMG_{number:04}.jpg", rating=number % 5)
        noise = random.normal(size=dimension)
        vector = dog if number == 17 else noise / np.linalg.norm(noise)
        half = vector.astype("<f2").tobytes()
        told.append(ingested(f"IMG_{number:04}.jpg"))
        told.append(EmbeddingComputed(asset_id=asset_id, space=space, vector=half))
    hidden = ingested("hidden dog.jpg")
    finding.tell(
        hidden, EnrichmentFailed(asset_id=hidden.asset_id, processor="renditions", reason="Cut.")
    )
    told.append(hidden)
    events = events_of(told, after=finding.projection.position)
    finding.projection.apply(events)
    lexical.apply(events)
    vectors.apply(events)
    yield finding
    finding.close()


def test_exact_words_come_before_pictures_that_only_look_alike(finding: Finding) -> None:
    names = finding.names("dogs on a beach")

    assert names[0] == "dogs.jpg"
    assert "IMG_0017.jpg" in names[1:4]


def test_a_picture_without_words_is_found_by_its_meaning(finding: Finding) -> None:
    answer = finding.searcher.search("dog running near the sea", limit=10)
    by_name = {hit.asset.filename: hit for hit in answer.hits}

    why = [reason.text for reason in by_name["IMG_0017.jpg"].why]
    assert why[0] == "the picture fits the words well"


def test_a_file_is_found_by_its_name_and_by_the_beginning_of_nothing_else(
    finding: Finding,
) -> None:
    for typed in ("IMG_0042.jpg", "IMG_0042", "img_0042"):
        assert finding.names(typed)[0] == "IMG_0042.jpg"


def test_a_phrase_holds_for_every_hit(finding: Finding) -> None:
    assert finding.names('"red slide"') == ["slide.jpg"]
    assert finding.names('slide "red slide"') == ["slide.jpg"]
    assert finding.names('"slide red"') == []


def test_an_excluded_word_holds_in_all_its_inflections(finding: Finding) -> None:
    names = finding.names("a dog -leash")

    assert "dogs.jpg" in names
    assert not {"leash.jpg", "leashes.jpg"} & set(names)


def test_an_exclusion_alone_lists_all_the_others(finding: Finding) -> None:
    names = finding.names("-leash")

    assert len(names) == len(_CAPTIONED) + _UNCAPTIONED - 2
    assert not {"leash.jpg", "leashes.jpg"} & set(names)


@pytest.mark.parametrize("words", ["", "a dog ", "beach ", "nothing of the kind "])
def test_a_filter_holds_for_every_hit_whatever_the_words(finding: Finding, words: str) -> None:
    answer = finding.searcher.search(f"{words}rating:3", limit=500)

    assert all(hit.asset.rating == 3 for hit in answer.hits)
    assert answer.hits or words


def test_a_filter_that_nothing_fulfils_leaves_no_hit(finding: Finding) -> None:
    answer = finding.searcher.search("a dog type:video", limit=10)

    assert (answer.total, answer.hits) == (0, [])


def test_where_nothing_speaks_for_an_asset_there_is_no_hit(finding: Finding) -> None:
    answer = finding.searcher.search("zzzyx qqq", limit=500)

    assert (answer.total, answer.hits) == (0, [])


def test_what_cannot_be_shown_is_no_hit_and_is_not_counted(finding: Finding) -> None:
    answer = finding.searcher.search("hidden", limit=500)

    assert answer.total == len(answer.hits)
    assert "hidden dog.jpg" not in {hit.asset.filename for hit in answer.hits}


@pytest.mark.parametrize("query", ["a dog", "rating:>=1", "img", "-leash"])
@pytest.mark.parametrize("size", [1, 3, 10])
def test_pages_together_are_the_whole_answer(finding: Finding, query: str, size: int) -> None:
    whole = finding.names(query)

    paged = [
        name
        for offset in range(0, len(whole) + size, size)
        for name in finding.names(query, limit=size, offset=offset)
    ]

    assert paged == whole


def test_scores_fall_along_the_answer(finding: Finding) -> None:
    answer = finding.searcher.search("two dogs on a beach", limit=100)
    scores = [hit.score for hit in answer.hits]

    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("offset", [500, 10_000, 10**12])
def test_beyond_the_end_there_is_nothing(finding: Finding, offset: int) -> None:
    """Nor is memory set aside for it."""
    assert finding.names("a dog", limit=10, offset=offset) == []


@pytest.mark.parametrize(
    "query",
    ["", " ", "-", '"', '""', "???", "\0", "\ud83d", "caf\udce9", "x" * 20_000, "🐕", "-🐕", "NOT"],
)
def test_every_text_is_a_query(finding: Finding, query: str) -> None:
    answer = finding.searcher.search(query, limit=5)

    assert len(answer.hits) <= 5


def test_the_nearest_of_an_asset_leave_itself_out(finding: Finding) -> None:
    asset_id = ingested("IMG_0017.jpg").asset_id

    hits = finding.searcher.similar(asset_id, limit=5).hits

    assert len(hits) == 5
    assert asset_id not in {hit.asset.id for hit in hits}


def test_an_asset_that_nothing_has_looked_at_cannot_be_compared(finding: Finding) -> None:
    with pytest.raises(NotEnrichedYet, match="Wait until it is enriched"):
        finding.searcher.similar(ingested("dogs.jpg").asset_id, limit=5)
    with pytest.raises(UnknownAsset):
        finding.searcher.similar(AssetId("nobody"), limit=5)
