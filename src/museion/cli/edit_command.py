"""`museion edit`: change what people say about assets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from museion.cli.options import json_option, print_json, site_option
from museion.cli.people_door import Door, author, by_option, door, found_assets
from museion.cli.terminal_text import one_line

_TEXTS = ("title", "caption", "creator", "credit", "copyright", "rights")


@click.command("edit")
@click.argument("assets", nargs=-1, required=True, metavar="ASSET…")
@click.option("--title", help='Text of the title; "" for none.')
@click.option("--caption", help='Text of the caption; "" for none.')
@click.option("--creator", help="Who made it.")
@click.option("--credit", help="Whom to name with it.")
@click.option("--copyright", help="Who holds the rights.")
@click.option("--rights", help="Terms of the licence, in words.")
@click.option("--rating", type=click.IntRange(0, 5), help="Stars.")
@click.option("--access", metavar="SITES", help="Who may have it: everyone, or ids of sites, a,b.")
@click.option("--clear", multiple=True, metavar="FIELD", help="Show what the original says again.")
@click.option("--add-tag", multiple=True, metavar="TAG", help="Put a tag in; may be repeated.")
@click.option("--remove-tag", multiple=True, metavar="TAG", help="Take a tag out; as --add-tag.")
@click.option("--comment", metavar="TEXT", help="Say something about it.")
@click.option("--undo", metavar="CHANGE", help="Take a change back; `museion show` lists them.")
@click.option("--trash/--restore", default=None, help="Hide it, or show it again.")
@click.option("--seen", metavar="TOKEN", help="What you looked at: `seen` of the asset.")
@by_option
@site_option
@json_option
def command(
    assets: tuple[str, ...], *, folder: Path, by: str | None, as_json: bool, **options: Any
) -> None:
    """Change fields and tags of ASSETs, each named by its id, its digest, or their beginning.

    What was changed elsewhere since --seen is not overwritten: it waits as a conflict.
    """
    changes = _changes(options)
    acts = options["comment"] or options["undo"] or options["trash"] is not None
    if not changes and not acts:
        raise click.UsageError("Say what to change, --caption for example.")
    if options["seen"] and len(assets) > 1:
        raise click.UsageError("--seen goes with one ASSET only.")
    outcomes = asyncio.run(_edit(folder, assets, changes, author(by), options))
    for outcome in outcomes:
        if as_json:
            print_json(outcome)
        else:
            click.echo(_line(outcome))


def _changes(options: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a request without its person; nothing where no field changes."""
    wanted = {name: options[name] for name in (*_TEXTS, "rating") if options[name] is not None}
    if options["access"] is not None:
        sites = options["access"].strip()
        wanted["access"] = None if sites == "everyone" else sites.replace(",", " ").split()
    lists = {
        "clear": options["clear"],
        "add_tags": options["add_tag"],
        "remove_tags": options["remove_tag"],
    }
    changes: dict[str, Any] = {name: list(each) for name, each in lists.items() if each}
    return changes | ({"set": wanted} if wanted else {})


async def _edit(
    folder: Path, assets: tuple[str, ...], changes: dict[str, Any], by: str, options: dict[str, Any]
) -> list[dict[str, Any]]:
    ids = found_assets(folder, assets)
    async with door(folder) as site:
        outcomes: list[dict[str, Any]] = []
        if changes and len(ids) == 1:
            path = f"/api/assets/{ids[0]}"
            seen = options["seen"]
            outcomes = [await site.send("PATCH", path, by=by, seen=seen, **changes)]
        elif changes:
            outcomes = await site.send("POST", "/api/assets/edit", by=by, ids=ids, **changes)
        for asset_id in ids:
            outcomes += await _act(site, f"/api/assets/{asset_id}", by, options)
        return outcomes


async def _act(site: Door, path: str, by: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    done = []
    if options["comment"]:
        done += [await site.send("POST", f"{path}/comments", by=by, text=options["comment"])]
    if options["undo"]:
        done += [await site.send("POST", f"{path}/undo", by=by, change=options["undo"])]
    if options["trash"] is not None:
        act = "trash" if options["trash"] else "restore"
        done += [await site.send("POST", f"{path}/{act}", by=by)]
    return done


def _line(outcome: dict[str, Any]) -> str:
    told = "changed" if outcome["changed"] else "was so already"
    waiting = ", ".join(outcome["conflicts"])
    rest = f"; waits for a person: {waiting} (museion conflicts show)" if waiting else ""
    return one_line(f"{outcome['id']}  {told}{rest}")
