"""Finding in the web page, in a real headless browser: chips, reasons, moments and duplicates."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from finding_site import DOGS, SAID, SCENE_S, SHOWN, make_finding_site
from running_site import ServedSite, serving, wait_until

from museion.archive.asset import AssetId

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page
    from real_browser import Visit

pytestmark = pytest.mark.browser

NAME = "Anna"
MAKING_LIMIT_S = 60.0
PHOTOS = (*SHOWN, "20220216_143107.jpg", "IMG_2050.jpg", "DSCF1046.jpg", "DSC_0613.jpg")
DOG = "good dog"
PLAIN = "a dog, no adults, landscape"


@pytest.fixture(scope="module")
def ids() -> dict[str, AssetId]:
    """Return the id of each asset by its file name; filled by `office`."""
    return {}


@pytest.fixture(scope="module")
def office(
    library: Path, tmp_path_factory: pytest.TempPathFactory, ids: dict[str, AssetId]
) -> Iterator[ServedSite]:
    """A small served site, to be searched and changed."""
    folder = tmp_path_factory.mktemp("finding")
    making = make_finding_site(folder, [library / name for name in PHOTOS])
    with ThreadPoolExecutor(1) as thread:  # the browser has an event loop of its own in this one
        ids.update(thread.submit(asyncio.run, making).result(MAKING_LIMIT_S))
    with serving(folder / "site") as served:
        yield served


@pytest.fixture
def visit(browser: Browser, office: ServedSite) -> Iterator[Visit]:
    """A page at the site; the browser may complain of nothing meanwhile."""
    from real_browser import visiting

    with visiting(browser, office.url) as page_visit:
        _tiles(page_visit.page).first.wait_for()
        yield page_visit
        assert page_visit.complaints == []


@pytest.fixture
def page_of_anna(visit: Visit) -> Page:
    """The page, used by somebody who has said her name before."""
    visit.page.evaluate(
        "name => localStorage.setItem('museion.preferences', JSON.stringify({person: name}))", NAME
    )
    visit.page.reload()
    return visit.page


def test_parts_in_plain_words_become_chips_that_can_be_kept_as_words(visit: Visit) -> None:
    page = visit.page
    _ask(page, PLAIN)
    chips = page.get_by_test_id("chip")
    assert [chips.nth(at).get_attribute("data-kind") for at in range(chips.count())] == [
        "text",
        "without",
        "orientation",
    ]

    chips.nth(1).locator("[data-chip]").click()
    page.get_by_role("menuitem", name="Search as words").click()

    wait_until(lambda: _query(page) == r"a dog, \no \adults, landscape", "the words are kept")


def test_a_chip_is_changed_and_taken_away_by_keyboard(visit: Visit) -> None:
    page = visit.page
    _ask(page, PLAIN)
    page.get_by_test_id("chip").first.locator("[data-chip]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Delete")
    wait_until(lambda: _query(page) == "a dog, landscape", "the second part is gone")
    page.get_by_test_id("chip").nth(2).wait_for(state="detached")

    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_role("menuitemradio", name="portrait").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    wait_until(lambda: _query(page) == "a dog, orientation:portrait", "another value is chosen")


def test_what_fits_stands_before_what_may_fit_and_the_end_is_told(
    visit: Visit, office: ServedSite
) -> None:
    page = visit.page
    answer = office.get("/api/search", q=DOG)
    weak = len(answer["hits"]) - answer["strong"]
    assert answer["strong"] > 0
    assert weak > 0

    _ask(page, DOG)

    headings = page.get_by_test_id("grid").get_by_role("heading")
    assert headings.nth(0).inner_text().split("\n")[0].startswith("These fit")
    assert headings.nth(1).inner_text().split("\n")[0].startswith("These may fit")
    assert headings.nth(1).inner_text().endswith(str(weak))
    assert page.get_by_test_id("answer-end").inner_text().startswith("Nothing else fits")


def test_where_nothing_fits_each_part_can_be_taken_away(visit: Visit) -> None:
    page = visit.page
    _type(page, "zebra crossing after:2030")
    parts = page.get_by_test_id("without-parts").get_by_role("button")
    parts.nth(1).wait_for()
    assert parts.count() == 2

    parts.nth(1).click()

    wait_until(lambda: _query(page) == "zebra crossing", "one part is gone")


def test_look_alikes_lie_behind_one_hit_until_they_are_asked_for(
    visit: Visit, ids: dict[str, AssetId]
) -> None:
    page = visit.page
    _ask(page, DOG)
    assert _tile(page, ids["small-dogs.jpg"]).count() == 0

    _tile(page, ids[DOGS]).focus()
    page.keyboard.press("s")
    _tile(page, ids["small-dogs.jpg"]).wait_for()
    page.keyboard.press("s")

    _tile(page, ids["small-dogs.jpg"]).wait_for(state="detached")


def test_the_viewer_tells_all_reasons_and_shows_where_the_picture_fits(
    visit: Visit, office: ServedSite
) -> None:
    page = visit.page
    _ask(page, DOG)
    (first, *_) = office.get("/api/search", q=DOG)["hits"]
    _tile(page, first["id"]).click()
    reasons = page.get_by_test_id("reasons").get_by_role("listitem")
    reasons.nth(len(first["why"]) - 1).wait_for()
    told = reasons.all_inner_texts()
    page.keyboard.press("w")
    heat = page.get_by_test_id("heat-map")
    heat.wait_for()

    assert [each.lower() for each in told] == [each["text"].lower() for each in first["why"]]
    drawn = heat.locator("canvas").evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, 96, 96).data.filter((_, at) =>"
        " at % 4 === 3).reduce((most, opacity) => Math.max(most, opacity))"
    )
    assert drawn > 100
    page.keyboard.press("w")
    heat.wait_for(state="detached")


def test_a_film_shows_the_moment_that_fits_and_plays_from_another(
    visit: Visit, ids: dict[str, AssetId]
) -> None:
    page = visit.page
    _ask(page, DOG)
    tile = _tile(page, ids["film.mp4"])
    assert "/frame?at=" in (tile.locator("img").get_attribute("src") or "")
    assert "00:00:00" in tile.inner_text()

    tile.click()
    frames = page.get_by_test_id("moments").get_by_role("button")
    frames.nth(2).click()

    film = page.get_by_test_id("viewer").locator("video")
    wait_until(
        lambda: bool(film.evaluate("film => film.currentTime") >= 2 * SCENE_S), "it plays there"
    )
    assert frames.count() == len(SHOWN) + 1


def test_a_recording_is_found_by_what_is_said_and_marks_the_words(
    visit: Visit, ids: dict[str, AssetId]
) -> None:
    page = visit.page
    _ask(page, "lighthouse")
    _tile(page, ids["tone.mp3"]).click()
    moments = page.get_by_test_id("moments")
    moments.get_by_text(SAID.removesuffix("lighthouse")).wait_for()

    assert moments.locator("mark").all_inner_texts() == ["lighthouse"]
    assert page.get_by_test_id("viewer").locator("audio").count() == 1


def test_a_document_opens_at_the_page_that_says_it(visit: Visit, ids: dict[str, AssetId]) -> None:
    page = visit.page
    _ask(page, "lighthouse")
    _tile(page, ids["contract.pdf"]).click()
    shown = page.get_by_test_id("viewer").locator("img.over")
    shown.wait_for()

    assert (shown.get_attribute("src") or "").endswith("/page?number=2")
    marks = page.get_by_test_id("reasons").locator("mark")
    marks.first.wait_for()
    assert marks.all_inner_texts() == ["lighthouse"]
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


def test_more_like_this_takes_words_as_well(visit: Visit, ids: dict[str, AssetId]) -> None:
    page = visit.page
    page.goto(f"/?like={ids[DOGS]}")
    _tiles(page).first.wait_for()
    _type(page, "german shepherd")
    page.wait_for_function("() => location.search.includes('german')")
    page.locator("[role=grid][aria-label=Hits][aria-busy=false]").wait_for(state="attached")

    kinds = page.get_by_test_id("chip")
    assert [kinds.nth(at).get_attribute("data-kind") for at in range(2)] == ["like", "text"]
    assert f"like={ids[DOGS]}" in page.url


def test_a_verdict_is_told_by_key_and_stays(page_of_anna: Page, office: ServedSite) -> None:
    page = page_of_anna
    _ask(page, DOG)
    page.get_by_test_id("judge-switch").click()
    first, second = (hit["id"] for hit in office.get("/api/search", q=DOG)["hits"][:2])
    _tile(page, first).focus()
    page.keyboard.press("+")
    page.keyboard.press("-")
    wait_until(
        lambda: len(office.get("/api/judgements", q=DOG)["items"]) == 2, "the site knows both"
    )

    told = {each["asset_id"]: each for each in office.get("/api/judgements", q=DOG)["items"]}
    assert {key: each["verdict"] for key, each in told.items()} == {first: 1, second: -1}
    assert {each["by"] for each in told.values()} == {NAME}
    page.reload()
    _tile(page, first).wait_for()
    page.get_by_test_id("judge-switch").click()
    page.get_by_text("2 judged").wait_for()


def test_a_search_is_saved_and_opened_again(page_of_anna: Page, office: ServedSite) -> None:
    page = page_of_anna
    _ask(page, PLAIN)
    page.get_by_test_id("save-search").click()
    page.get_by_test_id("search-name").fill("Dogs alone")
    page.keyboard.press("Enter")
    page.get_by_test_id("saved-search").click()
    saved = page.get_by_test_id("collection").filter(has_text="Dogs alone")
    saved.get_by_text("Saved search").wait_for()
    saved.click()

    (kept,) = office.get("/api/collections")
    wait_until(lambda: _query(page) == kept["query"], "it is asked again")
    assert "without:adults" in kept["query"]


def test_duplicates_are_kept_and_taken_back_by_keyboard(
    page_of_anna: Page, office: ServedSite, ids: dict[str, AssetId]
) -> None:
    page = page_of_anna
    page.get_by_test_id("duplicates-link").click()
    members = page.get_by_test_id("duplicate")
    members.nth(1).wait_for()
    kept = page.get_by_role("radio", checked=True)
    page.keyboard.press("2")
    wait_until(lambda: kept.inner_text().endswith("2"), "the second is chosen")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.get_by_test_id("no-duplicates").wait_for()
    assert office.get("/api/duplicates")["total"] == 0

    page.keyboard.press("z")
    members.nth(1).wait_for()

    (group,) = office.get("/api/duplicates")["items"]
    assert {each["id"] for each in group["members"]} == {ids[DOGS], ids["small-dogs.jpg"]}


def _ask(page: Page, words: str) -> None:
    """Type words and wait for their hits."""
    _type(page, words)
    page.wait_for_function("words => new URL(location).searchParams.get('q') === words", arg=words)
    page.locator("[role=grid][aria-label=Hits][aria-busy=false]").wait_for(state="attached")
    page.locator("[data-testid=tile][data-index='0'][data-id]").wait_for()


def _type(page: Page, words: str) -> None:
    box = page.get_by_test_id("search-box")
    box.fill(words)
    box.press("Enter")


def _query(page: Page) -> str:
    query: str = page.evaluate("new URL(location).searchParams.get('q')")
    return query


def _tiles(page: Page) -> Locator:
    return page.get_by_test_id("tile")


def _tile(page: Page, asset_id: str) -> Locator:
    return page.locator(f"[data-testid=tile][data-id='{asset_id}']")
