"""Collections whose members are what a query finds, over HTTP and on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_site import ServedSite, run_museion, serving

from museion.archive.asset import AssetId
from museion.archive.editing import Changes
from museion.node.site import Site
from museion.testing.media import make_sample

YESTERDAY = date.today() - timedelta(days=1)


@dataclass
class Library:
    """A served site with three photos and a document; `ids` by file name."""

    server: ServedSite
    folder: Path
    ids: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, *, status: int = 200, **body: object) -> Any:
        """Return what the site answers."""
        url = f"{self.server.url}{path}"
        answer = httpx.request(method, url, json=body or None, timeout=60)
        assert answer.status_code == status, answer.text
        return answer.json()

    def make(self, name: str, query: str) -> str:
        """Make a collection of what a query finds; return its id."""
        wanted = {"by": "Ann", "name": name, "query": query}
        return str(self.ask("POST", "/api/collections", status=201, **wanted)["id"])

    def members(self, collection: str) -> set[str]:
        """Return the file names of a collection's members."""
        page = self.ask("GET", f"/api/collections/{collection}")
        assert page["count"] == len(page["items"])
        names = {asset_id: name for name, asset_id in self.ids.items()}
        return {names[item["id"]] for item in page["items"]}

    def search(self, query: str) -> set[str]:
        """Return the file names of the hits of a query."""
        url = f"{self.server.url}/api/search"
        hits = httpx.get(url, params={"q": query}, timeout=60).json()["hits"]
        names = {asset_id: name for name, asset_id in self.ids.items()}
        return {names[hit["id"]] for hit in hits}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("library")
    ids = asyncio.run(_prepare(folder))
    with serving(folder / "site") as server:
        yield Library(server, folder / "site", ids)


async def _prepare(folder: Path) -> dict[str, str]:
    names = ["a.jpg", "b.jpg", "c.jpg", "d.pdf"]
    for seed, name in enumerate(names[:3]):
        make_sample("jpg", folder / name, seed=seed, width=64, height=48)
    information = {"CreationDate": f"D:{YESTERDAY:%Y%m%d}120000Z"}
    make_sample("pdf", folder / "d.pdf", width=64, height=48, information=information)
    async with Site.open(folder / "site", create=True) as site:
        files = [folder / name for name in names]
        ids = {each.filename: each.asset_id async for each in site.ingest(*files)}
        for name in ("a.jpg", "b.jpg"):
            await site.edit(AssetId(str(ids[name])), Changes(add_tags=["sea"]), by="Ann")
        ferry = AssetId(str(ids["c.jpg"]))
        await site.edit(ferry, Changes(set={"caption": "The ferry Ottilie"}), by="Ann")
        await site.settle()
    return {name: str(asset_id) for name, asset_id in ids.items()}


def test_members_are_what_the_query_finds_when_the_collection_is_opened(library: Library) -> None:
    collection = library.make("Sea", "tag:sea")
    assert library.members(collection) == {"a.jpg", "b.jpg"}

    library.ask("PATCH", f"/api/assets/{library.ids['d.pdf']}", by="Ann", add_tags=["sea"])
    assert library.members(collection) == {"a.jpg", "b.jpg", "d.pdf"}

    library.ask("PATCH", f"/api/assets/{library.ids['d.pdf']}", by="Ann", remove_tags=["sea"])
    assert library.members(collection) == {"a.jpg", "b.jpg"}


def test_a_query_with_words_finds_its_hits(library: Library) -> None:
    collection = library.make("Ferries", "Ottilie")

    page = library.ask("GET", f"/api/collections/{collection}")
    assert page["items"][0]["id"] == library.ids["c.jpg"]
    assert page["cover"].startswith("/api/blobs/")


def test_what_is_in_the_trash_is_no_member(library: Library) -> None:
    collection = library.make("Documents", "type:document")
    path = f"/api/assets/{library.ids['d.pdf']}"

    library.ask("POST", f"{path}/trash", by="Ann")
    assert library.members(collection) == set()

    library.ask("POST", f"{path}/restore", by="Ann")
    assert library.members(collection) == {"d.pdf"}


