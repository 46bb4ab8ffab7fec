"""`museion collections`: sets of assets that people made in their order, or that a query finds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from museion.cli.options import json_option, print_json, site_option
from museion.cli.people_door import author, by_option, door, found_assets
from museion.cli.terminal_text import one_line

_PAGE = 500


@click.group("collections")
def command() -> None:
    """Make collections of assets or of what a query finds, put them in order, look at them."""


@command.command("list")
@site_option
@json_option
def list_command(folder: Path, *, as_json: bool) -> None:
    """List all collections by name."""
    found = asyncio.run(_list(folder))
    for each in found:
        if as_json:
            print_json(each)
        else:
            click.echo(one_line(f"{each['id']}  {_title(each)}"))
    if not found and not as_json:
        click.echo("There are no collections yet.")


@command.command("show")
@click.argument("collection")
@site_option
@json_option
def show_command(collection: str, folder: Path, *, as_json: bool) -> None:
    """Show the members of COLLECTION in their order, or what its query finds now."""
    found = asyncio.run(_show(folder, collection))
    if as_json:
        print_json(found)
        return
    click.echo(one_line(_title(found)))
    if found["description"]:
        click.echo(one_line(found["description"]))
    for number, item in enumerate(found["items"]):
        click.echo(one_line(f"{number:>4}. {item['filename']}  {item['id']}"))


@command.command("make")
@click.argument("name")
@click.argument("assets", nargs=-1, metavar="[ASSET]…")
@click.option("--query", default="", help="Its members are what this finds, whenever it is opened.")
@by_option
@site_option
@json_option
def make_command(
    name: str, assets: tuple[str, ...], *, query: str, by: str | None, folder: Path, as_json: bool
) -> None:
    """Begin a collection called NAME, with ASSETs in it if some are given."""
    if assets and query.strip():
        raise click.UsageError("Name ASSETs, or give a --query that finds them.")
    made = asyncio.run(_make(folder, name, assets, author(by), query))
    if as_json:
        print_json(made)
    else:
        click.echo(made["id"])


@command.command("change")
@click.argument("collection")
@click.option("--name", help="Another name.")
@click.option("--description", help="Another description.")
@click.option("--query", help="Its members are what this finds, whenever it is opened.")
@click.option("--no-query", is_flag=True, help="Keep what the query finds now as members.")
@by_option
@site_option
@json_option
def change_command(
    collection: str,
    *,
    name: str | None,
    description: str | None,
    query: str | None,
    no_query: bool,
    by: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Rename or describe COLLECTION, or change what finds its members."""
    if no_query and query is not None:
        raise click.UsageError("Give another --query, or --no-query.")
    if query is not None and not query.strip():
        raise click.UsageError("Give --no-query to take the query away.")
    changes = {"name": name, "description": description, "query": "" if no_query else query}
    wanted = {field: value for field, value in changes.items() if value is not None}
    if not wanted:
        raise click.UsageError("Say what to change.")
    done = asyncio.run(_patch(folder, collection, author(by), wanted))
    if as_json:
        print_json(done)
    else:
        click.echo(one_line(_title(done)))


@command.command("add")
@click.argument("collection")
@click.argument("assets", nargs=-1, required=True, metavar="ASSET…")
@click.option("--at", "index", type=click.IntRange(0), help="Place, from 0; the end if left out.")
@by_option
@site_option
@json_option
def add_command(
    collection: str,
    assets: tuple[str, ...],
    *,
    index: int | None,
    by: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Put ASSETs into COLLECTION, in a row."""
    _change(folder, collection, "add", assets, index, author(by), as_json=as_json)


@command.command("move")
@click.argument("collection")
@click.argument("assets", nargs=-1, required=True, metavar="ASSET…")
@click.option("--to", "index", type=click.IntRange(0), required=True, help="Place, from 0.")
@by_option
@site_option
@json_option
def move_command(
    collection: str,
    assets: tuple[str, ...],
    *,
    index: int,
    by: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Put members elsewhere, in a row; the place is counted without them."""
    _change(folder, collection, "move", assets, index, author(by), as_json=as_json)


@command.command("remove")
@click.argument("collection")
@click.argument("assets", nargs=-1, metavar="[ASSET]…")
@click.option("--all", "everything", is_flag=True, help="Remove the collection itself.")
@by_option
@site_option
@json_option
def remove_command(
    collection: str,
    assets: tuple[str, ...],
    *,
    everything: bool,
    by: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Take ASSETs out of COLLECTION, or remove it with --all; the assets stay in the archive."""
    if bool(assets) == everything:
        raise click.UsageError("Name ASSETs, or give --all to remove the collection itself.")
    if everything:
        asyncio.run(_remove(folder, collection, author(by)))
        if not as_json:
            click.echo("Removed; its assets stay.")
        return
    _change(folder, collection, "remove", assets, None, author(by), as_json=as_json)


def _change(
    folder: Path,
    collection: str,
    act: str,
    assets: tuple[str, ...],
    index: int | None,
    by: str,
    *,
    as_json: bool,
) -> None:
    done = asyncio.run(_rearrange(folder, collection, act, assets, index, by))
    if as_json:
        print_json(done)
    else:
        click.echo(one_line(_title(done)))


def _title(collection: dict[str, Any]) -> str:
    """Return the name with the number of members, or with the query that finds them."""
    title = str(collection["name"])
    if collection["query"]:
        title += f"  = {collection['query']}"
    return title if collection["count"] is None else f"{title}  ({collection['count']})"


async def _list(folder: Path) -> list[dict[str, Any]]:
    async with door(folder) as site:
        found: list[dict[str, Any]] = await site.get("/api/collections")
        return found


async def _show(folder: Path, collection: str) -> dict[str, Any]:
    async with door(folder) as site:
        shown: dict[str, Any] = await site.get(f"/api/collections/{collection}", limit=_PAGE)
        while len(shown["items"]) < shown["count"]:
            offset = len(shown["items"])
            path = f"/api/collections/{collection}"
            more = (await site.get(path, offset=offset, limit=_PAGE))["items"]
            if not more:
                break
            shown["items"] += more
        return shown


async def _make(
    folder: Path, name: str, assets: tuple[str, ...], by: str, query: str
) -> dict[str, Any]:
    ids = found_assets(folder, assets) if assets else []
    wanted = {"name": name} | ({"query": query} if query.strip() else {})
    async with door(folder) as site:
        made: dict[str, Any] = await site.send("POST", "/api/collections", by=by, **wanted)
        if ids:
            made = await site.send("POST", f"/api/collections/{made['id']}/add", by=by, ids=ids)
        return made


async def _rearrange(
    folder: Path, collection: str, act: str, assets: tuple[str, ...], index: int | None, by: str
) -> dict[str, Any]:
    ids = found_assets(folder, assets)
    async with door(folder) as site:
        path = f"/api/collections/{collection}/{act}"
        done: dict[str, Any] = await site.send("POST", path, by=by, ids=ids, index=index)
        return done


async def _patch(folder: Path, collection: str, by: str, wanted: dict[str, str]) -> dict[str, Any]:
    async with door(folder) as site:
        path = f"/api/collections/{collection}"
        done: dict[str, Any] = await site.send("PATCH", path, by=by, **wanted)
        return done


async def _remove(folder: Path, collection: str, by: str) -> None:
    async with door(folder) as site:
        await site.send("PATCH", f"/api/collections/{collection}", by=by, removed=True)
