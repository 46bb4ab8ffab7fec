"""What tests through the public doors share: the sample library, a site that holds it, a browser.

Nothing heavy is imported or started before a test asks for it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from running_site import ServedSite

_NO_BROWSER = "no chromium is on the PATH: the web page was NOT tested in a browser"
_NO_NGINX = "no nginx is on the PATH: replication through a proxy with TLS was NOT tested"


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the photos of the sample library; not to be changed."""
    from sample_library import prepare_photos

    return prepare_photos(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="session")
def library_site(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that holds the sample library; to be read only, or copied."""
    from running_site import run_museion

    site = tmp_path_factory.mktemp("sites") / "library-site"
    run_museion("init", site, "--name", "Sample library")
    run_museion("ingest", "--site", site, library)
    return site


@pytest.fixture(scope="session")
def library_server(
    library_site: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedSite]:
    """A server of the sample library; to be asked only, never changed."""
    from running_site import serving

    copy = tmp_path_factory.mktemp("served") / "library-site"
    shutil.copytree(library_site, copy)
    with serving(copy) as served:
        yield served


@pytest.fixture
def new_site(tmp_path: Path) -> Path:
    """An empty site."""
    from running_site import run_museion

    site = tmp_path / "site"
    run_museion("init", site)
    return site


@pytest.fixture
def served(new_site: Path) -> Iterator[ServedSite]:
    """A server of an empty site."""
    from running_site import serving

    with serving(new_site) as served_site:
        yield served_site


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    """A server of a site that is empty at first and that tests of a module share."""
    from running_site import run_museion, serving

    site = tmp_path_factory.mktemp("shared") / "site"
    run_museion("init", site)
    with serving(site) as served_site:
        yield served_site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real headless browser; where none can be found the test says loudly that it did not run.

    It ends with the module, because it keeps an event loop of its own running in this thread.
    """
    from real_browser import browsing, find_browser

    if find_browser() is None:
        pytest.skip(_NO_BROWSER)
    with browsing() as running:
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end, where nobody overlooks it, what did not run for want of a program."""
    skipped = terminalreporter.stats.get("skipped", [])
    for title, reason in (("BROWSER", _NO_BROWSER), ("NGINX", _NO_NGINX)):
        missed = [report for report in skipped if reason in str(report.longrepr)]
        if missed:
            terminalreporter.section(title, sep="!")
            terminalreporter.line(f"{len(missed)} tests skipped: {reason}", red=True)