def test_lists_tell_the_query_and_leave_the_counting_to_who_opens_it(library: Library) -> None:
    collection = library.make("Pictures", "type:photo")

    (row,) = [each for each in library.ask("GET", "/api/collections") if each["id"] == collection]

    assert (row["query"], row["count"], row["cover"]) == ("type:photo", None, None)


def test_members_come_a_stretch_at_a_time(library: Library) -> None:
    collection = library.make("All", "type:photo")

    pages = [
        library.ask("GET", f"/api/collections/{collection}?offset={offset}&limit=2")
        for offset in (0, 2)
    ]

    assert [len(page["items"]) for page in pages] == [2, 1]
    assert {page["count"] for page in pages} == {3}


def test_people_cannot_put_members_in(library: Library) -> None:
    collection = library.make("Sea too", "tag:sea")

    for act in ("add", "move", "remove"):
        path = f"/api/collections/{collection}/{act}"
        told = library.ask("POST", path, status=409, by="Ann", ids=[library.ids["c.jpg"]])
        assert "tag:sea" in told["detail"]
        assert "--no-query" in told["remedy"]


def test_it_is_a_filter_like_any_collection(library: Library) -> None:
    library.make("Seaside", "tag:sea")

    assert library.search("collection:Seaside") == {"a.jpg", "b.jpg"}
    assert library.search("-collection:Seaside type:photo") == {"c.jpg"}


def test_one_that_ranks_is_no_filter_and_the_error_says_why(library: Library) -> None:
    library.make("Ottilies", "ferry Ottilie")
    url = f"{library.server.url}/api/search"

    answer = httpx.get(url, params={"q": "collection:Ottilies"}, timeout=60)

    assert answer.status_code == 400
    assert "ferry Ottilie" in answer.json()["detail"]


@pytest.mark.parametrize("query", ["collection:Inner", "rating:lots", "a" * 2001])
def test_a_query_that_cannot_be_is_refused(library: Library, query: str) -> None:
    library.make("Inner", "tag:sea")

    wanted = {"by": "Ann", "name": "Outer", "query": query}
    told = library.ask("POST", "/api/collections", status=400, **wanted)

    assert told["detail"]


def test_without_its_query_it_keeps_what_was_found(library: Library) -> None:
    collection = library.make("Kept", "tag:sea")
    path = f"/api/collections/{collection}"

    shown = library.ask("PATCH", path, by="Ann", query="")

    assert (shown["query"], shown["count"]) == ("", 2)
    library.ask("POST", f"{path}/add", by="Ann", ids=[library.ids["c.jpg"]])
    assert library.members(collection) == {"a.jpg", "b.jpg", "c.jpg"}
    told = library.ask("PATCH", path, status=409, by="Ann", query="type:photo")
    assert "would hide them" in told["detail"]


def test_the_command_line_makes_shows_changes_and_keeps(library: Library) -> None:
    at = ("--site", library.folder)
    made = run_museion("collections", "make", "Shore", "--query", "tag:sea", *at).out.strip()

    assert f"{made}  Shore  = tag:sea\n" in run_museion("collections", "list", *at).out
    shown = run_museion("collections", "show", made, *at).out
    assert shown.startswith("Shore  = tag:sea  (2)\n")
    assert library.ids["a.jpg"] in shown

    run_museion("collections", "change", made, "--query", "type:document", *at)
    (row,) = run_museion("collections", "show", made, *at, "--json").rows
    assert [item["id"] for item in row["items"]] == [library.ids["d.pdf"]]

    kept = run_museion("collections", "change", made, "--no-query", "--name", "Coast", *at)
    assert kept.out == "Coast  (1)\n"
    refused = run_museion("collections", "change", made, *at, status=None)
    assert refused.status != 0
    assert "what to change" in refused.err


def test_the_command_line_takes_either_assets_or_a_query(library: Library) -> None:
    at = ("--site", library.folder)

    refused = run_museion(
        "collections", "make", "Both", library.ids["a.jpg"], "--query", "tag:sea", *at, status=None
    )

    assert refused.status != 0
    assert "--query" in refused.err


def test_relative_days_are_counted_from_the_day_of_opening(library: Library) -> None:
    collection = library.make("Lately", "yesterday")

    assert library.members(collection) == {"d.pdf"}
    assert library.ask("GET", f"/api/collections/{collection}")["query"] == "yesterday"
