"""What a query says beside plain words: groups, pictures, what must not be seen; and paging."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from small_archive import Telling, events_of, ingested

from museion.archive import searching
from museion.archive.asset import AssetId, UnknownAsset
from museion.archive.events import (
    ArchiveEvent,
    AssetRestored,
    AssetTrashed,
    EmbeddingComputed,
    FingerprintComputed,
)
from museion.archive.finding import ranker
from museion.archive.finding.kept_rankings import BadToken
from museion.archive.finding.ranking import Mode
from museion.archive.indexing import Indexes
from museion.archive.searching import Asking, Searcher
from museion.models.embedded import EMBEDDED
from museion.models.registry import built_in_checkpoint
from museion.search.vector_index import Embedding

_CAPTIONS = {
    "dog.jpg": "a dog on a beach",
    "cat.jpg": "a cat on a red sofa",
    "both.jpg": "a dog and a cat",
    "boat.jpg": "a boat at sea",
}


class Finding(Telling):
    """A catalog with indexes that follow it, and a searcher over both."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.indexes = Indexes.open(folder / "index", built_in_checkpoint(EMBEDDED))
        self.searcher = Searcher(self.catalog, self.indexes)
        self._followers = self.indexes.projections(self.catalog)
        self._seed = 0

    def add(
        self,
        name: str,
        *,
        like: str = "",
        unlike: str = "",
        fingerprint: int | None = None,
        **said: Any,
    ) -> AssetId:
        """Take in an asset whose picture looks as a text says, unlike it, or like nothing."""
        asset_id = self.tell_asset(name, **said)
        half = (-self._vector(unlike) if unlike else self._vector(like)).astype("<f2").tobytes()
        space = self.indexes.generation.space.id
        told: list[ArchiveEvent] = [
            ingested(name),
            EmbeddingComputed(asset_id=asset_id, space=space, vector=half),
        ]
        if fingerprint is not None:
            told.append(FingerprintComputed(asset_id=asset_id, fingerprint=fingerprint))
        events = events_of(told, after=self.projection.position)
        self.projection.apply(events)
        for each in self._followers:
            each.apply(events)
        return asset_id

    def names(self, query: str, *, asking: Asking | None = None, limit: int = 100) -> list[str]:
        """Return the names of the hits, best first."""
        answer = self.searcher.search(query, limit=limit, asking=asking or Asking())
        return [hit.asset.filename for hit in answer.hits]

    def close(self) -> None:
        self.indexes.close()
        super().close()

    def _vector(self, like: str) -> Embedding:
        if like:
            return self.indexes.generation.embed(like)
        self._seed += 1
        noise = np.random.default_rng(self._seed).normal(
            size=self.indexes.generation.space.dimension
        )
        vector: Embedding = (noise / np.linalg.norm(noise)).astype(np.float32)
        return vector


@pytest.fixture(scope="module")
def finding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finding]:
    """Four captioned assets, and thirty that nobody described."""
    finding = Finding(tmp_path_factory.mktemp("finding"))
    for name, caption in _CAPTIONS.items():
        finding.add(name, like=caption, caption=caption)
    for number in range(30):
        finding.add(f"IMG_{number:02}.jpg")
    yield finding
    finding.close()


def test_a_group_holds_for_every_hit(finding: Finding) -> None:
    assert set(finding.names("dog OR cat")) == {"dog.jpg", "cat.jpg", "both.jpg"}
    assert finding.names("dog AND cat") == ["both.jpg"]
    assert finding.names("dog AND NOT cat") == ["dog.jpg"]
    assert set(finding.names("(dog OR boat) AND NOT cat")) == {"dog.jpg", "boat.jpg"}


def test_a_group_is_answered_alike_from_memory_and_from_the_catalog(finding: Finding) -> None:
    anew = Searcher(finding.catalog, finding.indexes)
    anew.facets.load()
    for query in ("dog OR cat", "NOT dog type:image", "(dog OR rating:5) AND NOT cat"):
        answer = anew.search(query, limit=100)
        assert [hit.asset.filename for hit in answer.hits] == finding.names(query)


