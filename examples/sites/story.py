"""What the demo of sites shows, step by step: the public door only, and every wait measured."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.sites.places import DemoFailed, Sites, wait_until

TRIANGLE = ("Vienna", "Graz", "Linz")
LEAF = "Field"
COLLECTION = "Field trip"
"""The leaf takes the pictures of this collection only."""

ANNA, BERT = "A quiet morning, says Anna", "A quiet evening, says Bert"
_IN_FIELD = 3
_SPREAD_LIMIT_S = 240.0
_CONVERGE_LIMIT_S = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Told:
    """What became of it, for those who look on.

    Attributes:
        asset: that both sites changed while the line was cut.
        conflict: that waits after it.
        times_s: how long each wait took, by what was waited for.
    """

    asset: str
    conflict: str
    times_s: dict[str, float]


async def connect(sites: Sites, say: Say) -> None:
    """Make one network of four sites: a triangle, and a leaf that is connected with Vienna."""
    for name in (*TRIANGLE[1:], LEAF):
        (invitation,) = await sites.run("Vienna", "sites", "invite")
        await sites.run(name, "sites", "join", invitation["code"])
        say(f"{name} has joined: an invitation in Vienna, one command in {name}.")
    await wait_until(lambda: _knows(sites, "Linz", "Graz"), "Linz knows Graz", limit_s=30)
    await sites.run("Linz", "sites", "connect", "Graz")
    await sites.run(LEAF, "sites", "connect", "Vienna", "--only", f'collection:"{COLLECTION}"')
    say(f'Linz and Graz are connected, too. {LEAF} takes the collection "{COLLECTION}" only.')


async def fill(sites: Sites, photos: Sequence[Sequence[Path]], say: Say) -> float:
    """Ingest photos at Vienna and at Graz; return how long it took until all had all, in seconds.

    Args:
        photos: those of Vienna, those of Graz.
    """
    for name, files in zip(TRIANGLE, photos, strict=False):
        await sites.run(name, "ingest", *files)
        say(f"{name} has ingested {len(files)} photos.")
    count = sum(map(len, photos))
    taken_s = await wait_until(
        lambda: _all_hold(sites, count), "all have all pictures", limit_s=_SPREAD_LIMIT_S
    )
    ids = await asset_ids(sites, "Vienna")
    await sites.run("Vienna", "collections", "make", COLLECTION, *ids[:_IN_FIELD], "--by", "Anna")
    in_field = min(_IN_FIELD, count)
    taken_s += await wait_until(
        lambda: _holds(sites, LEAF, in_field), f"{LEAF} has its part", limit_s=_CONVERGE_LIMIT_S
    )
    return taken_s


async def work_apart(sites: Sites, say: Say) -> str:
    """Cut all lines and change one asset at two sites; return the asset."""
    asset = (await asset_ids(sites, "Vienna"))[0]
    sites.cut()
    say("The lines are cut. Every site goes on alone:")
    for name, by, caption in (("Vienna", "Anna", ANNA), ("Graz", "Bert", BERT)):
        tag = name.lower()
        edit = ("--caption", caption, "--add-tag", tag, "--by", by)
        await sites.run(name, "edit", asset, *edit)
        await sites.run(name, "search", "a dog")
        say(f'  {by} in {name} writes "{caption}", tags it {tag}, and searches.')
    for name, tags in (("Vienna", ["vienna"]), ("Graz", ["graz"]), ("Linz", [])):
        view = await sites.get(name, f"/api/assets/{asset}")
        if view["tags"] != tags or view["conflicts"]:
            raise DemoFailed(f"{name} heard of the others while the lines were cut.")
    say("  Nobody hears of the others meanwhile.")
    return asset


async def heal(sites: Sites, asset: str) -> tuple[str, float]:
    """Mend the lines; return the conflict and how long it took until all had it, in seconds."""
    sites.mend()
    taken_s = await wait_until(
        lambda: _all_see(sites, asset, open_conflicts=1),
        "all see both captions and both tags",
        limit_s=_CONVERGE_LIMIT_S,
    )
    (conflict,) = await conflicts(sites, "Linz")
    return str(conflict["id"]), taken_s


async def settle(sites: Sites, conflict: str, asset: str) -> float:
    """Let Linz choose Anna's caption; return how long it took until all had it, in seconds.

    The command itself is counted, too.
    """
    versions = (await sites.get("Linz", f"/api/conflicts/{conflict}"))["versions"]
    chosen = next(each["id"] for each in versions if each["value"] == ANNA)
    command = ("conflicts", "resolve", conflict, "--choose", chosen, "--by", "Linda")
    clock = asyncio.get_running_loop().time
    begun_s = clock()
    await sites.run("Linz", *command)
    await wait_until(
        lambda: _all_see(sites, asset, open_conflicts=0),
        "all see the caption that was chosen",
        limit_s=_CONVERGE_LIMIT_S,
    )
    return clock() - begun_s


async def part_in_conflict(sites: Sites, say: Say) -> tuple[str, str]:
    """Let one conflict wait, for whoever looks on: a title, said apart; return asset, conflict."""
    asset = (await asset_ids(sites, "Vienna"))[1]
    sites.cut()
    for name, title, by in (("Vienna", "Of Vienna", "Anna"), ("Graz", "Of Graz", "Bert")):
        await sites.run(name, "edit", asset, "--title", title, "--by", by)
    sites.mend()
    await wait_until(
        lambda: _all_see(sites, asset, open_conflicts=1), "all see it", limit_s=_CONVERGE_LIMIT_S
    )
    (conflict,) = await conflicts(sites, "Vienna")
    say(f'"{conflict["filename"]}" has two titles now, and waits for you.')
    return asset, str(conflict["id"])


async def play(sites: Sites, photos: Sequence[Sequence[Path]], say: Say) -> Told:
    """Play all of it up to the conflict that waits, and return what became of it."""
    times_s: dict[str, float] = {}
    await connect(sites, say)
    times_s["filled"] = await fill(sites, photos, say)
    for name, count in (await counts(sites)).items():
        say(f"  {name:<7} {count:>3} pictures")
    asset = await work_apart(sites, say)
    conflict, times_s["healed"] = await heal(sites, asset)
    say(f"Mended. {times_s['healed']:.1f} s later all three have both tags, and both captions:")
    say("  the tags are merged, the captions wait for a person, the same conflict everywhere.")
    return Told(asset, conflict, times_s)


async def counts(sites: Sites) -> dict[str, int]:
    """Return how many pictures each site holds."""
    return {name: int((await sites.get(name, "/api/site"))["assets"]) for name in sites.places}


async def asset_ids(sites: Sites, name: str) -> list[str]:
    """Return the assets of a site in display order."""
    return [item["id"] for item in (await sites.get(name, "/api/assets"))["items"]]


async def conflicts(sites: Sites, name: str) -> list[dict[str, Any]]:
    """Return the open conflicts of a site."""
    found: list[dict[str, Any]] = (await sites.get(name, "/api/conflicts"))["items"]
    return found


async def _knows(sites: Sites, name: str, other: str) -> bool:
    known = (await sites.get(name, "/api/sites"))["sites"]
    return any(site["name"] == other for site in known)


async def _holds(sites: Sites, name: str, count: int) -> bool:
    """Tell whether a site holds and can show so many pictures, and waits for no blob."""
    site = await sites.get(name, "/api/site")
    waiting = (await sites.get(name, "/api/sites"))["blobs"]["waiting"]
    return bool(site["assets"] == count and site["settled"] and not waiting)


async def _all_hold(sites: Sites, count: int) -> bool:
    return all([await _holds(sites, name, count) for name in TRIANGLE])


async def _all_see(sites: Sites, asset: str, *, open_conflicts: int) -> bool:
    """Tell whether the triangle says the same of an asset: all words, tags and open versions."""
    views = [await sites.get(name, f"/api/assets/{asset}") for name in TRIANGLE]
    said = [(view["said"], view["tags"], view["conflicts"], view["caption"]) for view in views]
    return all(each == said[0] for each in said) and len(views[0]["conflicts"]) == open_conflicts
