"""Conflicts and changes by people in the web page, in a real headless browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from running_site import ServedSite, run_museion, serving, wait_until

from museion.testing.media import make_sample

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page
    from real_browser import Visit

pytestmark = pytest.mark.browser

NAME = "Anna"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    """A served site, to be changed."""
    site = tmp_path_factory.mktemp("conflicts") / "site"
    run_museion("init", site, "--name", "Vienna")
    with serving(site) as served:
        yield served


@pytest.fixture
def asset(office: ServedSite, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A new asset; the test's name makes its content another one each time."""
    sample = make_sample("jpg", tmp_path / "a.jpg", metadata={"creator": request.node.name})
    identifier: str = office.upload(sample.read_bytes(), f"{request.node.name[:40]}.jpg")["id"]
    office.settle()
    return identifier


@pytest.fixture
def visit(browser: Browser, office: ServedSite) -> Iterator[Visit]:
    """A page at the site, of a person who has not said who they are; no conflict is left over."""
    from real_browser import visiting

    _settle_all(office)
    with visiting(browser, office.url) as page_visit:
        yield page_visit
        assert page_visit.complaints == []


def test_a_conflict_shows_both_versions_with_who_and_where_and_what_differs(
    visit: Visit, office: ServedSite, asset: str
) -> None:
    page = visit.page
    _conflict(office, asset, "Two boats at dawn", "Three boats at dawn")
    page.get_by_test_id("conflicts-link").click()
    first, second = _versions(page)

    assert page.get_by_test_id("conflicts-link").inner_text().strip().startswith("1")
    assert first.locator("mark").all_inner_texts() == ["Three"]
    assert second.locator("mark").all_inner_texts() == ["Two"]
    assert "Bob in Vienna" in first.inner_text()
    assert "Ann in Vienna" in second.inner_text()
    assert page.get_by_test_id("conflict").locator("img").evaluate("i => i.naturalWidth") > 0


def test_a_conflict_is_settled_with_the_keyboard_and_the_next_one_comes(
    visit: Visit, office: ServedSite, asset: str, tmp_path: Path
) -> None:
    page = visit.page
    sample = make_sample("png", tmp_path / "b.png", seed=11)
    other = office.upload(sample.read_bytes(), "b.png")["id"]
    office.settle()
    _conflict(office, other, "Red", "Blue")
    _conflict(office, asset, "Dawn", "Dusk")
    page.goto(f"{office.url}/conflicts")
    _shown(page, asset)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    _say_name(page)
    _shown(page, other)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_test_id("nothing-to-decide").wait_for()
    page.get_by_role("button", name="Back to the grid").click()

    _wait_for_caption(office, asset, "Dawn")
    _wait_for_caption(office, other, "Red")
    assert office.get("/api/conflicts")["total"] == 0
    assert office.get(f"/api/assets/{asset}")["changes"][0]["by"] == NAME
    page.get_by_test_id("conflicts-link").wait_for(state="detached")


def test_a_decision_is_kept_when_the_page_is_left_at_once(
    visit: Visit, office: ServedSite, asset: str
) -> None:
    page = visit.page
    _know(page)
    _conflict(office, asset, "Dawn", "Dusk")
    page.goto(f"{office.url}/conflicts")
    _shown(page, asset)
    page.keyboard.press("Enter")
    page.get_by_test_id("nothing-to-decide").wait_for()
    page.goto("about:blank")

    _wait_for_caption(office, asset, "Dusk")


def test_a_decision_can_be_taken_back(visit: Visit, office: ServedSite, asset: str) -> None:
    page = visit.page
    _know(page)
    _conflict(office, asset, "Dawn", "Dusk")
    page.goto(f"{office.url}/conflicts")
    _shown(page, asset)
    page.keyboard.press("Enter")
    page.get_by_test_id("nothing-to-decide").wait_for()
    page.get_by_role("button", name="Undo").click()
    _shown(page, asset)

    assert office.get("/api/conflicts")["total"] == 1


def test_two_versions_are_merged_in_an_editor_that_begins_with_both(
    visit: Visit, office: ServedSite, asset: str
) -> None:
    page = visit.page
    _know(page)
    _conflict(office, asset, "Boats at dawn", "The old pier")
    page.goto(f"{office.url}/conflicts")
    _shown(page, asset)
    page.keyboard.press("m")
    editor = page.get_by_test_id("merge-editor")

    assert editor.input_value() == "The old pier\nBoats at dawn"
    editor.fill("Boats at dawn, at the old pier")
    editor.press("Control+Enter")
    page.get_by_test_id("nothing-to-decide").wait_for()
    page.get_by_role("button", name="Back to the grid").click()
    _wait_for_caption(office, asset, "Boats at dawn, at the old pier")


def test_the_viewer_marks_an_asset_in_conflict_and_leads_there(
    visit: Visit, office: ServedSite, asset: str
) -> None:
    page = visit.page
    _conflict(office, asset, "Dawn", "Dusk")
    page.goto(f"{office.url}/?asset={asset}")
    page.get_by_test_id("conflict-mark").click()
    _shown(page, asset)


