"""`museion init`: make a site."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", help="What people call the site; the folder's name if left out.")
def command(folder: Path, name: str | None) -> None:
    """Make a new site in FOLDER, or say that it is one already."""
    from museion.node.site import init_site

    if init_site(folder, name=name):
        place = quote(str(folder))
        click.echo(f"Made a site in {folder}. Next: museion ingest --site {place} PHOTOS")
    else:
        click.echo(f"{folder} is a site already; nothing was changed.")
