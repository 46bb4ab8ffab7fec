"""The passage that answers a query best, and the pages that are kept."""

from __future__ import annotations

from pathlib import Path

from small_archive import Telling, ingested

from museion.archive.catalog.content_reader import PassageRecord
from museion.archive.document_pages import DocumentPages, best_passage
from museion.archive.enrichment.worker_pool import WorkerLimits, WorkerPool
from museion.archive.kept_pictures import KeptPictures
from museion.blobs.blob_store import Digest
from museion.testing.event_loop import in_event_loop
from museion.testing.media import make_sample

PASSAGES = [
    PassageRecord(1, "The ships lie in the harbour."),
    PassageRecord(2, "Zwei Häuser am Hafen, two houses by the sea."),
    PassageRecord(3, "A house by the harbour, and ships."),
    PassageRecord(4, "A house by the harbour, and more ships."),
]


def test_the_passage_with_most_words_is_the_best_and_the_first_of_equals() -> None:
    found = best_passage(PASSAGES, ["house", "harbour"])

    assert found is not None
    assert found.page == 3
    assert [found.text[a:b] for a, b in found.spans] == ["house", "harbour"]


def test_words_are_found_in_other_forms() -> None:
    found = best_passage(PASSAGES, ["haus", "hafen"])

    assert found is not None
    assert found.page == 2
    assert [found.text[a:b] for a, b in found.spans] == ["Häuser", "Hafen"]


def test_where_no_word_stands_there_is_no_passage() -> None:
    assert best_passage(PASSAGES, ["zebra"]) is None
    assert best_passage([], ["house"]) is None
    assert best_passage(PASSAGES, []) is None


def test_a_passage_deep_in_a_long_book_is_found() -> None:
    book = [PassageRecord(page, "The house at the harbour. " * 18) for page in range(1, 400)]
    book.append(PassageRecord(400, "The harbour house has a cellar."))

    found = best_passage(book, ["house", "harbour", "cellar"])

    assert found is not None
    assert found.page == 400


@in_event_loop
async def test_a_page_is_drawn_once_while_it_is_kept(tmp_path: Path) -> None:
    path = make_sample("pdf", tmp_path / "a.pdf", width=60, height=40, texts=["one", "two"])
    telling = Telling(tmp_path)
    telling.tell(born := ingested("a.pdf", kind="document", media_type="application/pdf"))
    asset = telling.catalog.detail(born.asset_id).summary
    telling.close()
    pool = WorkerPool(WorkerLimits(workers=1))
    pages = DocumentPages(pool)
    asked: list[int] = []

    async def original() -> Path:
        asked.append(1)
        return path

    try:
        first = await pages.page(asset, 1, original)
        assert await pages.page(asset, 1, original) == first
        assert await pages.page(asset, 2, original) != first
    finally:
        pool.close()

    assert len(asked) == 2


def test_what_nobody_asked_for_the_longest_is_dropped() -> None:
    kept = KeptPictures(most_bytes=10)
    keys = [(Digest("d" * 64), number) for number in range(4)]
    for key in keys[:3]:
        kept.keep(key, b"123")
    assert kept.get(keys[0]) == b"123"

    kept.keep(keys[3], b"4567")

    assert [kept.get(key) is not None for key in keys] == [True, False, True, True]
    assert kept.kept_bytes == 10


def test_what_is_larger_than_all_room_is_not_kept() -> None:
    kept = KeptPictures(most_bytes=2)

    kept.keep((Digest("d" * 64), 1), b"123")

    assert kept.kept_bytes == 0
