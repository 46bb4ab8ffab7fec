"""A real headless browser that looks at a served site and takes note of every complaint."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LIMIT_S = 20.0
"""How long a page may take for anything, on a machine that has more to do."""

_NOTE_VIOLATIONS = (
    "addEventListener('securitypolicyviolation',"
    " (event) => console.error('CSP: ' + event.violatedDirective + ' ' + event.blockedURI))"
)


def find_browser() -> str | None:
    """Return the path of a Chromium of this machine, or None."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def browsing() -> Iterator[Browser]:
    """Start the browser for a while; there must be one."""
    path = find_browser()
    assert path is not None, "look for a browser first"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A page of a browser at a site, and all that the browser complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def _hear(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")


@contextmanager
def visiting(browser: Browser, url: str, **options: Any) -> Iterator[Visit]:
    """Open a page of its own, with a store of its own, at an address."""
    context = browser.new_context(base_url=url, **({"viewport": _DESK} | options))
    try:
        context.set_default_timeout(LIMIT_S * 1000)
        context.add_init_script(_NOTE_VIOLATIONS)
        visit = Visit(context.new_page())
        visit.page.goto(url)
        yield visit
    finally:
        context.close()


_DESK = {"width": 1280, "height": 800}
