"""`museion quarantine`: what could not be taken in or shown."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.options import json_option, print_json, site_option

if TYPE_CHECKING:
    from museion.archive.catalog.records import QuarantineEntry


@click.command("quarantine")
@site_option
@json_option
def command(folder: Path, *, as_json: bool) -> None:
    """List refused files and assets that could not be enriched: what, why, and what to do."""
    entries = asyncio.run(_entries(folder))
    if as_json:
        for entry in entries:
            print_json(_row(entry))
        return
    for entry in entries:
        place = _place(entry) or f"{entry.filename} (asset {entry.asset_id})"
        click.echo(f"{place}: {entry.reason} {entry.remedy}".rstrip())
    if not entries:
        click.echo("Nothing is in quarantine.")
    else:
        click.echo("Try all again with `museion ingest --retry`.")


async def _entries(folder: Path) -> list[QuarantineEntry]:
    from museion.node.site import Site

    async with Site.open_reading(folder) as archive:
        return archive.catalog.quarantine()


def _place(entry: QuarantineEntry) -> str | None:
    return entry.path.decode("utf-8", "replace") if entry.path else None


def _row(entry: QuarantineEntry) -> dict[str, object]:
    return {
        "id": entry.asset_id,
        "filename": entry.filename,
        "path": _place(entry),
        "processor": entry.processor,
        "reason": entry.reason,
        "remedy": entry.remedy,
        "time": entry.time,
    }
