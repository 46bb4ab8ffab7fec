"""`museion status`: what a site holds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from museion.cli.options import json_option, print_json, site_option


@click.command("status")
@site_option
@json_option
def command(folder: Path, *, as_json: bool) -> None:
    """Tell how many assets the site holds, how many wait for enrichment, and who serves it."""
    status = asyncio.run(_status(folder))
    if as_json:
        print_json(status)
        return
    for name, value in status.items():
        click.echo(f"{name:<12} {value if value is not None else '-'}")


async def _status(folder: Path) -> dict[str, object]:
    from museion.node.site import Site
    from museion.node.site_lock import read_holder

    async with Site.open_reading(folder) as archive:
        counts = archive.catalog.counts()
        card = archive.searcher.checkpoint.card
        holder = read_holder(folder)
        return {
            "name": archive.name,
            "assets": counts.assets,
            "pending": counts.pending,
            "quarantined": counts.quarantined,
            "conflicts": archive.catalog.people.conflict_count(),
            "position": counts.position,
            "encoder": card.name,
            "licence": card.licence,
            "served_at": holder.url if holder else None,
        }
