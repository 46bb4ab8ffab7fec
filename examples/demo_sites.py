"""Plays four sites on this machine: they part, go on alone, come together, and settle a conflict.

The story itself is in `sites/story.py`. What was played once is only served the next time.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import msgspec

from examples.demo import PHOTOS, ROOT, prepare_photos
from examples.sites import story
from examples.sites.places import DemoFailed, Place, Sites

FOLDER = ROOT / "demo-sites"
_PHOTOS_A_SITE = 39
_NAMES = (*story.TRIANGLE, story.LEAF)
_TOLD = "told.json"
_BEGUN = "begun"


def main() -> None:
    """Play the story if it was not played yet, then serve the sites until Ctrl-C."""
    arguments = _arguments()
    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(_demo(arguments))
        except DemoFailed as reason:
            sys.exit(f"The demo cannot go on: {reason}")


def places(folder: Path, first_port: int) -> list[Place]:
    """Return where the four sites lie; ports in a row, those of the lines ten further on."""
    return [
        Place(name, folder / name, first_port + number, first_port + 10 + number)
        for number, name in enumerate(_NAMES)
    ]


async def _demo(arguments: argparse.Namespace) -> None:
    folder, first_port = arguments.folder, arguments.port
    told = _told_before(folder)
    if told is None:
        _begin(folder, first_port)
    else:
        first_port = int((folder / _BEGUN).read_text("ascii"))
    _say("Starting four sites …")
    async with Sites.open(places(folder, first_port)) as sites:
        if told is None:
            told = await _play(sites, folder, arguments.photos)
        _show(sites, told)
        if not arguments.no_serve:
            _say("Stop with Ctrl-C.")
            await asyncio.Event().wait()  # without limit: until somebody stops it


async def _play(sites: Sites, folder: Path, photos: int) -> story.Told:
    begun_s = time.monotonic()
    files = sorted(prepare_photos(PHOTOS).glob("*.jpg"))
    shares = (files[:photos], files[photos : 2 * photos])
    told = await story.play(sites, shares, _say)
    settled_s = await story.settle(sites, told.conflict, told.asset)
    _say(f"Linda in Linz settles it: after {settled_s:.1f} s every site shows Anna's caption.")
    _, conflict = await story.part_in_conflict(sites, _say)
    told = story.Told(told.asset, conflict, told.times_s | {"settled": settled_s})
    (folder / _TOLD).write_bytes(msgspec.json.encode(asdict(told)))
    _say(f"All of it took {time.monotonic() - begun_s:.0f} s.")
    return told


def _begin(folder: Path, first_port: int) -> None:
    """Make the folder; one in which the demo did not come to its end is made anew."""
    if folder.exists():
        if not (folder / _BEGUN).exists():
            raise DemoFailed(f"{folder} is not a folder of this demo. Name another: --folder.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _BEGUN).write_text(str(first_port), "ascii")


def _told_before(folder: Path) -> story.Told | None:
    with suppress(FileNotFoundError):
        return msgspec.json.decode((folder / _TOLD).read_bytes(), type=story.Told)
    return None


def _show(sites: Sites, told: story.Told) -> None:
    _say("\nLook at them, each as the people there see it:")
    for place in sites.places.values():
        _say(f"  {place.name:<7} {place.url}")
    vienna = sites.places["Vienna"]
    _say(f"The sites and their lines:      {vienna.url}/sites")
    _say(f"The conflict that waits:        {vienna.url}/conflicts")
    _say(f"The asset that both changed:    {vienna.url}/?asset={told.asset}")
    _say(f"Settle it: museion conflicts show --site {vienna.folder} {told.conflict}")


def _say(text: str) -> None:
    print(text, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="folder of the four sites")
    parser.add_argument("--port", type=int, default=8430, help="first port; 14 from it are used")
    parser.add_argument("--photos", type=int, default=_PHOTOS_A_SITE, help="photos a site ingests")
    parser.add_argument("--no-serve", action="store_true", help="stop after the story")
    return parser.parse_args()


if __name__ == "__main__":
    main()
