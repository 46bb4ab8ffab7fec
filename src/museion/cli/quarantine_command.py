"""`museion quarantine`: what could not be taken in or shown."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.options import json_option, print_json, site_option
from museion.cli.terminal_text import one_line

if TYPE_CHECKING:
    from museion.archive.catalog.records import QuarantineEntry

_LONGEST_LINE = 5000  # the longest path there is, and a reason


@click.command("quarantine")
@site_option
@json_option
def command(folder: Path, *, as_json: bool) -> None:
    """List refused files and assets that could not be enriched: what, why, and what to do."""
    entries = asyncio.run(_entries(folder, each_once=not as_json))
    if as_json:
        for entry in entries:
            print_json(_row(entry))
        return
    for entry in entries:
        asset = f" (asset {entry.asset_id})" if entry.asset_id else ""
        place = f"{entry.place or entry.filename}{asset}"
        line = f"{place}: {entry.reason} {entry.remedy}".rstrip()
        click.echo(one_line(line, longest=_LONGEST_LINE))
    if not entries:
        click.echo("Nothing is in quarantine.")
    else:
        click.echo("Try all again with `museion ingest --retry`.")


async def _entries(folder: Path, *, each_once: bool) -> list[QuarantineEntry]:
    from museion.archive.quarantine import one_each
    from museion.node.site import Site

    async with Site.open_reading(folder) as archive:
        entries = archive.catalog.quarantine()
        return one_each(entries) if each_once else entries


def _row(entry: QuarantineEntry) -> dict[str, object]:
    return {
        "id": entry.asset_id,
        "filename": entry.filename,
        "path": entry.place,
        "processor": entry.processor,
        "reason": entry.reason,
        "remedy": entry.remedy,
        "time": entry.time,
    }