def test_pictures_like_one_do_not_include_it(finding: Finding) -> None:
    dog = finding.catalog.find_id(finding.searcher.search("dog.jpg", limit=1).hits[0].asset.id)
    names = finding.names(f"like:{dog}")
    assert "dog.jpg" not in names
    assert set(names[:3]) == {"both.jpg", "boat.jpg", "cat.jpg"}


def test_a_picture_and_words_are_looked_for_together(finding: Finding) -> None:
    boat = finding.searcher.search("boat.jpg", limit=1).hits[0].asset.id
    assert finding.names(f"like:{boat} a cat on a red sofa")[0] == "cat.jpg"


def test_a_picture_that_nobody_has_is_told(finding: Finding) -> None:
    with pytest.raises(UnknownAsset):
        finding.names("like:nobody")


def test_what_was_named_comes_before_what_only_has_its_words(finding: Finding) -> None:
    assert finding.names("dog.jpg")[0] == "dog.jpg"


def test_a_mode_listens_to_words_or_to_meaning_alone(finding: Finding) -> None:
    words = finding.searcher.search("a dog on a beach", limit=100, asking=Asking(mode="words"))
    assert all(set(hit.scores) == {"words"} for hit in words.hits)
    meaning = finding.searcher.search("a dog on a beach", limit=100, asking=Asking(mode="meaning"))
    assert meaning.hits[0].asset.filename == "dog.jpg"
    assert all(set(hit.scores) == {"meaning"} for hit in meaning.hits)


def test_strong_hits_come_before_weak_ones_and_are_counted(finding: Finding) -> None:
    answer = finding.searcher.search("a boat at sea", limit=100)
    strengths = [str(hit.strength) for hit in answer.hits]
    assert strengths == sorted(strengths)  # strong, then weak
    assert answer.strong == strengths.count("strong") >= 1


def test_a_word_that_the_encoder_knows_is_no_typo(finding: Finding) -> None:
    assert finding.searcher.search("a cot", limit=1).corrected == {}
    assert finding.searcher.search("a beech", limit=1).corrected == {}
    assert finding.searcher.search("a beacj", limit=1).corrected == {"beacj": "beach"}


def test_words_that_nothing_has_find_nothing(finding: Finding) -> None:
    assert finding.names("quarterly tax report") == []


def test_what_must_not_be_seen_is_neither_said_nor_shown(tmp_path: Path) -> None:
    finding = Finding(tmp_path)
    finding.add("said.jpg", caption="a person beside a dog", like="a dog")
    finding.add("shown.jpg", like="a crowd of people")
    finding.add("neither.jpg", unlike="people", caption="a dog")
    assert finding.names("a dog without people") == ["neither.jpg"]
    assert "neither.jpg" in finding.names("without people")
    assert "said.jpg" not in finding.names("without people")
    finding.close()


def test_what_must_not_be_seen_is_not_listed_when_it_leaves_the_trash(tmp_path: Path) -> None:
    finding = Finding(tmp_path)
    shown = finding.add("shown.jpg", like="a crowd of people")
    finding.add("neither.jpg", unlike="people")
    finding.tell(AssetTrashed(asset_id=shown, by="Anna"))
    assert finding.names("without people") == ["neither.jpg"]
    finding.tell(AssetRestored(asset_id=shown, by="Anna"))
    assert "shown.jpg" in finding.names("type:photo")
    assert finding.names("without people") == ["neither.jpg"]
    finding.close()


@pytest.mark.parametrize("passed_over", [100, 3])
@pytest.mark.parametrize("query", ["a dog", "dog"])
def test_hits_are_found_behind_any_number_in_the_trash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str, passed_over: int
) -> None:
    monkeypatch.setattr(searching, "_CANDIDATES", 4)
    monkeypatch.setattr(ranker, "MOST_PASSED_OVER", passed_over)
    finding = Finding(tmp_path)
    trashed = [finding.add(f"{n}.jpg", like="a dog", caption="a dog") for n in range(12)]
    finding.add("left.jpg", like="a dog in the snow", caption="once there was a dog in the snow")
    finding.tell(*(AssetTrashed(asset_id=each, by="Anna") for each in trashed))
    for mode in get_args(Mode):
        assert finding.names(query, asking=Asking(mode=mode), limit=2) == ["left.jpg"]
    finding.close()


