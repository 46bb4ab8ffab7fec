"""Sites in the web page, in a real headless browser: two connected, one cut off, one alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from running_site import ServedSite, run_museion, serving, wait_until
from sample_library import LIBRARY

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PHOTOS = 4
"""So many that the last does not stand beside the first, where the viewer would fetch it ahead."""


class Network(NamedTuple):
    """Vienna holds everything; Graz reads from it, and fetches blobs when somebody asks."""

    vienna: ServedSite
    graz: ServedSite
    line: ExitStack
    """Closing it stops Vienna."""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Two connected sites. The last test cuts the line between them."""
    folder = tmp_path_factory.mktemp("network")
    for name in ("Vienna", "Graz"):
        run_museion("init", folder / name, "--name", name)
    _set(folder / "Graz", 'blobs = "on-demand"')
    with ExitStack() as line, serving(folder / "Graz") as graz:
        vienna = line.enter_context(serving(folder / "Vienna"))
        (invitation,) = run_museion("sites", "invite", "--site", vienna.folder, "--json").rows
        run_museion("sites", "join", invitation["code"], "--site", graz.folder)
        for photo in sorted(LIBRARY.glob("*.jpg"))[:PHOTOS]:
            vienna.upload(photo.read_bytes(), photo.name)
        vienna.settle()
        wait_until(lambda: graz.status()["assets"] == PHOTOS, "Graz has heard of all photos")
        yield Network(vienna, graz, line)


def test_a_site_alone_is_told_how_to_let_another_one_in(
    browser: Browser, served: ServedSite
) -> None:
    from real_browser import visiting

    with visiting(browser, f"{served.url}/sites") as visit:
        told = visit.page.get_by_test_id("no-sites")
        told.wait_for()

        assert "museion sites invite" in told.inner_text()
        assert "museion sites join CODE" in told.inner_text()
        assert visit.complaints == []


def test_the_map_shows_both_sites_and_both_ways_and_that_all_is_well(
    browser: Browser, network: Network
) -> None:
    from real_browser import visiting

    with visiting(browser, network.graz.url) as visit:
        page = visit.page
        page.get_by_test_id("sites-link").click()
        page.locator("[data-testid=site-card][data-state=up-to-date]").wait_for()
        # A level line has no height, so it is not "visible".
        page.locator("[data-testid=map-link][data-tone=good]").first.wait_for(state="attached")

        ways = page.get_by_test_id("map-link").locator("title").all_text_contents()
        assert sorted(ways) == ["Graz → Vienna", "Vienna → Graz"]
        names = page.get_by_test_id("map-node").evaluate_all("n => n.map(e => e.ariaLabel)")

        assert names == ["Graz: This site", "Vienna: Up to date"]
        assert page.get_by_test_id("lag").inner_text() == "nothing behind"
        assert visit.complaints == []


def test_the_map_and_the_cards_go_together_and_everything_has_a_name(
    browser: Browser, network: Network
) -> None:
    from real_browser import visiting

    with visiting(browser, f"{network.graz.url}/sites") as visit:
        page = visit.page
        page.get_by_test_id("map-node").nth(1).focus()
        page.keyboard.press("Enter")
        page.locator("[data-testid=site-card].chosen").wait_for()
        unnamed = (
            "() => [...document.querySelectorAll('button, a, input, [role=button]')].filter("
            "e => !(e.ariaLabel || (e.innerText || '').trim() || e.labels?.length)).length"
        )

        assert page.evaluate(unnamed) == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_the_sites_page_fits_a_telephone_and_a_desk(
    browser: Browser, network: Network, width: int
) -> None:
    from real_browser import visiting

    size = {"width": width, "height": 844}
    with visiting(browser, f"{network.graz.url}/sites", viewport=size) as visit:
        visit.page.get_by_test_id("site-card").wait_for()
        page = visit.page.get_by_test_id("sites-page")

        assert page.evaluate("e => e.scrollWidth - e.clientWidth") == 0
        box = visit.page.get_by_test_id("sites-map").bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width


def test_a_picture_of_another_site_comes_when_somebody_looks(
    browser: Browser, network: Network
) -> None:
    from real_browser import visiting

    first = network.graz.get("/api/assets")["items"][0]
    with visiting(browser, f"{network.graz.url}/?asset={first['id']}") as visit:
        _preview_is_shown(visit.page)

        assert visit.complaints == []


def test_a_cut_line_is_explained_and_what_is_missing_comes_by_itself_when_it_is_back(
    browser: Browser, network: Network
) -> None:
    from real_browser import visiting

    vienna, graz = network.vienna, network.graz
    port = vienna.url.rsplit(":", 1)[1]
    last = graz.get("/api/assets")["items"][-1]
    network.line.close()
    with visiting(browser, f"{graz.url}/sites") as visit:
        page = visit.page
        page.get_by_test_id("site-error").wait_for()
        card = page.get_by_test_id("site-card").inner_text()

        assert "Vienna" in card
        assert "can go on working" in card
        page.goto(f"{graz.url}/?asset={last['id']}")
        absent = page.get_by_test_id("viewer").get_by_test_id("not-here")
        absent.wait_for()
        assert absent.get_by_role("button").count() == 1
        with serving(vienna.folder, "--port", port):
            _preview_is_shown(page)
            assert all("503" in complaint for complaint in visit.complaints)


def _set(site: Path, line: str) -> None:
    """Write a line into the settings of a site."""
    settings = site / "museion.toml"
    settings.write_text(f"{line}\n{settings.read_text('utf-8')}", "utf-8")


def _preview_is_shown(page: Page) -> None:
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-testid=viewer] .frame img.sharp')]"
        ".some(image => image.naturalWidth > 0)"
    )
