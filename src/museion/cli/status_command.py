"""`museion status`: what a site holds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.options import json_option, print_json, site_option

if TYPE_CHECKING:
    from museion.archive.catalog.reader import Catalog


@click.command("status")
@site_option
@json_option
def command(folder: Path, *, as_json: bool) -> None:
    """Tell how many assets the site holds, how many wait for enrichment, and who serves it."""
    status = asyncio.run(_status(folder))
    if as_json:
        print_json(status)
        return
    coming = status["coming"]
    if isinstance(coming, dict):
        status["coming"] = "{name}: {embedded} of {of} embedded".format(**coming)
    for name, value in status.items():
        click.echo(f"{name:<12} {value if value is not None else '-'}")


def _coming(folder: Path, catalog: Catalog) -> dict[str, object] | None:
    """Return how far the change to another model has come, None where there is none."""
    from museion.archive.generations import read_choice
    from museion.models.registry import Registry
    from museion.node.settings import read_settings
    from museion.node.site_models import models_folder

    models = models_folder(folder)
    wanted = read_choice(models, default=read_settings(folder).encoder).wanted
    registry = Registry(models)
    if wanted is None or wanted not in registry.names():
        return None
    counts = catalog.embeddings.embedded()
    done = counts.done.get(registry.find(wanted).space.id, 0)
    return {"name": wanted, "embedded": done, "of": counts.of}


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
            "coming": _coming(folder, archive.catalog),
            "served_at": holder.url if holder else None,
        }
