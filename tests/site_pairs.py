"""Two sites that belong together, each in its own process; one of them is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from running_site import ServedSite, run_museion, serving, wait_until
from sample_library import LIBRARY

from museion.log.lmdb_store import LmdbEventStore
from museion.node.site import init_site


@contextmanager
def vienna_and_graz(folder: Path) -> Iterator[tuple[Path, str, str, ServedSite]]:
    """Serve Graz, and give Vienna's folder, its port and an asset; Vienna is not served.

    Vienna has joined Graz and ingested a photo, which has come to Graz with its blobs.
    """
    vienna = folder / "Vienna"
    for name in ("Vienna", "Graz"):
        init_site(folder / name, name=name)
    with serving(folder / "Graz") as graz:
        with serving(vienna) as served:
            (invitation,) = run_museion("sites", "invite", "--site", graz.folder, "--json").rows
            run_museion("sites", "join", invitation["code"], "--site", vienna)
            photo = min(LIBRARY.glob("*.jpg"))
            asset = served.upload(photo.read_bytes(), photo.name)["id"]
            served.settle()
            wait_until(lambda: is_level(served, graz), "Graz has everything of Vienna")
        yield vienna, served.url.rsplit(":", 1)[1], asset, graz


def is_level(one: ServedSite, other: ServedSite) -> bool:
    """Tell whether neither site is behind the other one, nor waits for blobs."""
    overviews = [site.get("/api/sites") for site in (one, other)]
    return all(_has_all(overview) for overview in overviews)


def _has_all(overview: dict[str, Any]) -> bool:
    cards = overview["sites"]
    ways = [card[way] for card in cards for way in ("receives", "sends")]
    is_behind = any(way is None or way["lag_events"] for way in ways)
    states = {card["state"] for card in cards}
    return states == {"up-to-date"} and not is_behind and not overview["blobs"]["waiting"]


def edit(site: ServedSite, asset: str, field: str, value: str) -> int:
    """Change a field of an asset at a served site, and return the status of the answer."""
    body = {"by": "Ann", "set": {field: value}}
    return site.http.patch(f"/api/assets/{asset}", json=body).status_code


def events_of(site: Path) -> dict[str, bytes]:
    """Return what the log of a site holds, served or not: identity -> payload."""
    with closing(LmdbEventStore(site / "log", writable=False)) as store:
        return {str(event.id): event.payload for event in store.read(limit=100_000)}


def blobs_of(site: Path) -> set[str]:
    """Return the names of the blobs that a site keeps."""
    return {path.name for path in (site / "blobs").rglob("*") if path.is_file()}
