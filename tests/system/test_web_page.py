"""The web page in a real headless browser: what a person sees and does, with mouse and keys."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from running_site import ServedSite, run_museion, serving, wait_until
from sample_library import LIBRARY, entries, told

from museion.testing.media import break_file, make_sample

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page
    from real_browser import Visit

pytestmark = pytest.mark.browser

DOGS = "P1050912.jpg"
DOGS_WORDS = "two dogs looking out of a window"
MOST_LAYOUT_SHIFT = 0.02
"""Cumulative layout shift; 0.1 is commonly called good. The page knows every size beforehand."""
MOST_TABS = 12
"""From the search box, past the buttons and the chips, to the first hit."""


@pytest.fixture
def visit(browser: Browser, library_server: ServedSite) -> Iterator[Visit]:
    """A page at the sample library; the browser may complain of nothing meanwhile."""
    from real_browser import visiting

    with visiting(browser, library_server.url) as page_visit:
        _tiles(page_visit.page).first.wait_for()
        yield page_visit
        assert page_visit.complaints == []


@pytest.fixture
def own_visit(browser: Browser, served: ServedSite) -> Iterator[Visit]:
    """A page at an empty site, which a test may fill."""
    from real_browser import visiting

    with visiting(browser, served.url) as page_visit:
        page_visit.page.get_by_text("0 assets", exact=True).wait_for()
        yield page_visit
        assert page_visit.complaints == []


def test_the_grid_scrolls_through_everything_in_display_order(
    visit: Visit, library_server: ServedSite
) -> None:
    page = visit.page
    expected = [item["id"] for item in library_server.get("/api/assets", limit=500)["items"]]
    seen: dict[int, str] = {}

    def look() -> bool:
        found = page.eval_on_selector_all(
            "[data-testid=tile][data-id]",
            "tiles => tiles.map(t => [+t.dataset.index, t.dataset.id])",
        )
        seen.update(dict(found))
        page.get_by_test_id("grid").evaluate("grid => grid.scrollBy(0, 500)")
        return len(seen) == len(expected)

    wait_until(look, "every asset was on the screen")

    assert [seen[index] for index in sorted(seen)] == expected


def test_every_tile_in_sight_gets_its_picture(visit: Visit) -> None:
    page = visit.page
    for place in ("first", "last"):
        if place == "last":
            page.keyboard.press("ArrowDown")
            page.keyboard.press("End")
            page.locator(f"[data-testid=tile][data-index='{len(entries()) - 1}']").wait_for()
        wait_until(lambda: _blank_tiles(page) == 0, f"the {place} tiles show their pictures")

    assert _tiles(page).count() > 5


def test_nothing_jumps_while_the_page_is_drawn_and_scrolled(visit: Visit) -> None:
    page = visit.page
    page.reload()
    _tiles(page).first.wait_for()
    wait_until(lambda: _blank_tiles(page) == 0, "the tiles show their pictures")
    for _ in range(5):
        page.mouse.wheel(0, 400)
        wait_until(lambda: _blank_tiles(page) == 0, "the tiles show their pictures")

    shift = page.evaluate(
        "() => new Promise(done => new PerformanceObserver(list => done(list.getEntries()"
        ".filter(e => !e.hadRecentInput).reduce((sum, e) => sum + e.value, 0)))"
        ".observe({type: 'layout-shift', buffered: true}) || setTimeout(() => done(0), 500))"
    )

    assert shift <= MOST_LAYOUT_SHIFT


def test_an_answer_says_why_and_shows_how_the_query_was_understood(visit: Visit) -> None:
    page = visit.page
    _search(page, f"{DOGS_WORDS} type:photo")
    first = _tiles(page).first
    page.get_by_test_id("chip").filter(has_text="photo").wait_for()

    assert page.get_by_test_id("chip").count() == 2
    assert re.search(
        r"the picture fits the words|the caption says", first.get_attribute("aria-label") or ""
    )
    assert re.search(r"\d+ hits", page.locator("[aria-live=polite]").first.inner_text())

    page.get_by_test_id("chip").filter(has_text="photo").get_by_label("Remove").click()
    page.wait_for_function("() => document.querySelectorAll('[data-testid=chip]').length === 1")

    assert page.get_by_test_id("search-box").input_value() == DOGS_WORDS


def test_a_filter_that_cannot_be_read_is_explained(visit: Visit) -> None:
    page = visit.page
    _type(page, "rating:plenty")
    page.get_by_text("expected stars from 0 to 5").wait_for()

    # The browser notes every answer of 400 by itself.
    assert all("400" in complaint for complaint in visit.complaints)
    visit.complaints.clear()


def test_an_answer_has_an_address_and_back_leads_back(visit: Visit) -> None:
    page = visit.page
    _search(page, DOGS_WORDS)
    hits = _ids(page)

    page.reload()
    _tiles(page).first.wait_for()
    assert _ids(page)[:5] == hits[:5]

    page.go_back()
    page.get_by_text(f"{len(entries())} assets", exact=True).wait_for()
    assert page.get_by_test_id("search-box").input_value() == ""


def test_a_query_is_completed_while_it_is_typed(visit: Visit) -> None:
    page = visit.page
    box = page.get_by_test_id("search-box")
    box.press_sequentially("cam")
    page.get_by_role("option").filter(has_text="taken with a camera").wait_for()
    page.keyboard.press("Tab")
    box.press_sequentially("dmc-gx8")
    page.get_by_role("option").filter(has_text="Panasonic DMC-GX80").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_test_id("chip").wait_for()

    assert box.input_value().strip() == 'camera:"Panasonic DMC-GX80"'
    page.wait_for_function("() => document.querySelectorAll('[data-testid=tile]').length === 1")


def test_the_viewer_shows_the_asset_with_its_metadata(
    visit: Visit, library_server: ServedSite
) -> None:
    page = visit.page
    asset_id = _search(page, DOGS_WORDS)
    _tiles(page).first.click()
    panel = page.get_by_test_id("info-panel")
    panel.get_by_text(DOGS, exact=True).first.wait_for()
    text = panel.inner_text()
    written = told(DOGS)

    for value in (
        written["title"],
        written["caption"],
        written["city"],
        "DMC-GX80",
        "f/5.6",
        "1/200 s",
    ):
        assert value in text
    for keyword in written["keywords"]:
        assert keyword in text
    assert asset_id in page.url
    picture = page.get_by_test_id("viewer").locator("img.over")
    assert picture.evaluate("image => image.decode().then(() => image.naturalHeight)") == 1280


def test_more_like_this_leads_on(visit: Visit) -> None:
    page = visit.page
    asset_id = _search(page, DOGS_WORDS)
    _tiles(page).first.click()
    similar = page.get_by_test_id("similar-strip").get_by_role("link")
    similar.first.wait_for()
    similar.first.click()
    page.wait_for_function(f"() => !location.search.includes('{asset_id}')")

    page.keyboard.press("l")
    page.get_by_test_id("chip").filter(has_text="Like").wait_for()
    _tiles(page).first.wait_for()

    assert "like=" in page.url
    assert _tiles(page).count() > 5


def test_everything_can_be_done_with_the_keyboard(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("/")
    page.keyboard.type(DOGS_WORDS)
    page.keyboard.press("Enter")
    _hits_of(page, DOGS_WORDS)
    first, second = _ids(page)[:2]

    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if _focused(page):
            break
    assert _focused(page) == first
    page.keyboard.press("ArrowRight")
    assert _focused(page) == second
    page.keyboard.press("Enter")
    page.get_by_test_id("viewer").wait_for()
    assert second in page.url
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**{first}**")
    page.get_by_test_id("info-panel").wait_for()
    page.keyboard.press("i")
    page.get_by_test_id("info-panel").wait_for(state="detached")
    page.keyboard.press("Escape")
    page.get_by_test_id("viewer").wait_for(state="detached")
    wait_until(lambda: _focused(page) == first, "the focus is back at the tile")
    page.keyboard.press("Escape")
    page.get_by_text(f"{len(entries())} assets", exact=True).wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_text("Previous, next").wait_for()


def test_every_control_has_a_name_and_every_picture_a_text(visit: Visit) -> None:
    page = visit.page
    _search(page, DOGS_WORDS)
    unnamed = (
        "() => [...document.querySelectorAll('button, a, input')].filter("
        "e => !(e.ariaLabel || e.innerText.trim() || e.labels?.length)).map(e => e.outerHTML)"
    )

    assert page.evaluate(unnamed) == []
    _tiles(page).first.click()
    page.get_by_test_id("similar-strip").get_by_role("link").first.wait_for()
    assert page.evaluate(unnamed) == []
    assert page.evaluate("() => document.querySelectorAll('img:not([alt])').length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_system_in_light_and_dark(
    browser: Browser, library_server: ServedSite, scheme: Any
) -> None:
    from real_browser import visiting

    with visiting(browser, library_server.url, color_scheme=scheme) as visit:
        _tiles(visit.page).first.wait_for()

        assert (_brightness(visit.page) > 128) is (scheme == "light")
        assert visit.complaints == []


def test_a_chosen_theme_is_remembered(visit: Visit) -> None:
    page = visit.page
    switch = page.get_by_test_id("theme-switch")
    while switch.get_attribute("data-theme-choice") != "dark":
        switch.click()
    page.reload()
    _tiles(page).first.wait_for()

    assert switch.get_attribute("data-theme-choice") == "dark"
    assert _brightness(page) < 128


@pytest.mark.parametrize(("width", "height"), [(390, 844), (2560, 1440)])
def test_the_page_fits_a_telephone_and_a_large_screen(
    browser: Browser, library_server: ServedSite, width: int, height: int
) -> None:
    from real_browser import visiting

    size = {"width": width, "height": height}
    with visiting(browser, library_server.url, viewport=size) as visit:
        _tiles(visit.page).first.wait_for()
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        row = visit.page.get_by_role("row").first
        edges = row.evaluate("row => row.lastElementChild.getBoundingClientRect().right")

        assert visit.page.evaluate(overflow) == 0
        assert width * 0.8 < edges <= width
        assert visit.complaints == []


def test_dropped_files_are_uploaded_with_progress_and_appear(
    own_visit: Visit, tmp_path: Path
) -> None:
    """Two photos and a text that calls itself a photo: the tray tells the fate of each."""
    page = own_visit.page
    broken = break_file(make_sample("jpg", tmp_path / "notes.jpg"), "text")
    _drop(page, "body", [LIBRARY / DOGS, LIBRARY / "IMG_3921.jpg", broken])
    tray = page.get_by_test_id("upload-tray")
    tray.locator("[data-testid=upload-item][data-state=archived]").nth(1).wait_for()
    refused = tray.locator("[data-testid=upload-item][data-state=refused]")
    refused.wait_for()

    assert "plain text" in refused.inner_text()
    page.get_by_text("2 assets", exact=True).wait_for()
    wait_until(lambda: _tiles(page).locator("img").count() == 2, "both have a thumbnail")
    assert all("415" in complaint for complaint in own_visit.complaints)
    own_visit.complaints.clear()


def test_the_same_file_dropped_again_is_known_already(own_visit: Visit, served: ServedSite) -> None:
    page = own_visit.page
    items = page.get_by_test_id("upload-tray").get_by_test_id("upload-item")
    _drop(page, "body", [LIBRARY / DOGS])
    page.get_by_test_id("upload-item").get_by_text("In the archive").wait_for()
    _drop(page, "body", [LIBRARY / DOGS])
    page.get_by_test_id("upload-item").get_by_text("Already known").wait_for()

    assert items.count() == 2
    page.get_by_text("1 asset", exact=True).wait_for()
    served.settle()
    items.first.get_by_role("button", name="Show").click()
    page.get_by_test_id("viewer").wait_for()


def test_an_asset_that_is_looked_at_while_it_is_enriched_fills_by_itself(
    own_visit: Visit, library: Path
) -> None:
    """Opened right after it was dropped; metadata and look-alikes come without opening it again."""
    page = own_visit.page
    _drop(page, "body", [library / "IMG_3921.jpg", library / DOGS])
    dropped = page.get_by_test_id("upload-item").filter(has_text=DOGS)
    dropped.get_by_role("button", name="Show").click()
    panel = page.get_by_test_id("info-panel")

    panel.get_by_text(told(DOGS)["caption"]).wait_for()
    page.get_by_test_id("similar-strip").get_by_role("link").wait_for()
    # The browser notes by itself that look-alikes could not be told at first.
    assert all("409" in complaint for complaint in own_visit.complaints)
    own_visit.complaints.clear()


def test_files_can_be_chosen_instead_of_dropped(own_visit: Visit) -> None:
    page = own_visit.page
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Add photos").first.click()
    choosing.value.set_files([LIBRARY / DOGS])

    page.get_by_text("1 asset", exact=True).wait_for()


def test_a_picture_dropped_on_the_search_box_is_searched_by(visit: Visit) -> None:
    page = visit.page
    _drop(page, "[data-testid=search-box]", [LIBRARY / DOGS])
    page.get_by_test_id("chip").filter(has_text="your picture").wait_for()
    _tiles(page).first.wait_for()

    _tiles(page).first.click()
    page.get_by_test_id("info-panel").get_by_text(DOGS, exact=True).first.wait_for()


def test_new_assets_appear_by_themselves_without_moving_what_one_looks_at(
    browser: Browser, library_site: Path, tmp_path: Path
) -> None:
    import shutil

    from real_browser import visiting

    site = shutil.copytree(library_site, tmp_path / "site")
    newest = make_sample("jpg", tmp_path / "new.jpg", seed=7)
    with serving(site) as served, visiting(browser, served.url) as visit:
        page = visit.page
        _tiles(page).first.wait_for()
        page.get_by_test_id("grid").evaluate("grid => grid.scrollTo(0, 1500)")
        watched = page.locator("[data-testid=tile][data-index='30']")
        watched.wait_for()
        asset_id, before = watched.get_attribute("data-id"), watched.bounding_box()
        served.upload(newest.read_bytes(), newest.name)
        page.get_by_text(f"{len(entries()) + 1} assets", exact=True).wait_for()
        after = page.locator(f"[data-testid=tile][data-id='{asset_id}']").bounding_box()

        assert before is not None
        assert after is not None
        assert abs(after["y"] - before["y"]) < before["height"]
        assert visit.complaints == []


def test_quarantine_says_what_why_and_what_to_do(
    own_visit: Visit, served: ServedSite, tmp_path: Path
) -> None:
    page = own_visit.page
    broken = break_file(make_sample("png", tmp_path / "torn.png"), "cut-50")
    served.upload(broken.read_bytes(), broken.name)
    page.get_by_test_id("quarantine-link").click()
    page.get_by_role("heading", name="torn.png").wait_for()
    (entry,) = served.get("/api/quarantine")

    assert entry["reason"] in page.locator("main").inner_text()
    assert entry["remedy"] in page.locator("main").inner_text()
    page.get_by_role("button", name="Retry all").click()
    page.get_by_text("1 file tried again.").wait_for()


def test_the_page_tells_when_the_site_is_gone_and_goes_on_when_it_is_back(
    browser: Browser, new_site: Path
) -> None:
    from real_browser import visiting

    with serving(new_site) as served:
        port = served.url.rsplit(":", 1)[1]
        with visiting(browser, served.url) as visit:
            page = visit.page
            page.get_by_text("0 assets", exact=True).wait_for()
            served.process.terminate()
            page.locator("[role=alert].shown").wait_for()
            served.process.wait(15)
            with serving(new_site, "--port", port):
                page.locator("[role=alert].shown").wait_for(state="detached")
                run_museion("ingest", "--site", new_site, LIBRARY / DOGS)
                page.get_by_text("1 asset", exact=True).wait_for()


def _search(page: Page, words: str) -> str:
    """Type words and return the id of the first hit."""
    _type(page, words)
    _hits_of(page, words)
    return _ids(page)[0]


def _type(page: Page, words: str) -> None:
    box = page.get_by_test_id("search-box")
    box.fill(words)
    box.press("Enter")


def _hits_of(page: Page, words: str) -> None:
    page.wait_for_function("words => new URL(location).searchParams.get('q') === words", arg=words)
    page.locator("[role=grid][aria-label=Hits][aria-busy=false]").wait_for(state="attached")
    page.locator("[data-testid=tile][data-index='0'][data-id]").wait_for()


def _tiles(page: Page) -> Locator:
    return page.get_by_test_id("tile")


def _ids(page: Page) -> list[str]:
    """Return the ids of the drawn tiles, in order."""
    found = page.eval_on_selector_all(
        "[data-testid=tile][data-id]", "tiles => tiles.map(t => [+t.dataset.index, t.dataset.id])"
    )
    return [asset_id for _, asset_id in sorted(found)]


def _focused(page: Page) -> str | None:
    focused: str | None = page.evaluate("document.activeElement.dataset.id ?? null")
    return focused


def _blank_tiles(page: Page) -> int:
    """Return how many tiles that can be seen lack their picture."""
    blank: int = page.get_by_test_id("grid").evaluate(
        "grid => { const seen = grid.getBoundingClientRect();"
        " return [...grid.querySelectorAll('[data-testid=tile]')].filter(tile => {"
        "  const box = tile.getBoundingClientRect(), image = tile.querySelector('img');"
        "  return box.bottom > seen.top && box.top < seen.bottom && !(image?.naturalWidth > 0);"
        " }).length; }"
    )
    return blank


def _brightness(page: Page) -> float:
    """Return the mean of the page's background colour, 0 to 255."""
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    parts = [float(part) for part in re.findall(r"[\d.]+", colour)[:3]]
    return sum(parts) / 3


def _drop(page: Page, target: str, files: list[Path]) -> None:
    """Drop files on an element, as a file manager would."""
    contents = [(path.name, base64.b64encode(path.read_bytes()).decode()) for path in files]
    transfer = page.evaluate_handle(
        "files => { const transfer = new DataTransfer(); for (const [name, content] of files) {"
        " const bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0));"
        " transfer.items.add(new File([bytes], name)); } return transfer; }",
        contents,
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event(target, event, {"dataTransfer": transfer})