def test_pictures_that_look_the_same_collapse_into_one_hit(tmp_path: Path) -> None:
    finding = Finding(tmp_path)
    fingerprint = 0x0F0F_3333_5555_1234
    burst = [finding.add(f"{n}.jpg", like="a dog", fingerprint=fingerprint ^ n) for n in range(4)]
    (hit,) = finding.searcher.search("a dog", limit=10).hits
    assert {hit.asset.id, *hit.alike} == set(burst)
    assert len(finding.names("a dog", asking=Asking(collapses=False))) == 4
    finding.close()


def test_a_later_page_names_no_look_alike_that_went_to_the_trash(tmp_path: Path) -> None:
    finding = Finding(tmp_path)
    fingerprint = 0x0F0F_3333_5555_1234
    burst = [finding.add(f"{n}.jpg", like="a dog", fingerprint=fingerprint ^ n) for n in range(4)]
    first = finding.searcher.search("a dog", limit=10)
    (hit,) = first.hits
    gone = next(each for each in burst if each != hit.asset.id)
    finding.tell(AssetTrashed(asset_id=gone, by="Anna"))
    (hit,) = finding.searcher.search("a dog", limit=10, token=first.token).hits
    assert {hit.asset.id, *hit.alike} == {*burst} - {gone}
    assert "2 others" in " ".join(reason.text for reason in hit.why)
    finding.close()


def test_pages_of_one_answer_fit_together_while_assets_come_in(tmp_path: Path) -> None:
    finding = Finding(tmp_path)
    for number in range(12):
        finding.add(f"{number}.jpg", caption="a dog", like="a dog")
    asking = Asking(collapses=False)
    whole = [hit.asset.id for hit in finding.searcher.search("dog", limit=12, asking=asking).hits]
    first = finding.searcher.search("dog", limit=4, asking=asking)
    finding.add("new.jpg", caption="dog", like="a dog")
    later = [
        hit.asset.id
        for offset in (4, 8)
        for hit in finding.searcher.search(
            "dog", limit=4, offset=offset, token=first.token, asking=asking
        ).hits
    ]
    assert [*(hit.asset.id for hit in first.hits), *later] == whole
    finding.close()


def test_pages_of_a_list_fit_together_while_assets_come_in(tmp_path: Path) -> None:
    finding = Finding(tmp_path)
    for number in range(6):
        finding.add(f"{number}.jpg")
    first = finding.searcher.search("type:photo", limit=3)
    finding.add("new.jpg")
    later = finding.searcher.search("type:photo", limit=9, offset=3, token=first.token)
    names = [hit.asset.filename for hit in (*first.hits, *later.hits)]
    assert sorted(names) == [f"{number}.jpg" for number in range(6)]
    assert finding.searcher.search("type:photo", limit=9).total == 7
    finding.close()


def test_a_ranking_that_is_forgotten_is_made_again_without_what_came_later(tmp_path: Path) -> None:
    finding = Finding(tmp_path)
    finding.add("old.jpg", caption="a dog")
    token = finding.searcher.search("dog", limit=1).token
    finding.add("new.jpg", caption="a dog")
    anew = Searcher(finding.catalog, finding.indexes)
    assert [hit.asset.filename for hit in anew.search("dog", limit=5, token=token).hits] == [
        "old.jpg"
    ]
    finding.close()


def test_a_token_that_no_answer_had_is_refused(finding: Finding) -> None:
    for token in ("x", "-", "12345678901234567890-a", "١-a"):
        with pytest.raises(BadToken, match="Leave it out"):
            finding.searcher.search("dog", limit=1, token=token)


def test_what_lies_beyond_the_cut_is_shown_on_demand_behind_the_rest(finding: Finding) -> None:
    cut = finding.names("a boat at sea")
    uncut = finding.names("a boat at sea", asking=Asking(cuts=False))
    assert uncut[: len(cut)] == cut
    assert len(uncut) == len(_CAPTIONS) + 30
