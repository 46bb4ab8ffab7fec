"""`museion conflicts`: fields that two sites gave different values, and settling them."""

from __future__ import annotations

import asyncio
import shutil
import textwrap
from pathlib import Path
from typing import Any

import click

from museion.cli.options import json_option, print_json, site_option
from museion.cli.people_door import author, by_option, door
from museion.cli.terminal_text import one_line

_PAGE = 500
_GAP = 3
_NARROWEST = 24
_LONGEST_VALUE = 20_000


@click.group("conflicts")
def command() -> None:
    """List, compare and settle what sites said differently about the same field."""


@command.command("list")
@site_option
@json_option
def list_command(folder: Path, *, as_json: bool) -> None:
    """List the fields that wait for a person, the last written first."""
    conflicts = asyncio.run(_all(folder))
    for conflict in conflicts:
        if as_json:
            print_json(conflict)
            continue
        said = " | ".join(one_line(_said(each), longest=60) for each in conflict["versions"])
        click.echo(one_line(f"{conflict['id']}  {conflict['filename']}: {said}"))
    if not conflicts and not as_json:
        click.echo("No conflicts are open.")


@command.command("show")
@click.argument("conflict")
@site_option
@json_option
def show_command(conflict: str, folder: Path, *, as_json: bool) -> None:
    """Show all versions of the field CONFLICT side by side: what, who, where, when."""
    found = asyncio.run(_one(folder, conflict))
    if as_json:
        print_json(found)
        return
    click.echo(one_line(f"{found['label']} of {found['filename']}  ({found['asset_id']})"))
    width = shutil.get_terminal_size().columns
    blocks = [_block(number, each) for number, each in enumerate(found["versions"], 1)]
    click.echo("\n".join(side_by_side(blocks, width=width)))
    click.echo(f"Settle it with: museion conflicts resolve {found['id']} --choose 1")


@command.command("resolve")
@click.argument("conflict")
@click.option("--choose", metavar="VERSION", help="Number or id of the version that holds.")
@click.option("--value", help="Or what the field shall say instead; sites of access as a,b.")
@click.option("--seen", metavar="TOKEN", help="`seen` of the conflict as you looked at it.")
@by_option
@site_option
@json_option
def resolve_command(
    conflict: str,
    *,
    choose: str | None,
    value: str | None,
    seen: str | None,
    by: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Settle the field CONFLICT, everywhere, by one of its versions or by a merged value.

    A version that comes in from another site meanwhile stays open, beside the result.
    """
    if (choose is None) == (value is None):
        raise click.UsageError("Give --choose VERSION or --value TEXT.")
    outcome = asyncio.run(_resolve(folder, conflict, choose, value, seen, author(by)))
    if as_json:
        print_json(outcome)
    elif conflict in outcome["conflicts"]:
        click.echo("Settled, but another version has come in: it is open with that one.")
    else:
        click.echo("Settled.")


async def _all(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with door(folder) as site:
        while True:
            page = await site.get("/api/conflicts", offset=len(found), limit=_PAGE)
            found += page["items"]
            if not page["items"] or len(found) >= page["total"]:
                return found


async def _one(folder: Path, conflict: str) -> dict[str, Any]:
    async with door(folder) as site:
        found: dict[str, Any] = await site.get(f"/api/conflicts/{conflict}")
        return found


async def _resolve(
    folder: Path, conflict: str, choose: str | None, value: str | None, seen: str | None, by: str
) -> dict[str, Any]:
    async with door(folder) as site:
        found = await site.get(f"/api/conflicts/{conflict}")
        body: dict[str, Any] = {"by": by, "seen": seen or found["seen"]}
        if choose is not None:
            body["choice"] = _chosen(found, choose)
        else:
            body["value"] = _typed(found["field"], value or "")
        done: dict[str, Any] = await site.send("POST", f"/api/conflicts/{conflict}/resolve", **body)
        return done


def _chosen(conflict: dict[str, Any], choose: str) -> str:
    """Return the id of a version that is named by its number or its id."""
    versions = conflict["versions"]
    if choose.isascii() and choose.isdigit() and 0 < int(choose) <= len(versions):
        identifier: str = versions[int(choose) - 1]["id"]
        return identifier
    return choose


def _typed(field: str, value: str) -> object:
    if field != "access" or value.strip() == "everyone":
        return value
    return value.replace(",", " ").split()


def _said(version: dict[str, Any]) -> str:
    return "(cleared)" if version["cleared"] else version["text"] or "(empty)"


def _block(number: int, version: dict[str, Any]) -> list[str]:
    where = version["site_name"] or version["site"]
    return [
        f"[{number}]",
        one_line(_said(version), longest=_LONGEST_VALUE),
        one_line(f"{version['by']}, at {where}, {version['time'][:16].replace('T', ' ')} UTC"),
        version["id"],
    ]


def side_by_side(blocks: list[list[str]], *, width: int) -> list[str]:
    """Return lines in which blocks stand next to each other, as many as fit; longer ones wrap."""
    at_once = max(1, min(len(blocks), (width + _GAP) // (_NARROWEST + _GAP)))
    column = max(_NARROWEST, (width + _GAP) // at_once - _GAP)
    lines: list[str] = []
    for start in range(0, len(blocks), at_once):
        row = blocks[start : start + at_once]
        for parts in zip(*row, strict=True):
            wrapped = [textwrap.wrap(part, column) or [""] for part in parts]
            for line in range(max(map(len, wrapped))):
                cells = [cell[line] if line < len(cell) else "" for cell in wrapped]
                lines.append((" " * _GAP).join(f"{cell:<{column}}" for cell in cells).rstrip())
        lines.append("")
    return lines[:-1]