def test_fields_tags_stars_and_comments_are_changed_where_they_are_shown(
    visit: Visit, office: ServedSite, asset: str
) -> None:
    page = visit.page
    page.goto(f"{office.url}/?asset={asset}")
    panel = page.get_by_test_id("info-panel")
    panel.get_by_role("button", name="Add the caption").click()
    panel.get_by_test_id("edit-caption").fill("Dawn over the harbour")
    panel.get_by_test_id("edit-caption").press("Control+Enter")
    _say_name(page)
    panel.get_by_text("Dawn over the harbour").wait_for()
    panel.get_by_test_id("add-tag").fill("sea, harbour")
    panel.get_by_test_id("add-tag").press("Enter")
    panel.get_by_test_id("tag").nth(1).wait_for()
    panel.get_by_role("button", name="4 of 5 stars").click()
    panel.get_by_test_id("add-comment").fill("Which harbour?")
    panel.get_by_test_id("add-comment").press("Control+Enter")
    panel.get_by_test_id("comment").wait_for()
    panel.get_by_role("button", name="Remove the tag sea").click()

    wait_until(lambda: _told(office, asset)["tags"] == ["harbour"], "the tag is gone")
    told = _told(office, asset)
    assert (told["caption"], told["rating"]) == ("Dawn over the harbour", 4)
    assert [each["text"] for each in told["comments"]] == ["Which harbour?"]
    assert {each["by"] for each in told["changes"]} == {NAME}


def test_a_change_of_an_older_state_becomes_a_conflict_instead_of_overwriting(
    visit: Visit, office: ServedSite, asset: str
) -> None:
    page = visit.page
    _know(page)
    page.goto(f"{office.url}/?asset={asset}")
    panel = page.get_by_test_id("info-panel")
    panel.get_by_role("button", name="Add the caption").click()
    panel.get_by_test_id("edit-caption").fill("Dawn")
    _send(office, "PATCH", f"/api/assets/{asset}", by="Bob", set={"caption": "Dusk"})
    panel.get_by_test_id("change").wait_for()  # the page has learnt of it meanwhile
    panel.get_by_role("button", name="Save").click()
    panel.get_by_text("Somebody changed the caption meanwhile").click()
    _shown(page, asset)

    texts = {each["text"] for each in office.get(f"/api/conflicts/{asset}:caption")["versions"]}
    assert texts == {"Dawn", "Dusk"}


def test_a_change_that_the_site_refuses_is_taken_back_and_explained(
    visit: Visit, office: ServedSite, asset: str
) -> None:
    page = visit.page
    _know(page)
    page.goto(f"{office.url}/?asset={asset}")
    panel = page.get_by_test_id("info-panel")
    panel.get_by_role("button", name="Add the title").click()
    panel.get_by_test_id("edit-title").fill("x" * 20_001)
    panel.get_by_role("button", name="Save").click()

    assert "20000 letters" in panel.get_by_test_id("edit-problem").inner_text()
    assert len(panel.get_by_test_id("edit-title").input_value()) == 20_001
    assert all("400" in complaint for complaint in visit.complaints)
    visit.complaints.clear()


def test_a_change_is_taken_back(visit: Visit, office: ServedSite, asset: str) -> None:
    page = visit.page
    _know(page)
    _send(office, "PATCH", f"/api/assets/{asset}", by="Bob", set={"caption": "Dusk"})
    page.goto(f"{office.url}/?asset={asset}")
    page.get_by_role("button", name="Take this change back").click()

    _wait_for_caption(office, asset, None)


def _conflict(office: ServedSite, asset: str, anns: str, bobs: str) -> None:
    """Let two people who look at the same state save different captions."""
    seen = _told(office, asset)["seen"]
    for by, caption in (("Ann", anns), ("Bob", bobs)):
        _send(office, "PATCH", f"/api/assets/{asset}", by=by, seen=seen, set={"caption": caption})


def _settle_all(office: ServedSite) -> None:
    for each in office.get("/api/conflicts")["items"]:
        choice = each["versions"][0]["id"]
        _send(office, "POST", f"/api/conflicts/{each['id']}/resolve", by="Ann", choice=choice)


def _send(office: ServedSite, method: str, path: str, **body: object) -> None:
    answer = office.http.request(method, path, json=body)
    assert answer.status_code == 200, answer.text


def _told(office: ServedSite, asset: str) -> dict[str, Any]:
    told: dict[str, Any] = office.get(f"/api/assets/{asset}")
    return told


def _wait_for_caption(office: ServedSite, asset: str, caption: str | None) -> None:
    wait_until(
        lambda: (
            _told(office, asset)["caption"] == caption and not _told(office, asset)["conflicts"]
        ),
        f"the caption is {caption}",
    )


def _shown(page: Page, asset: str) -> None:
    page.locator(f"[data-testid=conflict][data-id^='{asset}']").wait_for()


def _versions(page: Page) -> list[Locator]:
    page.get_by_test_id("conflict-version").nth(1).wait_for()
    return page.get_by_test_id("conflict-version").all()


def _say_name(page: Page) -> None:
    page.get_by_test_id("person-name").fill(NAME)
    page.keyboard.press("Enter")


def _know(page: Page) -> None:
    """Remember the person's name in this browser, as after the first change."""
    page.evaluate(
        "name => localStorage.setItem('museion.preferences', JSON.stringify({person: name}))", NAME
    )
