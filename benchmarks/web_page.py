"""How the web page of a running site performs: first grid, scrolling, jumps.

Run `python benchmarks/web_page.py --url URL` against a site that is served, or without a URL: then
the site of 10,000 assets is served that `make bench-ingest` has left. It prints one JSON object a
line per figure: figure, value, unit, peer, ratio, goal, holds. Every run has a fresh browser
profile, so nothing comes from a cache of an earlier one.

What is measured in the page, frame by frame, is in `web_page.js`: a tile counts as blank while it
is in sight and its picture is not decoded; a stretch of the screen without rows counts as well.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from figures import Figure, at_most, print_figures, print_machine
from playwright.sync_api import Browser, Page, sync_playwright
from serving import GROWN_SITE, served

_WATCH = (Path(__file__).parent / "web_page.js").read_text(encoding="utf-8")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_VIEWPORT_WIDTH = 1440
_VIEWPORT_HEIGHT = 900
_TIMEOUT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Scrolled:
    """What one steady scroll showed."""

    tiles: int
    travelled_px: float
    longest_blank_ms: float
    blank_tiles: int
    longest_frame_ms: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the status is 1 where a goal is missed."""
    options = _options(arguments)
    print_machine(["museion", "playwright"])
    with _address(options.url) as url, sync_playwright() as playwright:
        options.url = url
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=list(_ARGUMENTS), headless=True
        )
        print(f"{browser.version} on {platform.platform()}", file=sys.stderr)
        figures = list(_figures(browser, options))
        browser.close()
    print_figures(figures)
    return 0 if all(figure.holds for figure in figures) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", help="address of the site, as `museion serve` prints it")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser's program")
    parser.add_argument("--runs", type=int, default=7, help="visits for the first grid")
    parser.add_argument("--seconds", type=float, default=15, help="length of each steady scroll")
    parser.add_argument("--jumps", type=int, default=20, help="jumps over the date rail")
    parser.add_argument("--seed", type=int, default=1, help="seed of the places jumped to")
    return parser.parse_args(arguments)


def _figures(browser: Browser, options: argparse.Namespace) -> Iterator[Figure]:
    first = statistics.median(_first_grid_ms(browser, options.url) for _ in range(options.runs))
    yield at_most("web_first_grid_painted", first, "ms", 1000)
    for speed in (1500, 4000, 12000):
        scrolled = _scroll(browser, options.url, speed, options.seconds)
        print(f"{speed} px/s: {scrolled}", file=sys.stderr)
        longest = scrolled.longest_blank_ms
        name = f"web_longest_blank_tile_at_{speed}_px_per_s"
        yield at_most(name, longest, "ms", 200)
    jumps = _jumps_ms(browser, options.url, options.jumps, seed=options.seed)
    print(f"jumps: {[round(each) for each in jumps]}", file=sys.stderr)
    slowest = max(jumps)
    yield at_most("web_longest_blank_after_jump", slowest, "ms", 200)


@contextmanager
def _address(url: str | None) -> Iterator[str]:
    """Yield the given address, or serve the grown site meanwhile."""
    if url:
        yield url
        return
    if not GROWN_SITE.exists():
        sys.exit("No site of 10,000 assets is there: run `make bench-ingest` first, or give --url.")
    with served(GROWN_SITE) as address:
        yield address


@contextmanager
def _visit(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": _VIEWPORT_WIDTH, "height": _VIEWPORT_HEIGHT},
        reduced_motion="no-preference",
    )
    context.add_init_script(_WATCH)
    page = context.new_page()
    page.set_default_timeout(_TIMEOUT_MS)
    page.goto(url, wait_until="commit")
    try:
        yield page
    finally:
        context.close()


def _first_grid_ms(browser: Browser, url: str) -> float:
    """Milliseconds from the start of the navigation until the first screen is painted."""
    with _visit(browser, url) as page:
        return float(page.evaluate("gridWatch.painted()"))


def _scroll(browser: Browser, url: str, speed: int, seconds: float) -> Scrolled:
    with _visit(browser, url) as page:
        page.evaluate("gridWatch.painted()")
        seen = page.evaluate(
            "([speed, seconds]) => gridWatch.scroll(speed, seconds)", [speed, seconds]
        )
    blanks_ms = [float(each) for each in seen["blanks_ms"]]
    return Scrolled(
        tiles=int(seen["tiles"]),
        travelled_px=round(float(seen["travelled_px"])),
        longest_blank_ms=max(blanks_ms, default=0.0),
        blank_tiles=len(blanks_ms),
        longest_frame_ms=round(float(seen["longestFrame_ms"]), 1),
    )


def _jumps_ms(browser: Browser, url: str, count: int, *, seed: int) -> list[float]:
    places = random.Random(seed)  # noqa: S311 -- places to jump to are no secret
    with _visit(browser, url) as page:
        page.evaluate("gridWatch.painted()")
        return [
            float(page.evaluate("share => gridWatch.jump(share)", places.random()))
            for _ in range(count)
        ]


if __name__ == "__main__":
    sys.exit(main())
