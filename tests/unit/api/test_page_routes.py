"""What is written in documents and pictures over HTTP, and how pages look."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pyvips
from running_site import ServedSite, serving

from museion.archive.asset import AssetId
from museion.archive.events import TextLine, TextRecognised, new_event
from museion.node.site import Site
from museion.testing.media import make_sample

TEXTS = ("The harbour of Hamburg.", "The sea at Sylt (in summer).")
_LINE = TextLine("HARBOURFESTIVAL", (0.1, 0.2, 0.3, 0.05), 0.9)


@dataclass(frozen=True)
class Library:
    """A served site with a document of two pages, and a photo on which something is written."""

    server: ServedSite
    document: AssetId
    photo: AssetId

    def answer(self, asset_id: str, what: str) -> httpx.Response:
        """Return the answer to a question about an asset."""
        return httpx.get(f"{self.server.url}/api/assets/{asset_id}/{what}", timeout=60)

    def hits(self, query: str) -> list[str]:
        """Return the ids of the hits of a query."""
        url = f"{self.server.url}/api/search"
        hits = httpx.get(url, params={"q": query}, timeout=60).json()["hits"]
        return [hit["id"] for hit in hits]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("library")
    document, photo = asyncio.run(_prepare(folder))
    with serving(folder / "site") as server:
        yield Library(server, document, photo)


async def _prepare(folder: Path) -> tuple[AssetId, AssetId]:
    make_sample("pdf", folder / "a.pdf", width=600, height=300, texts=TEXTS)
    make_sample("jpg", folder / "b.jpg", width=64, height=48)
    async with Site.open(folder / "site", create=True) as site:
        files = [folder / "a.pdf", folder / "b.jpg"]
        ids = {each.filename: AssetId(str(each.asset_id)) async for each in site.ingest(*files)}
        photo = ids["b.jpg"]
        seen = TextRecognised(asset_id=photo, model="test", lines=(_LINE,))
        await site.log.append([new_event(seen, emitter_id="test", aggregate_id=photo)])
        await site.settle()
    return ids["a.pdf"], photo


def test_the_text_of_a_document_comes_by_page_with_pictures_of_the_pages(library: Library) -> None:
    told = library.answer(library.document, "text").json()

    assert (told["pages"], told["total"], told["left_out"]) == (2, 2, "")
    assert [(each["page"], each["text"]) for each in told["passages"]] == list(enumerate(TEXTS, 1))
    first, second = (
        httpx.get(library.server.url + each["picture"], timeout=60) for each in told["passages"]
    )
    assert first.headers["content-type"] == second.headers["content-type"] == "image/webp"
    picture = pyvips.Image.new_from_buffer(second.content, "")
    assert (picture.width, picture.height) == (1600, 800)
    assert first.content != second.content


def test_passages_come_a_stretch_at_a_time(library: Library) -> None:
    told = library.answer(library.document, "text?offset=1&limit=1").json()

    assert [each["page"] for each in told["passages"]] == [2]
    assert told["total"] == 2


def test_lines_in_a_picture_come_with_their_boxes(library: Library) -> None:
    told = library.answer(library.photo, "text").json()

    assert told["lines"] == [
        {"text": _LINE.text, "left": 0.1, "top": 0.2, "width": 0.3, "height": 0.05, "score": 0.9}
    ]
    assert (told["pages"], told["passages"]) == (None, [])


def test_the_colours_of_a_picture_come_with_their_shares(library: Library) -> None:
    told = library.answer(library.photo, "text").json()

    assert told["colours"] != []
    assert all(0 < each["share"] <= 1 for each in told["colours"])


def test_a_document_is_found_by_what_stands_on_its_second_page(library: Library) -> None:
    assert library.hits("Sylt")[0] == library.document
    assert library.hits('"sea at Sylt"') == [library.document]


@pytest.mark.parametrize("words", ["harbourfestival", "harbour festival", "festival"])
def test_a_picture_is_found_by_the_text_in_it_spaces_or_not(library: Library, words: str) -> None:
    assert library.photo in library.hits(words)


@pytest.mark.parametrize("number", ["3", "0", "x"])
def test_a_page_that_is_not_there_is_refused(library: Library, number: str) -> None:
    answer = library.answer(library.document, f"page?number={number}")

    assert answer.status_code == (404 if number == "3" else 400)
    assert answer.json()["detail"]


def test_a_photo_has_no_pages(library: Library) -> None:
    answer = library.answer(library.photo, "page")

    assert answer.status_code == 404
    assert "is no document" in answer.json()["detail"]


def test_an_unknown_asset_has_no_text(library: Library) -> None:
    assert library.answer("0" * 24, "text").status_code == 404
