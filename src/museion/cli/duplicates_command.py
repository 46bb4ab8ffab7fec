"""`museion duplicates`: assets that show the same picture, and seeing to them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from museion.cli.options import human_size, json_option, print_json, site_option
from museion.cli.people_door import author, by_option, door, found_assets
from museion.cli.terminal_text import one_line

_PAGE = 50
_KEPT_AT_ONCE = 25


@click.group("duplicates")
def command() -> None:
    """List and compare what shows the same picture; keep one, dismiss, take back."""


@command.command("list")
@site_option
@json_option
def list_command(folder: Path, *, as_json: bool) -> None:
    """List the groups of duplicates, that with the latest asset first."""
    groups = asyncio.run(_all(folder))
    for group in groups:
        if as_json:
            print_json(group)
        else:
            click.echo("\n".join(_lines(group)))
    if not groups and not as_json:
        click.echo("No duplicates wait.")


@command.command("show")
@click.argument("asset")
@site_option
@json_option
def show_command(asset: str, folder: Path, *, as_json: bool) -> None:
    """Show the group that ASSET is in, and what the one to keep takes over."""
    found = asyncio.run(_one(folder, asset))
    if as_json:
        print_json(found)
        return
    click.echo("\n".join([*_lines(found), *_taken_lines(found["takes_over"])]))
    click.echo(f"Keep it with: museion duplicates keep {found['suggested']}")


@command.command("keep")
@click.argument("assets", nargs=-1, metavar="[ASSET]…")
@click.option("--suggested", is_flag=True, help="Keep the suggested one of every group.")
@click.option("--yes", is_flag=True, help="Do not ask before keeping those of all groups.")
@by_option
@site_option
@json_option
def keep_command(
    assets: tuple[str, ...],
    *,
    suggested: bool,
    yes: bool,
    by: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Keep each ASSET of its group and trash the others, whose metadata it takes over.

    It gets their tags, joins their collections, and takes of other fields what it has not. What
    contradicts is listed and left. Each keeping prints an id, by which it is undone.
    """
    if bool(assets) == suggested:
        raise click.UsageError("Name the ASSETs to keep, or give --suggested.")
    if suggested and not yes:
        click.confirm("Keep the suggested one of every group, and trash the others?", abort=True)
    outcomes = asyncio.run(_keep(folder, assets, author(by)))
    for outcome in outcomes:
        if as_json:
            print_json(outcome)
        else:
            click.echo("\n".join(_kept_lines(outcome)))
    if not outcomes and not as_json:
        click.echo("No duplicates wait.")


@command.command("dismiss")
@click.argument("assets", nargs=-1, required=True, metavar="ASSET…")
@by_option
@site_option
@json_option
def dismiss_command(
    assets: tuple[str, ...], *, by: str | None, folder: Path, as_json: bool
) -> None:
    """Say that the group of each ASSET are no duplicates: they are not proposed again, anywhere."""
    for outcome in asyncio.run(_dismiss(folder, assets, author(by))):
        if as_json:
            print_json(outcome)
        else:
            click.echo(f"{len(outcome['ids'])} assets are not proposed again.")


@command.command("undo")
@click.argument("keepings", nargs=-1, required=True, metavar="KEEPING…")
@by_option
@site_option
@json_option
def undo_command(keepings: tuple[str, ...], *, by: str | None, folder: Path, as_json: bool) -> None:
    """Take back each KEEPING: the others leave the trash, and the kept one gives back what it took.

    What was changed since stays.
    """
    for outcome in asyncio.run(_undo(folder, keepings, author(by))):
        if as_json:
            print_json(outcome)
        else:
            click.echo(f"Taken back; out of the trash: {', '.join(outcome['restored']) or 'none'}")


async def _all(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    offset = 0
    async with door(folder) as site:
        while True:
            page = await site.get("/api/duplicates", offset=offset, limit=_PAGE)
            found += page["items"]
            offset += _PAGE
            if offset >= page["total"]:
                return found


async def _one(folder: Path, asset: str) -> dict[str, Any]:
    (asset_id,) = found_assets(folder, (asset,))
    async with door(folder) as site:
        found: dict[str, Any] = await site.get(f"/api/duplicates/{asset_id}")
        return found


async def _keep(folder: Path, assets: tuple[str, ...], by: str) -> list[dict[str, Any]]:
    if not assets:
        return await _keep_suggested(folder, by)
    ids = found_assets(folder, assets)
    async with door(folder) as site:
        return [
            await site.send("POST", f"/api/duplicates/{each}/keep", by=by, keep=each)
            for each in ids
        ]


async def _keep_suggested(folder: Path, by: str) -> list[dict[str, Any]]:
    groups = [group["id"] for group in await _all(folder)]
    outcomes: list[dict[str, Any]] = []
    async with door(folder) as site:
        for start in range(0, len(groups), _KEPT_AT_ONCE):
            some = groups[start : start + _KEPT_AT_ONCE]
            outcomes += await site.send("POST", "/api/duplicates/keep", by=by, groups=some)
    return outcomes


async def _dismiss(folder: Path, assets: tuple[str, ...], by: str) -> list[dict[str, Any]]:
    ids = found_assets(folder, assets)
    async with door(folder) as site:
        return [await site.send("POST", f"/api/duplicates/{each}/dismiss", by=by) for each in ids]


async def _undo(folder: Path, keepings: tuple[str, ...], by: str) -> list[dict[str, Any]]:
    async with door(folder) as site:
        return [
            await site.send("POST", "/api/duplicates/undo", by=by, keeping=each)
            for each in keepings
        ]


def _lines(group: dict[str, Any]) -> list[str]:
    """Return a group for people: which to keep and why, and how its members differ."""
    members = group["members"]
    lines = [one_line(f"{len(members)} show the same picture; {', '.join(group['why'])}: keep *")]
    for each in members:
        mark = "*" if each["id"] == group["suggested"] else " "
        size = f"{each['width']} × {each['height']}" if each["width"] else "size unknown"
        apart = "" if mark == "*" or each["bits"] is None else f", {each['bits']} of 64 bits apart"
        told = f"{size}, {human_size(each['size_bytes'])}, {each['media_type']}{apart}"
        lines.append(one_line(f"{mark} {each['id']}  {each['filename']}  {told}"))
    return lines


def _taken_lines(taken: dict[str, Any]) -> list[str]:
    lines = [one_line(f"takes over {name}: {value}") for name, value in taken["fields"].items()]
    if taken["tags"]:
        lines.append(one_line(f"takes over tags: {', '.join(taken['tags'])}"))
    if taken["collections"]:
        lines.append(one_line(f"joins collections: {', '.join(taken['collections'])}"))
    return lines + _left_lines(taken)


def _left_lines(taken: dict[str, Any]) -> list[str]:
    left = [
        one_line(f"leaves {each['field']} of {each['asset_id']}: {each['value']}")
        for each in taken["left"]
    ]
    guarded = [one_line(f"takes nothing of {each}: fewer may read it") for each in taken["guarded"]]
    return left + guarded


def _kept_lines(outcome: dict[str, Any]) -> list[str]:
    took = [*outcome["fields"], *(f"tag {each}" for each in outcome["tags"])]
    took += [f"collection {each}" for each in outcome["collections"]]
    rest = f"; took over {', '.join(took)}" if took else ""
    return [
        one_line(f"kept {outcome['asset_id']}, {len(outcome['trashed'])} in the trash{rest}"),
        *_left_lines(outcome),
        f"undo: museion duplicates undo {outcome['id']}",
    ]
